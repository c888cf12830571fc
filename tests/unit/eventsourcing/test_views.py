"""Views: every fact once, whoever dies."""

import asyncio
from collections.abc import Sequence

from structlog.testing import capture_logs

from shared.eventsourcing.store import StoreUnavailable
from shared.eventsourcing.views import Fact, Row
from tests.unit.eventsourcing.toy import (
    Installation,
    Instance,
    arrival,
    block,
    count,
    set_limit,
    toy_view,
)


async def take(instance: Instance, *names: str) -> None:
    await instance.runtime.pipeline.take([arrival(block(name)) for name in names])


async def view(installation: Installation, name: str = "a", version: int = 1) -> Row | None:
    return await installation.store().view_row(f"customers@{version}", name)


async def whole(installation: Installation, names: Sequence[str], version: int = 1) -> bool:
    rows = [await view(installation, name, version) for name in names]
    return all(
        row is not None and len(row["facts"]) == len(installation.facts(name))
        for name, row in zip(names, rows, strict=True)
    )


async def until_whole(installation: Installation, names: Sequence[str], version: int = 1) -> None:
    async with asyncio.timeout(300):
        while not await whole(installation, names, version):  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(0.1)
    await asyncio.sleep(30)
    assert await whole(installation, names, version)


async def test_a_view_folds_every_fact_once(installation: Installation) -> None:
    names = [f"c{n}" for n in range(10)]
    async with installation.running(views=(toy_view(),)) as instance:
        for _ in range(5):
            await take(instance, *names)
        await until_whole(installation, names)

    row = await view(installation, "c0")
    assert row is not None
    positions = [int(fact.rpartition(":")[2]) for fact in row["facts"]]
    assert positions == sorted(positions)


async def test_facts_that_are_nothing_to_a_view_between_its_own_double_nothing(installation: Installation) -> None:
    async with installation.running(views=(toy_view(),)) as instance:
        for _ in range(5):
            await instance.runtime.pipeline.take([arrival(set_limit("another"), "a")])
            await asyncio.sleep(0.05)
            await take(instance, "a")
            await asyncio.sleep(0.01)
        await until_whole(installation, ["a"])


async def test_a_view_loses_and_doubles_nothing_when_processes_die_and_share_lanes(
    installation: Installation,
) -> None:
    names = [f"c{n}" for n in range(10)]
    one = installation.instance("one", views=(toy_view(),))
    await one.runtime.start()
    await take(one, *names)
    async with installation.running("two", views=(toy_view(),)) as two:
        await asyncio.sleep(7)
        await take(two, *names)
        await asyncio.sleep(0.01)
        await one.crash()
        # Facts of one customer in several lanes: the row is written by whoever holds the lane.
        await two.runtime.pipeline.take([arrival(block(name), f"key-{n}") for n, name in enumerate(names * 3)])
        async with installation.running("three", views=(toy_view(),)) as three:
            await three.runtime.pipeline.take([arrival(block(name), f"k{n}") for n, name in enumerate(names)])
            await until_whole(installation, names)


async def test_a_new_version_fills_from_the_first_fact_beside_the_old(installation: Installation) -> None:
    def shout(key: str, row: Row | None, fact: Fact) -> Row:
        return {"id": key, "facts": [*(row or {}).get("facts", ()), "!"], "status": "new"}

    async with installation.running(views=(toy_view(),)) as instance:
        await take(instance, "a", "b")
        await until_whole(installation, ["a", "b"])
    async with installation.running(views=(toy_view(2, shout),)):
        await until_whole(installation, ["a", "b"], version=2)

    assert (await view(installation, version=2) or {})["facts"] == ["!", "!"]
    assert (await view(installation, version=1) or {})["status"] == "CustomerBlocked"


async def test_a_view_that_fails_stands_still_alone_and_goes_on_when_it_can(installation: Installation) -> None:
    broken = True

    def fragile(key: str, row: Row | None, fact: Fact) -> Row:
        if broken:
            raise ZeroDivisionError
        return count(key, row, fact)

    async with installation.running(views=(toy_view(1, fragile), toy_view(2))) as instance:
        with capture_logs() as lines:
            await take(instance, "a", "b")
            await until_whole(installation, ["a", "b"], version=2)
        facts = {
            str(one.id): one for name in "ab" for one in installation.tables.stream_events[f"customer-{name}"]
        }
        said = [one for one in lines if one["event"] == "view stands still"]
        assert said
        assert all(facts[one["fact"]].correlation_id == one["correlation_id"] for one in said)
        await take(instance, "a")
        assert await view(installation) is None
        assert not instance.runtime.failed.done()
        broken = False
        await until_whole(installation, ["a", "b"])


async def test_a_view_goes_on_after_the_store_failed_around_its_commit(installation: Installation) -> None:
    calls = 0

    def hazard(moment: str) -> None:
        nonlocal calls
        calls += 1
        if calls % 5 == 0:
            raise StoreUnavailable("away")

    names = [f"c{n}" for n in range(10)]
    async with installation.running(views=(toy_view(),), store_hazard=hazard) as instance:
        for name in names:
            await take(instance, name)
        await until_whole(installation, names)

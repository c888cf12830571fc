"""Views: every fact once, whoever dies."""

import asyncio
from collections.abc import Sequence

from structlog.testing import capture_logs

from shared.eventsourcing.store import StoreUnavailable
from shared.eventsourcing.stored_views import StoredViews
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
    for pause in (30, 0):  # what is folded twice may be so later; meanwhile a block may end by itself
        async with asyncio.timeout(300):
            while not await whole(installation, names, version):  # noqa: ASYNC110 - virtual time costs nothing
                await asyncio.sleep(0.1)
        await asyncio.sleep(pause)


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


class Filling:
    """A fold that stops where it is told to."""

    def __init__(self) -> None:
        self.stopped = False

    def __call__(self, key: str, row: Row | None, fact: Fact) -> Row:
        if self.stopped:
            raise ZeroDivisionError
        return {**count(key, row, fact), "status": "new"}


async def test_a_first_version_answers_at_once(installation: Installation) -> None:
    views = StoredViews(installation.store())
    assert await views.get(toy_view(2), "a") is None

    async with installation.running(views=(toy_view(2),)) as instance:
        await take(instance, "a")
        await until_whole(installation, ["a"], version=2)

    assert await views.get(toy_view(2), "a") == await view(installation, version=2)


async def test_the_older_version_answers_until_the_new_one_has_filled(installation: Installation) -> None:
    # given a version that has filled, and a new one that has yet to
    async with installation.running(views=(toy_view(),)) as instance:
        await take(instance, "a", "b")
        await until_whole(installation, ["a", "b"])
    filling = Filling()
    filling.stopped = True
    new = toy_view(2, filling)

    async with installation.running(views=(new,)):
        views = StoredViews(installation.store())
        # when it is asked, then the older one answers
        for _ in range(3):
            assert await views.get(new, "a") == await view(installation, version=1)
            assert len(await views.find(new, {"status": "CustomerBlocked"})) == 2
            assert await views.count_by(new, "status") == {"CustomerBlocked": 2}
            await asyncio.sleep(2)

        # when it has filled, then it answers itself, also a process that asks for the first time
        filling.stopped = False
        await until_whole(installation, ["a", "b"], version=2)
        for asked in (views, StoredViews(installation.store())):
            assert (await asked.get(new, "a") or {})["status"] == "new"
            assert await asked.count_by(new, "status") == {"new": 2}


async def test_a_version_that_was_complete_answers_also_when_it_falls_behind(installation: Installation) -> None:
    # given instances of before and after a change, in the middle of a roll
    filling = Filling()
    new = toy_view(2, filling)
    async with (
        installation.running("old", views=(toy_view(),)) as old,
        installation.running("new", views=(new,)),
    ):
        await take(old, "a")
        await until_whole(installation, ["a"])
        await until_whole(installation, ["a"], version=2)
        views = StoredViews(installation.store())
        assert (await views.get(new, "a") or {})["status"] == "new"

        # when the new version stands still and the older one goes on
        filling.stopped = True
        await take(old, "a", "b")
        await until_whole(installation, ["a", "b"])

        # then it answers still, and where nobody remembers it does as soon as it is as far again
        assert (await views.get(new, "a") or {})["status"] == "new"
        unaware = StoredViews(installation.store())
        assert (await unaware.get(new, "b") or {})["status"] != "new"
        filling.stopped = False
        await until_whole(installation, ["a", "b"], version=2)
        assert (await unaware.get(new, "b") or {})["status"] == "new"


async def test_a_version_that_never_filled_is_passed_over(installation: Installation) -> None:
    async with installation.running(views=(toy_view(1),)) as instance:
        await take(instance, "a", "b")
        await until_whole(installation, ["a", "b"])
    filling = Filling()
    filling.stopped = True
    for version in (2, 3):
        async with installation.running(views=(toy_view(version, filling),)):
            await asyncio.sleep(10)

    row = await StoredViews(installation.store()).get(toy_view(3), "a")

    assert row is not None
    assert row == await view(installation, version=1)


async def test_in_a_roll_each_version_has_every_lane_at_the_instances_that_run_it(
    installation: Installation,
) -> None:
    # given an instance of before a change and one of after it, that share the partitions
    names = [f"c{n}" for n in range(100)]
    async with (
        installation.running("old", views=(toy_view(1),)) as old,
        installation.running("new", views=(toy_view(2),)) as new,
    ):
        await asyncio.sleep(30)
        assert old.broker.near()
        assert new.broker.near()

        # when facts are written in every lane, then both versions come to know them
        await take(new, *names)
        await until_whole(installation, names, version=1)
        await until_whole(installation, names, version=2)


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

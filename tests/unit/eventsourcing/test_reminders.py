"""Reminders: they come when they are due, and once."""

import asyncio

from tests.unit.eventsourcing.toy import (
    Installation,
    Instance,
    arrival,
    block,
    toy_model,
    until,
)


async def take(instance: Instance, *names: str) -> None:
    await instance.runtime.pipeline.take([arrival(block(name)) for name in names])


async def test_a_reminder_comes_when_it_is_due_and_once(installation: Installation) -> None:
    async with installation.running() as instance:
        await take(instance, "a")
        began = installation.clock.now()
        await until(lambda: installation.facts() == ["blocked", "unblocked"])
        assert 59 <= (installation.clock.now() - began).total_seconds() <= 62
        await asyncio.sleep(200)

    assert installation.facts() == ["blocked", "unblocked"]
    assert installation.tables.reminders == {}


async def test_a_reminder_comes_once_though_many_instances_watch(installation: Installation) -> None:
    async with installation.running("one") as one, installation.running("two"), installation.running("three"):
        await take(one, *(f"c{n}" for n in range(20)))
        await asyncio.sleep(120)

    assert all(installation.facts(f"c{n}") == ["blocked", "unblocked"] for n in range(20))


async def test_a_reminder_that_fell_due_while_nothing_ran_comes_at_the_start(installation: Installation) -> None:
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block())])
    await asyncio.sleep(3_600)

    async with installation.running():
        await until(lambda: installation.facts() == ["blocked", "unblocked"], seconds=5)


async def test_a_reminder_under_a_parked_key_queues_behind_it(installation: Installation) -> None:
    broken: set[str] = set()
    async with installation.running(model=toy_model(broken)) as instance:
        await take(instance, "a")
        broken.add("a")
        await take(instance, "a")
        await asyncio.sleep(120)
        assert installation.facts() == ["blocked"]
        assert installation.tables.reminders == {}

        broken.clear()
        await instance.runtime.pipeline.retry_parked("a")

    assert installation.facts() == ["blocked", "blocked", "unblocked"]

"""Reminders: they come when they are due, and once."""

import asyncio

from msgspec.structs import replace

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


async def test_a_reminder_that_cannot_be_read_is_parked_under_its_key_and_the_others_come(
    installation: Installation,
) -> None:
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block(name)) for name in ("unknown", "spoilt", "good")])
    unknown, spoilt, _ = installation.tables.reminders.values()
    installation.tables.reminders[unknown.id] = replace(unknown, type="order.forgotten.v1")
    installation.tables.reminders[spoilt.id] = replace(spoilt, payload='{"customer":1}')

    async with installation.running() as instance:
        await until(lambda: installation.facts("good") == ["blocked", "unblocked"], seconds=120)
        await take(instance, "unknown")
        await asyncio.sleep(120)
        assert await instance.runtime.pipeline.retry_parked("unknown") == 0

    parked = await installation.store().parked()
    assert {one.key: (one.message_id, one.type, one.payload, one.explanation) for one in parked[:2]} == {
        "unknown": (
            unknown.id,
            "order.forgotten.v1",
            unknown.payload.encode(),
            "order.forgotten.v1: nobody here knows this message",
        ),
        "spoilt": (
            spoilt.id,
            "order.unblock-customer.v1",
            b'{"customer":1}',
            "order.unblock-customer.v1: customer_id: Field required",
        ),
    }
    assert [one.key for one in parked[2:]] == ["unknown"]
    assert installation.facts("unknown") == ["blocked"]
    assert installation.tables.reminders == {}

"""A whole instance: started, stopped, killed."""

import asyncio

import pytest

from shared.eventsourcing.batch import StateCodec
from shared.eventsourcing.memory.broker import MemoryBroker
from shared.eventsourcing.store import StoreRejects
from tests.unit.eventsourcing.toy import (
    CUSTOMER,
    Customer,
    Installation,
    Instance,
    arrival,
    block,
    outgoing,
    toy_model,
    toy_view,
    until,
)

EVENTS = "order.events"


async def take(instance: Instance, *names: str) -> None:
    await instance.runtime.pipeline.take([arrival(block(name)) for name in names])


async def test_what_comes_over_the_broker_is_decided_once_though_members_die(installation: Installation) -> None:
    names = [f"c{n}" for n in range(20)]
    for name in names:
        installation.cluster.append(outgoing(block(name), name))
    one = installation.instance("one")
    await one.runtime.start()
    await asyncio.sleep(0)
    await one.crash()
    async with installation.running("two"):
        await until(lambda: all(installation.facts(name)[:1] == ["blocked"] for name in names))
        await asyncio.sleep(1)

    assert all(installation.facts(name).count("blocked") == 1 for name in names)


async def test_a_stopped_instance_leaves_its_lanes_to_others_at_once(installation: Installation) -> None:
    async with installation.running("one") as one:
        await take(one, "a")
        await until(lambda: len(installation.published(EVENTS)) == 1)
    async with installation.running("two") as two:
        await take(two, "b")
        await until(lambda: len(installation.published(EVENTS)) >= 2, seconds=3)


async def test_the_state_of_a_stream_is_the_fold_of_its_facts(installation: Installation) -> None:
    async with installation.running() as instance:
        for _ in range(3):
            await take(instance, "a")
        await asyncio.sleep(100)

    state = Customer()
    facts = {one.wire_type: one for one in toy_view().handles}
    for entry in installation.tables.stream_events["customer-a"]:
        state = CUSTOMER.evolve(state, facts[entry.type].model_validate_json(entry.payload))
    stored = StateCodec(toy_model()).decode("customer-a", installation.tables.streams["customer-a"])
    assert stored == state


async def test_a_part_that_fails_is_said(installation: Installation) -> None:
    def broken(moment: str) -> None:
        raise ZeroDivisionError

    async with installation.running(store_hazard=broken) as instance:
        taking = asyncio.create_task(take(instance, "a"))
        with pytest.raises(ZeroDivisionError):
            await instance.runtime.failed
        taking.cancel()


async def test_deliveries_that_end_though_nobody_stopped_them_are_said(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(broker: MemoryBroker) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(MemoryBroker, "_next_batch", broken)
    async with installation.running() as instance:
        with pytest.raises(ZeroDivisionError):
            await instance.runtime.failed


@pytest.mark.parametrize(
    ("name", "key", "reason"), [("a\x00", "a", ""), ("a", "a\x00", ""), ("a", "a", "\x00"), ("\\\x00", "a", "")]
)
async def test_a_caller_is_told_of_nul_and_nothing_is_parked(
    installation: Installation, name: str, key: str, reason: str
) -> None:
    async with installation.running() as instance:
        with pytest.raises(StoreRejects):
            await instance.runtime.submit(block(name), partition_key=key, actor="maria", reason=reason)

    assert not installation.tables.parked
    assert not installation.tables.inbox


async def test_a_text_that_only_speaks_of_nul_is_taken(installation: Installation) -> None:
    async with installation.running() as instance:
        await instance.runtime.submit(block("\\u0000"), partition_key="a", actor="maria")

    assert installation.facts("\\u0000")[:1] == ["blocked"]

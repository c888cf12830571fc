"""The relay: everything is published, in order, whatever breaks."""

import asyncio
from collections.abc import Sequence

from shared.events.cloudevents import read_headers
from shared.eventsourcing.broker import BrokerUnavailable
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.messages import Record
from shared.eventsourcing.store import StoreUnavailable
from tests.unit.eventsourcing.toy import (
    CUSTOMER,
    Installation,
    Instance,
    arrival,
    block,
    set_limit,
    until,
)

EVENTS = "order.events"


async def take(instance: Instance, *names: str) -> None:
    await instance.runtime.pipeline.take([arrival(block(name)) for name in names])


def ids(records: Sequence[Record]) -> list[str]:
    return [read_headers(one.headers).id for one in records]


def log_ids(installation: Installation, topic: str) -> set[str]:
    return {str(one.id) for lane in installation.tables.log.values() for one in lane if one.topic == topic}


async def test_facts_and_requests_are_published_to_the_partition_of_their_lane(installation: Installation) -> None:
    async with installation.running() as instance:
        await take(instance, "a", "b", "a")
        await until(lambda: len(installation.published(EVENTS)) == 3)
        await until(lambda: len(installation.published("inventory.commands")) == 3)

    for record in installation.published(EVENTS):
        metadata = read_headers(record.headers)
        lane, position = metadata.sequence.split(":")
        assert int(lane) == lane_of(metadata.partition_key)
        assert record.partition == int(lane) % 8
        assert int(position) > 0
        assert (record.key or b"").decode() == metadata.partition_key
        assert metadata.subject == CUSTOMER.stream(metadata.partition_key)


async def test_each_lane_is_published_in_its_order_and_whole_through_a_flood_of_broker_failures(
    installation: Installation,
) -> None:
    calls = 0

    def hazard(moment: str) -> None:
        nonlocal calls
        calls += 1
        if calls % 7 == 0:
            raise BrokerUnavailable("no")

    async with installation.running(broker_hazard=hazard) as instance:
        for _ in range(10):
            await take(instance, *(f"c{n}" for n in range(10)))
        await until(lambda: set(ids(installation.published(EVENTS))) == log_ids(installation, EVENTS))

    first_seen: dict[str, list[int]] = {}
    seen: set[str] = set()
    for record in installation.published(EVENTS):
        metadata = read_headers(record.headers)
        if metadata.id not in seen:
            seen.add(metadata.id)
            lane, position = metadata.sequence.split(":")
            first_seen.setdefault(lane, []).append(int(position))
    assert all(positions == sorted(positions) for positions in first_seen.values())


async def test_the_cursor_stops_before_what_was_not_acknowledged(installation: Installation) -> None:
    refused = asyncio.Event()
    calls = 0

    def hazard(moment: str) -> None:
        nonlocal calls
        if moment == "before publish":
            calls += 1
            if calls > 2:
                refused.set()
                raise BrokerUnavailable("no")

    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(set_limit()) for _ in range(5)])
    async with installation.running(broker_hazard=hazard):
        await refused.wait()
        await asyncio.sleep(2)
        assert installation.tables.readers["relay"][lane_of("a")].position == 2

    async with installation.running():
        await until(lambda: len(installation.published(EVENTS)) == 5)

    assert len(set(ids(installation.published(EVENTS)))) == 5


async def test_what_is_acknowledged_behind_a_hole_does_not_take_the_cursor_over_the_hole(
    installation: Installation,
) -> None:
    # given a fact and a request in one lane
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block("a"))])
    refused = False

    def hazard(moment: str) -> None:
        nonlocal refused
        if not refused:
            refused = True
            raise BrokerUnavailable("this partition has no leader")

    # when the partition of the first is not there, and the one of the other is
    async with installation.running(broker_hazard=hazard):
        await until(lambda: set(ids(installation.published(EVENTS))) == log_ids(installation, EVENTS))

    # then the first is published later, and what was behind it once more
    assert len(installation.published(EVENTS)) == 1
    assert len(installation.published("inventory.commands")) == 2


async def test_what_was_committed_by_a_process_that_died_is_published_by_the_next(
    installation: Installation,
) -> None:
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block(f"c{n}")) for n in range(20)])

    async with installation.running():
        await until(lambda: set(ids(installation.published(EVENTS))) == log_ids(installation, EVENTS))


async def test_another_instance_takes_the_lanes_of_one_that_died(installation: Installation) -> None:
    one = installation.instance("one")
    await one.runtime.start()
    await take(one, "a")
    await until(lambda: len(installation.published(EVENTS)) == 1)
    async with installation.running("two") as two:
        await one.crash()
        await take(two, *(f"c{n}" for n in range(30)))
        await until(lambda: set(ids(installation.published(EVENTS))) == log_ids(installation, EVENTS))


async def test_a_relay_goes_on_after_the_store_was_away(installation: Installation) -> None:
    away = True

    def hazard(moment: str) -> None:
        if away and moment == "begin":
            raise StoreUnavailable("away")

    async with installation.running(store_hazard=hazard) as instance:
        waiting = asyncio.create_task(take(instance, "a"))
        await asyncio.sleep(20)
        assert not waiting.done()
        away = False
        await waiting
        await until(lambda: len(installation.published(EVENTS)) == 1)

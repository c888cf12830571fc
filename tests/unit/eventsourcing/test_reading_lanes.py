"""How a reader holds lanes: what it reads too late is no longer its own."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from random import Random

import pytest

from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.virtual_time import VirtualClock
from shared.eventsourcing.reading_lanes import LaneReader
from shared.eventsourcing.store import LaneSlice, Store
from shared.eventsourcing.tail import Tail
from tests.unit.eventsourcing.toy import Installation, arrival, block

LEASE_S = 10.0


class AnswersLate(MemoryStore):
    """A store whose answer finds a reader that has stood still meanwhile."""

    async def read(
        self, positions: Mapping[int, int], limit_per_lane: int, types: Collection[str] | None = None
    ) -> Sequence[LaneSlice]:
        slices = await super().read(positions, limit_per_lane, types)
        await asyncio.sleep(2 * LEASE_S)
        return slices


def reader_of(store: Store, clock: VirtualClock, tail: Tail | None = None) -> LaneReader:
    return LaneReader(store, clock, name="relay", owner="one", tail=tail, lease_s=LEASE_S)


@pytest.fixture
async def written(installation: Installation) -> Installation:
    """A log with something in it."""
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block(f"c{n}")) for n in range(5)])
    return installation


async def test_a_reader_that_stood_still_for_longer_than_its_lease_is_given_nothing(written: Installation) -> None:
    store = AnswersLate(written.tables, written.locks, written.clock)
    reader = reader_of(store, written.clock)
    await reader.hold()

    assert await reader.read() == []
    assert reader.leases == {}


async def test_it_reads_again_under_a_new_lease_if_nobody_took_the_lanes(written: Installation) -> None:
    reader = reader_of(written.store(), written.clock)
    await reader.hold()
    before = {lane: lease.epoch for lane, lease in reader.leases.items()}
    written.clock.jump(2 * LEASE_S)
    assert reader.lapsed

    await reader.hold()

    assert not reader.lapsed
    assert {lane: lease.epoch - 1 for lane, lease in reader.leases.items()} == before
    assert await reader.read() != []


async def test_a_clock_that_is_set_back_keeps_no_lease_from_being_renewed(written: Installation) -> None:
    store_clock = VirtualClock(asyncio.get_running_loop(), Random(1))
    store = MemoryStore(written.tables, written.locks, store_clock)
    reader = reader_of(store, written.clock)
    await reader.hold()
    written.clock.jump(-3_600)

    for _ in range(4):
        await asyncio.sleep(LEASE_S / 2)
        await reader.hold()

    rows = written.tables.readers["relay"].values()
    assert all(row.expires_at > store_clock.now() for row in rows)
    assert {row.epoch for row in rows} == {1}


async def test_a_reader_misses_nothing_that_another_instance_wrote_in_between(installation: Installation) -> None:
    lane, store, tail = lane_of("a"), installation.store(), Tail()
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block())])
        (before,) = await store.read({lane: 0}, 10)
        tail.add(before.entries)
        reader = reader_of(store, installation.clock, tail)
        await reader.hold()
        assert await reader.read() == [before]
        reader.note({lane: before.scanned_to})

        await pipeline.take([arrival(block())])
        await pipeline.take([arrival(block())])

    (since,) = await store.read({lane: before.scanned_to}, 10)
    ours = since.entries[len(since.entries) // 2 :]
    tail.add(ours)
    assert await reader.read() == [since]
    assert [one.entries for one in tail.after({lane: ours[0].position - 1}, 10, None)] == [ours]
    assert tail.after({lane: before.scanned_to - 1}, 10, None) == []

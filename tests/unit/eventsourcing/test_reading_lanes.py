"""How a reader holds lanes: what it reads too late is no longer its own."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from random import Random

import pytest
from msgspec import structs

from shared.eventsourcing.lanes import LANES, lane_of
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.virtual_time import VirtualClock
from shared.eventsourcing.reading_lanes import ASK_AGAIN_S, POLL_S, LaneReader
from shared.eventsourcing.store import LaneSlice, Store
from shared.eventsourcing.tail import LARGEST_KEPT, Tail
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


class Observed(MemoryStore):
    """A store whose answers take a moment, in which something may happen."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation.tables, installation.locks, installation.clock)
        self.asked = 0
        self.meanwhile: Callable[[], None] | None = None

    async def read(
        self, positions: Mapping[int, int], limit_per_lane: int, types: Collection[str] | None = None
    ) -> Sequence[LaneSlice]:
        slices = await super().read(positions, limit_per_lane, types)
        self.asked += 1
        if self.meanwhile is not None:
            self.meanwhile()
        await asyncio.sleep(0.001)
        return slices


async def read_all(reader: LaneReader) -> None:
    """Let it read until there is no more."""
    while slices := await reader.read():
        reader.note({one.lane: one.scanned_to for one in slices})


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


async def test_a_reader_asks_at_once_for_the_lanes_that_its_process_begins_to_write(written: Installation) -> None:
    # given two readers, one of which holds all lanes because nobody wrote any yet
    near: dict[str, frozenset[int]] = {"one": frozenset(), "two": frozenset()}
    one, two = (
        LaneReader(written.store(), written.clock, name="relay", owner=name, near=partial(near.__getitem__, name))
        for name in near
    )
    await one.hold()
    await two.hold()

    # when each begins to write half of them
    near |= {"one": frozenset(range(0, LANES, 2)), "two": frozenset(range(1, LANES, 2))}
    await two.hold()
    await one.hold()
    written.clock.jump(ASK_AGAIN_S)
    await two.hold()

    # then each has its half, long before a lease would have been renewed
    assert one.leases.keys() == near["one"]
    assert two.leases.keys() == near["two"]


@pytest.mark.parametrize(("lane", "waits_s"), [(0, 0.0), (1, POLL_S)])
async def test_a_reader_is_woken_by_what_others_write_to_its_own_lanes_alone(
    written: Installation, lane: int, waits_s: float
) -> None:
    # given a reader that holds the even lanes, and another one the odd ones
    even, odd = frozenset(range(0, LANES, 2)), frozenset(range(1, LANES, 2))
    reader = LaneReader(written.store(), written.clock, name="relay", owner="one", near=lambda: even)
    await reader.hold()
    await written.store().lease_lanes("relay", "two", LEASE_S, odd)
    written.clock.jump(LEASE_S / 2)
    await reader.hold()
    assert reader.leases.keys() == even
    began = asyncio.get_running_loop().time()

    # when another process has written to a lane
    reader.written_elsewhere([lane])
    await reader.pause()

    # then it looks at once if the lane is its own, and in its own time otherwise
    assert asyncio.get_running_loop().time() - began == pytest.approx(waits_s)


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


async def test_a_large_entry_is_read_from_the_store_and_not_kept(installation: Installation) -> None:
    # given a reader that has seen all, and looks at the store no more
    lane, store, tail = lane_of("a"), installation.store(), Tail()
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block())])
        (before,) = await store.read({lane: 0}, 10)
        reader = reader_of(store, installation.clock, tail)
        await reader.hold()
        while seen := await reader.read():
            reader.note({one.lane: one.scanned_to for one in seen})
        await pipeline.take([arrival(block())])
    (since,) = await store.read({lane: before.scanned_to}, 10)

    # when a large entry is committed, and a small one after it
    large, *small = since.entries
    tail.add([structs.replace(large, payload="x" * (LARGEST_KEPT + 1))])
    alone = await reader.read()
    tail.add(small)

    # then the store is asked for the large one, and the small one is kept
    assert alone == [since]
    assert await reader.read() == [since]
    assert tail.after({lane: before.scanned_to}, 10, None) == []
    assert [one.entries for one in tail.after({lane: large.position}, 10, None)] == [tuple(small)]


async def test_what_is_rung_for_while_the_store_answers_is_asked_for_again(written: Installation) -> None:
    # given a reader that has found nothing more
    store = Observed(written)
    reader = reader_of(store, written.clock)
    await reader.hold()
    await read_all(reader)
    asked = store.asked

    # when another process writes to a lane after the store has looked, and before it answers
    store.meanwhile = partial(reader.written_elsewhere, [0])
    reader.wake(elsewhere=True)
    assert await reader.read() == []
    store.meanwhile = None

    # then the next look asks again
    await reader.read()
    assert store.asked == asked + 2


async def test_a_reader_that_its_own_process_wakes_all_the_time_asks_the_store_as_often_as_an_idle_one(
    written: Installation,
) -> None:
    # given a reader that has found nothing more
    store = Observed(written)
    reader = reader_of(store, written.clock)
    await reader.hold()
    await read_all(reader)
    store.asked = 0

    # when it is woken ten times a second, for ten seconds
    for _ in range(100):
        await asyncio.sleep(0.1)
        reader.wake()
        await reader.pause()
        await reader.read()

    # then it has asked once a second, or once in a little more
    assert 9 <= store.asked <= 10 / POLL_S


async def test_what_nobody_rang_for_is_found_by_a_reader_that_never_rests(written: Installation) -> None:
    store = Observed(written)
    reader = reader_of(store, written.clock)
    await reader.hold()
    await read_all(reader)

    # when another process has written, and only this one rings
    async with written.pipeline() as pipeline:
        await pipeline.take([arrival(block("unheard"))])
    clock = asyncio.get_running_loop()
    began = clock.time()
    found: Sequence[LaneSlice] = ()
    while not found and clock.time() - began < 2 * POLL_S:
        await asyncio.sleep(0.4)
        reader.wake()
        await reader.pause()
        found = await reader.read()

    # then it is found all the same
    assert [one.lane for one in found] == [lane_of("unheard")]

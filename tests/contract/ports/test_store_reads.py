"""The store port: leases, cursors, and what operations asks."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec import structs
from uuid_utils.compat import uuid7

from shared.eventsourcing.chain import GENESIS
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.store import (
    Append,
    Backlog,
    DiscardedMessage,
    LaneHead,
    LaneSlice,
    Lease,
    LeaseLost,
    ParkedKey,
    ReaderPosition,
    Store,
    StoreRejects,
    StreamRow,
)
from tests.contract.ports.writing import (
    BLOCKED,
    NOON,
    UNBLOCKED,
    Rewriting,
    append,
    claim,
    parked,
    record,
    reminder,
)

LONG_S = 60.0
SHORT_S = 0.1
NO_ID = UUID(int=0)


async def test_one_owner_alone_holds_every_lane(store: Store) -> None:
    leases = await store.lease_lanes("relay", "one", LONG_S)

    assert set(leases) == set(range(LANES))
    assert {lease.position for lease in leases.values()} == {0}


async def test_renewing_keeps_the_epoch_and_gives_the_position(store: Store) -> None:
    before = await store.lease_lanes("relay", "one", LONG_S)
    await store.advance("relay", "one", [Lease(5, 12, before[5].epoch)])

    again = await store.lease_lanes("relay", "one", LONG_S)

    assert again[5] == Lease(5, 12, before[5].epoch)
    assert {lane: lease.epoch for lane, lease in again.items()} == {
        lane: lease.epoch for lane, lease in before.items()
    }


async def test_two_owners_end_up_with_half_each_and_none_in_common(store: Store, other: Store) -> None:
    await store.lease_lanes("relay", "one", LONG_S)
    assert await other.lease_lanes("relay", "two", LONG_S) == {}  # nothing is free yet

    one = await store.lease_lanes("relay", "one", LONG_S)
    two = await other.lease_lanes("relay", "two", LONG_S)

    assert (len(one), len(two)) == (LANES // 2, LANES // 2)
    assert not set(one) & set(two)


async def test_three_owners_leave_no_lane_without_one(store: Store) -> None:
    held: dict[str, set[int]] = {}
    for _ in range(3):
        for owner in ("one", "two", "three"):
            held[owner] = set(await store.lease_lanes("relay", owner, LONG_S))

    assert sorted(lane for lanes in held.values() for lane in lanes) == list(range(LANES))
    assert max(len(lanes) for lanes in held.values()) == 22


async def test_lanes_go_to_the_instance_that_writes_them(store: Store, other: Store) -> None:
    # given an instance that holds every lane
    even, odd = set(range(0, LANES, 2)), set(range(1, LANES, 2))
    await store.lease_lanes("relay", "one", LONG_S)

    # when another one comes, and each tells what it writes
    await other.lease_lanes("relay", "two", LONG_S, odd)
    one = await store.lease_lanes("relay", "one", LONG_S, even)
    two = await other.lease_lanes("relay", "two", LONG_S, odd)

    # then each holds that, and keeps it
    assert (set(one), set(two)) == (even, odd)
    assert await store.lease_lanes("relay", "one", LONG_S, even) == one


async def test_lanes_are_not_shared_with_an_instance_that_does_not_run_the_reader(
    store: Store, other: Store
) -> None:
    # given an instance that runs two readers and writes half of the lanes
    even, odd = set(range(0, LANES, 2)), set(range(1, LANES, 2))
    for reader in ("relay", "view@1"):
        await store.lease_lanes(reader, "one", LONG_S, even)

    # when another one comes that runs one of them, and one of its own
    for reader in ("relay", "view@2"):
        await other.lease_lanes(reader, "two", LONG_S, odd)
    held = {reader: set(await store.lease_lanes(reader, "one", LONG_S, even)) for reader in ("relay", "view@1")}

    # then they share that one, and each has the other's whole
    assert held == {"relay": even, "view@1": even | odd}
    assert set(await other.lease_lanes("relay", "two", LONG_S, odd)) == odd
    assert set(await other.lease_lanes("view@2", "two", LONG_S, odd)) == even | odd


async def test_lanes_of_an_instance_that_is_heard_of_no_more_go_to_who_is_left(store: Store, other: Store) -> None:
    # given two instances that write half of the lanes each
    even, odd = set(range(0, LANES, 2)), set(range(1, LANES, 2))
    await other.lease_lanes("relay", "two", SHORT_S, odd)
    await store.lease_lanes("relay", "one", LONG_S, even)

    # when one of them is gone, and the other does not yet write its lanes
    await asyncio.sleep(2 * SHORT_S)

    # then the other holds them all the same
    assert set(await store.lease_lanes("relay", "one", LONG_S, even)) == even | odd


async def test_readers_of_different_names_hold_lanes_without_regard_to_each_other(store: Store) -> None:
    await store.lease_lanes("relay", "one", LONG_S)

    assert len(await store.lease_lanes("effects", "one", LONG_S)) == LANES


async def test_racing_owners_never_hold_the_same_lane(store: Store, other: Store) -> None:
    one, two = await asyncio.gather(
        store.lease_lanes("relay", "one", LONG_S), other.lease_lanes("relay", "two", LONG_S)
    )

    assert not set(one) & set(two)


async def test_a_lane_whose_lease_ran_out_goes_to_another_at_its_position(store: Store, other: Store) -> None:
    before = await store.lease_lanes("relay", "one", LONG_S)
    await store.advance("relay", "one", [Lease(5, 12, before[5].epoch)])
    await store.lease_lanes("relay", "one", SHORT_S)
    await asyncio.sleep(2 * SHORT_S)

    taken = await other.lease_lanes("relay", "two", LONG_S)

    assert set(taken) == set(range(LANES))
    assert taken[5] == Lease(5, 12, before[5].epoch + 1)


async def test_who_lost_a_lane_can_neither_advance_nor_project(store: Store, other: Store) -> None:
    zombie = [(await store.lease_lanes("view@1", "one", SHORT_S))[5]]
    await asyncio.sleep(2 * SHORT_S)
    taken = (await other.lease_lanes("view@1", "two", LONG_S))[5]
    await other.advance("view@1", "two", [Lease(5, 3, taken.epoch)])

    moved = [Lease(5, 9, zombie[0].epoch)]
    assert await store.advance("view@1", "one", moved) == frozenset()
    with pytest.raises(LeaseLost):
        await store.project("view@1", "one", moved, Rewriting("a"))

    assert await other.view_row("view@1", "a") is None
    assert (await other.lease_lanes("view@1", "two", LONG_S))[5].position == 3


async def test_an_owner_that_comes_back_under_its_name_is_fenced_from_its_earlier_life(store: Store) -> None:
    earlier = (await store.lease_lanes("relay", "one", SHORT_S))[5]
    await asyncio.sleep(2 * SHORT_S)
    later = (await store.lease_lanes("relay", "one", LONG_S))[5]

    assert await store.advance("relay", "one", [Lease(5, 9, earlier.epoch)]) == frozenset()
    assert await store.advance("relay", "one", [Lease(5, 9, later.epoch)]) == {5}


async def test_a_lease_that_ran_out_moves_no_cursor_even_if_nobody_took_the_lane(store: Store) -> None:
    lease = (await store.lease_lanes("relay", "one", SHORT_S))[5]
    await asyncio.sleep(2 * SHORT_S)

    assert await store.advance("relay", "one", [Lease(5, 9, lease.epoch)]) == frozenset()


async def test_a_lane_that_was_given_up_moves_no_cursor(store: Store, other: Store) -> None:
    before = await store.lease_lanes("relay", "one", LONG_S)
    await other.lease_lanes("relay", "two", LONG_S)
    kept = await store.lease_lanes("relay", "one", LONG_S)
    given_up = next(lane for lane in before if lane not in kept)

    assert await store.advance("relay", "one", [Lease(given_up, 9, before[given_up].epoch)]) == frozenset()


async def test_advancing_says_lane_by_lane_which_are_still_held(store: Store, other: Store) -> None:
    await store.lease_lanes("relay", "one", LONG_S)
    await other.lease_lanes("relay", "two", LONG_S)
    mine = await store.lease_lanes("relay", "one", LONG_S)
    lane = next(iter(mine))
    lost = next(one for one in range(LANES) if one not in mine)

    held = await store.advance("relay", "one", [Lease(lane, 4, mine[lane].epoch), Lease(lost, 4, 1)])

    assert held == {lane}


async def test_released_leases_go_to_another_at_once_and_the_owner_no_longer_counts(
    store: Store, other: Store
) -> None:
    mine = await store.lease_lanes("relay", "one", LONG_S)
    await store.release_leases("one")

    assert set(await other.lease_lanes("relay", "two", LONG_S)) == set(range(LANES))
    assert await store.advance("relay", "one", [Lease(5, 9, mine[5].epoch)]) == frozenset()


async def test_a_new_life_of_an_owner_releases_what_its_earlier_lives_hold_and_fences_them(
    store: Store, other: Store
) -> None:
    await other.lease_lanes("relay", "one-more/1", LONG_S)
    earlier = await store.lease_lanes("relay", "one/1", LONG_S)
    await other.lease_lanes("relay", "one-more/1", LONG_S)
    earlier = await store.lease_lanes("relay", "one/1", LONG_S)

    await store.release_leases("one")
    later = await store.lease_lanes("relay", "one/2", LONG_S)

    lane = next(iter(earlier))
    assert later.keys() == earlier.keys()
    assert len(await other.lease_lanes("relay", "one-more/1", LONG_S)) == LANES - len(later)
    assert await store.advance("relay", "one/1", [Lease(lane, 9, earlier[lane].epoch)]) == frozenset()
    assert await store.advance("relay", "one/2", [Lease(lane, 9, later[lane].epoch)]) == {lane}


async def test_an_owner_that_is_gone_no_longer_counts_when_lanes_are_shared_out(
    store: Store, other: Store
) -> None:
    await other.lease_lanes("relay", "gone", SHORT_S)
    await asyncio.sleep(2 * SHORT_S)

    assert len(await store.lease_lanes("relay", "one", LONG_S)) == LANES


async def test_reading_gives_what_comes_after_each_position_and_nothing_of_lanes_without(store: Store) -> None:
    first = await record(store, 1, "customer-a")
    second = await record(store, 1, "customer-a")
    third = await record(store, 2, "customer-b")

    assert await store.read({1: 0, 2: 0, 3: 0}, 10) == [
        LaneSlice(1, (first, second), 2),
        LaneSlice(2, (third,), 1),
    ]
    assert await store.read({1: 1, 2: 1}, 10) == [LaneSlice(1, (second,), 2)]
    assert await store.read({1: 0}, 1) == [LaneSlice(1, (first,), 1)]
    assert await store.read({1: 2, 2: 1}, 10) == []


async def test_reading_by_type_says_how_far_it_has_looked(store: Store) -> None:
    await record(store, 1, "customer-a", type=BLOCKED)
    wanted = await record(store, 1, "customer-a", type=UNBLOCKED)
    await record(store, 1, "customer-a", type=BLOCKED)
    later = await record(store, 1, "customer-a", type=UNBLOCKED)
    await record(store, 1, "customer-a", type=BLOCKED)

    assert await store.read({1: 0}, 10, [UNBLOCKED]) == [LaneSlice(1, (wanted, later), 5)]
    assert await store.read({1: 0}, 1, [UNBLOCKED]) == [LaneSlice(1, (wanted,), 2)]
    assert await store.read({1: 4}, 10, [UNBLOCKED]) == [LaneSlice(1, (), 5)]


async def test_a_key_that_no_column_holds_is_refused(store: Store) -> None:
    with pytest.raises(StoreRejects):
        await store.view_row("view@1", "\x00")
    with pytest.raises(StoreRejects):
        await store.stream("customer-\x00")


async def test_streams_of_a_category_come_by_name_in_pages(store: Store) -> None:
    names = ["customer-1", "customer-B", "customer-a b", "customer-a-1", "customer-a1", "customer-ä", "order-1"]
    for number, name in enumerate(["customers-1", "custom-1", *reversed(names)]):
        await record(store, number, name)

    first = await store.streams("customer", "", 4)
    rest = await store.streams("customer", first[-1][0], 4)

    assert [name for name, _ in (*first, *rest)] == names[:-1]
    assert first[0][1] == StreamRow(1, '{"n": 1}')


async def test_an_unknown_stream_is_none(store: Store) -> None:
    assert await store.stream("customer-a") is None
    assert await store.stream_events("customer-a") == []


async def test_the_facts_of_a_stream_come_by_version_whatever_their_lane(store: Store) -> None:
    for lane in (9, 3, 7):
        await record(store, lane, "customer-a")

    assert [(one.lane, one.version) for one in await store.stream_events("customer-a")] == [(9, 1), (3, 2), (7, 3)]


async def test_the_facts_of_a_stream_come_in_pages(store: Store) -> None:
    for lane in (9, 3, 7, 3, 1):
        await record(store, lane, "customer-a")
    await record(store, 9, "customer-b")

    pages = [await store.stream_events("customer-a", after, 2) for after in (0, 2, 4, 5)]

    assert [[one.version for one in page] for page in pages] == [[1, 2], [3, 4], [5], []]
    assert [one.version for one in await store.stream_events("customer-a", 3)] == [4, 5]


async def test_all_about_one_order_comes_by_lane_and_position(store: Store) -> None:
    for lane, stream in ((9, "customer-a"), (3, "customer-b"), (9, "customer-c")):
        await record(store, lane, stream, correlation_id="O1")
    await record(store, 9, "customer-d", correlation_id="O2")

    assert [(one.lane, one.position) for one in await store.correlated("O1")] == [(3, 1), (9, 1), (9, 2)]


async def test_every_lane_has_a_head_from_the_start(store: Store) -> None:
    fact = await record(store, 7, "customer-a")
    lanes = await store.lanes()

    assert sorted(lanes) == list(range(LANES))
    assert lanes[6] == LaneHead(0, GENESIS)
    assert lanes[7] == LaneHead(1, fact.hash)


async def test_every_reader_tells_how_far_it_is(store: Store) -> None:
    await record(store, 0, "customer-a")
    leases = await store.lease_lanes("relay", "one", LONG_S)
    await store.advance("relay", "one", [Lease(0, 1, leases[0].epoch)])

    positions = await store.reader_positions()

    assert len(positions) == LANES
    assert positions[:2] == [
        ReaderPosition("relay", 0, 1, 1, "one", epoch=1),
        ReaderPosition("relay", 1, 0, 0, "one", epoch=1),
    ]


async def test_a_lane_whose_lease_ran_out_is_told_as_nobodys(store: Store) -> None:
    await store.lease_lanes("relay", "one", SHORT_S)
    await asyncio.sleep(2 * SHORT_S)

    assert {(one.owner, one.epoch) for one in await store.reader_positions()} == {("", 1)}


async def test_what_is_parked_and_which_reminders_are_overdue_can_be_counted(store: Store) -> None:
    assert await store.backlog(NOON) == Backlog(parked=0, overdue_reminders=0)
    await append(store, reminders=[reminder(0), reminder(1), reminder(60)], parked=[parked("a"), parked("b")])

    assert await store.backlog(NOON + timedelta(seconds=60)) == Backlog(parked=2, overdue_reminders=2)


async def test_consumed_ids_come_in_pages_by_source(store: Store) -> None:
    ids = [uuid7() for _ in range(5)]
    async with store.transaction() as transaction:
        await transaction.claim([claim(one) for one in reversed(ids)])
        await transaction.claim([claim(uuid7(), source="/else")])

    assert await store.consumed("/partner", NO_ID, 3) == ids[:3]
    assert await store.consumed("/partner", ids[2], 3) == ids[3:]


async def test_answers_come_in_pages_with_the_ids_of_their_messages(store: Store) -> None:
    ids = [uuid7() for _ in range(4)]
    answers = [(one, f'{{"outcome":"created","body":{{"n":{number}}}}}') for number, one in enumerate(ids)]
    async with store.transaction() as transaction:
        await transaction.claim([claim(one) for one in (*reversed(ids), uuid7())])
        await transaction.append(Append(recorded_at=NOON, replies=dict(answers)))

    assert await store.answers(NO_ID, 3) == answers[:3]
    assert await store.answers(ids[2], 3) == answers[3:]


async def test_parked_messages_come_in_pages_and_without_payloads_where_nobody_reads_them(store: Store) -> None:
    messages = [parked(key) for key in "abaca"]
    of_a = [messages[number] for number in (0, 2, 4)]
    await append(store, parked=messages)

    assert await store.parked(limit=3) == messages[:3]
    assert await store.parked(after=messages[2].id, limit=3) == messages[3:]
    assert await store.parked("a", limit=2) == of_a[:2]
    assert await store.parked("a", after=of_a[1].id, limit=2) == of_a[2:]
    assert await store.parked("a", whole=False) == [structs.replace(one, payload=b"") for one in of_a]


async def test_keys_that_stand_still_come_in_pages_each_with_its_first_message_and_their_number(
    store: Store,
) -> None:
    messages = [parked("b"), parked("a"), parked("c"), parked("a", explanation="behind"), parked("a")]
    await append(store, parked=messages)

    assert await store.parked_keys("", 2, whole=True) == [ParkedKey(messages[1], 3), ParkedKey(messages[0], 1)]
    [last] = await store.parked_keys("b", 2, whole=False)
    assert last == ParkedKey(structs.replace(messages[2], payload=b""), 1)
    assert [await store.parked_under(key) for key in "abx"] == [3, 1, 0]


async def test_the_first_parked_message_of_a_key_is_the_oldest_that_others_queue_behind(store: Store) -> None:
    rubbish, blocking = parked("a", blocking=False), parked("a")
    await append(store, parked=[rubbish, blocking, parked("a")])

    assert await store.first_parked("a") == blocking
    assert await store.first_parked("b") is None


async def test_discarded_messages_come_in_pages_and_without_payloads_where_nobody_reads_them(
    store: Store,
) -> None:
    messages = [parked(key) for key in "abaa"]
    await append(store, parked=messages)
    await store.discard_parked("a", at=NOON, actor="olga", reason="a test")
    await store.discard_parked("b", at=NOON, actor="olga", reason="a test")
    told = [DiscardedMessage(one, NOON, "olga", "a test") for one in messages]

    assert await store.discarded(limit=3) == told[:3]
    assert await store.discarded(after=messages[2].id, limit=3) == told[3:]
    [bare] = await store.discarded(after=messages[2].id, whole=False)
    assert bare.message == structs.replace(messages[3], payload=b"")


async def test_of_some_ids_those_that_were_claimed_can_be_told(store: Store) -> None:
    known, foreign = uuid7(), uuid7()
    async with store.transaction() as transaction:
        await transaction.claim([claim(known), claim(uuid7())])

    assert await store.taken([known, foreign]) == {known}
    assert await store.taken([]) == frozenset()


async def test_published_ids_come_in_pages_by_topic_types_and_lane(store: Store) -> None:
    facts = [await record(store, 1, f"customer-{number}") for number in range(4)]
    await record(store, 1, "customer-x", type=UNBLOCKED)
    await record(store, 1, "customer-y", topic="channel.rejected")
    await record(store, 2, "customer-z")
    ids = [fact.id for fact in facts]

    assert await store.published("order.events", [BLOCKED], 1, NO_ID, 3) == ids[:3]
    assert await store.published("order.events", [BLOCKED], 1, ids[2], 3) == ids[3:]
    assert await store.published("order.events", [], 1, NO_ID, 3) == []


async def test_a_store_that_answers_says_so(store: Store) -> None:
    await store.ping()

"""The store port: claims, streams, lanes, reminders, parked messages."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.eventsourcing.chain import GENESIS
from shared.eventsourcing.store import (
    Append,
    DiscardedMessage,
    LaneHead,
    Loaded,
    Store,
    StoreConflict,
    StoredReply,
    StoreRejects,
    StreamRow,
    StreamWrite,
)
from tests.contract.ports.writing import (
    NOON,
    append,
    claim,
    entry,
    parked,
    record,
    reminder,
    write,
)


class Abandoned(Exception):
    """Rolls a transaction back."""


async def test_a_message_id_is_claimed_once(store: Store) -> None:
    first, second = uuid7(), uuid7()
    async with store.transaction() as transaction:
        assert await transaction.claim([claim(first)]) == {first}
    async with store.transaction() as transaction:
        assert await transaction.claim([claim(first), claim(second)]) == {second}


async def test_an_id_that_comes_twice_in_one_claim_keeps_the_first_digest(store: Store) -> None:
    twice = uuid7()
    async with store.transaction() as transaction:
        assert await transaction.claim([claim(twice, digest=b"1"), claim(twice, digest=b"2")]) == {twice}
        assert await transaction.replies([twice]) == {twice: StoredReply(b"1", "")}


async def test_a_second_claim_waits_for_the_first_transaction_and_then_finds_the_id_taken(
    store: Store, other: Store
) -> None:
    contested = uuid7()
    async with store.transaction() as transaction:
        await transaction.claim([claim(contested)])
        second = asyncio.create_task(_claim_in_own_transaction(other, contested))
        await asyncio.sleep(0.1)
        assert not second.done()

    assert await second is False


async def test_a_second_claim_gets_the_id_when_the_first_transaction_rolls_back(
    store: Store, other: Store
) -> None:
    contested = uuid7()
    with suppress(Abandoned):
        async with store.transaction() as transaction:
            await transaction.claim([claim(contested)])
            second = asyncio.create_task(_claim_in_own_transaction(other, contested))
            await asyncio.sleep(0.1)
            raise Abandoned

    assert await second is True


async def test_claims_of_the_same_ids_in_opposite_orders_do_not_lock_each_other_out(
    store: Store, other: Store
) -> None:
    ids = [uuid7() for _ in range(200)]

    async def claim_all(of: Store, order: list[UUID]) -> int:
        async with of.transaction() as transaction:
            return len(await transaction.claim([claim(one) for one in order]))

    counts = await asyncio.gather(claim_all(store, list(ids)), claim_all(other, list(reversed(ids))))

    assert sorted(counts) == [0, 200]


async def test_a_reply_is_kept_for_who_asks_again(store: Store) -> None:
    answered, silent = uuid7(), uuid7()
    async with store.transaction() as transaction:
        await transaction.claim([claim(answered, digest=b"d"), claim(silent)])
        await transaction.append(Append(recorded_at=NOON, replies={answered: '{"outcome":"created"}'}))
    async with store.transaction() as transaction:
        assert await transaction.replies([answered, silent, uuid7()]) == {
            answered: StoredReply(b"d", '{"outcome":"created"}'),
            silent: StoredReply(b"", ""),
        }


async def test_loading_gives_the_state_of_streams_that_exist_and_says_which_keys_are_parked(store: Store) -> None:
    await record(store, 1, "customer-a")
    await append(store, parked=[parked("a"), parked("c", blocking=False)])

    async with store.transaction() as transaction:
        loaded = await transaction.load(["customer-a", "customer-b"], ["a", "b", "c"], [1, 2])

    assert loaded.streams == {"customer-a": StreamRow(1, '{"n": 1}')}
    assert loaded.parked_keys == {"a"}
    assert set(loaded.heads) == {1, 2}
    assert loaded.heads[1].head == 1


async def test_a_stream_is_locked_until_the_end_so_a_second_writer_sees_the_newer_version(
    store: Store, other: Store
) -> None:
    await record(store, 1, "customer-a")
    async with store.transaction() as transaction:
        await write(transaction, 2, "customer-a")
        second = asyncio.create_task(record(other, 3, "customer-a"))
        await asyncio.sleep(0.1)
        assert not second.done()

    assert (await second).version == 3


async def test_of_many_racing_writers_every_one_ends_up_with_a_version_of_its_own(
    store: Store, other: Store
) -> None:
    await record(store, 1, "customer-a")

    async def until_written(of: Store, lane: int) -> int:
        while True:
            with suppress(StoreConflict):
                return (await record(of, lane, "customer-a")).version

    versions = await asyncio.gather(*(until_written((store, other)[n % 2], n % 4) for n in range(20)))

    assert sorted(versions) == list(range(2, 22))
    assert [one.version for one in await store.stream_events("customer-a")] == list(range(1, 22))


async def test_of_two_who_begin_the_same_stream_exactly_one_wins(store: Store, other: Store) -> None:
    outcomes = await asyncio.gather(
        record(store, 1, "customer-a"), record(other, 2, "customer-a"), return_exceptions=True
    )

    assert sorted(type(one).__name__ for one in outcomes) in (
        ["LogEntry", "StoreConflict"],  # both found nothing
        ["LogEntry", "LogEntry"],  # one came after the other
    )
    facts = await store.stream_events("customer-a")
    assert [one.version for one in facts] == list(range(1, len(facts) + 1))
    assert await store.stream("customer-a") == StreamRow(len(facts), f'{{"n": {len(facts)}}}')


async def test_who_begins_a_stream_that_another_began_meanwhile_is_told_so_and_leaves_nothing(
    store: Store, other: Store
) -> None:
    async def begin() -> None:
        async with store.transaction() as transaction:
            await transaction.load(["customer-a"], [], [1])
            await record(other, 2, "customer-a")
            await transaction.append(
                Append(
                    recorded_at=NOON,
                    entries=[entry(1, 1)],
                    heads={1: LaneHead(1, b"1" * 32)},
                    streams=[StreamWrite(stream="customer-a", version=1, state="{}", is_new=True)],
                )
            )

    with pytest.raises(StoreConflict):
        await begin()

    assert (await store.lanes())[1] == LaneHead(0, GENESIS)
    assert [one.lane for one in await store.stream_events("customer-a")] == [2]


async def test_a_write_to_a_stream_that_does_not_exist_is_a_conflict(store: Store) -> None:
    with pytest.raises(StoreConflict):
        await append(store, streams=[StreamWrite(stream="customer-a", version=2, state="{}", is_new=False)])


async def test_nothing_is_visible_before_the_commit_and_all_of_it_after(store: Store, other: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.claim([claim(message_id := uuid7())])
        fact = await write(transaction, 1, "customer-a")
        assert await _everything(other) == _NOTHING

    assert (await other.lanes())[1] == LaneHead(1, fact.hash)
    assert await other.correlated("a") == [fact]
    assert await other.consumed("/partner", _NO_ID, 10) == [message_id]


async def test_nothing_is_left_of_a_transaction_that_is_rolled_back(store: Store) -> None:
    with suppress(Abandoned):
        async with store.transaction() as transaction:
            await transaction.claim([claim(uuid7())])
            await write(transaction, 1, "customer-a")
            await transaction.append(
                Append(recorded_at=NOON, reminders=[reminder()], parked=[parked()], replies={uuid7(): "{}"})
            )
            raise Abandoned

    assert await _everything(store) == _NOTHING


async def test_an_entry_comes_back_column_by_column(store: Store) -> None:
    payload = '{"customer_id":"a", "note": "\\u0000 äöü 漢字",  "spaces":  1.50}'
    fact = await record(store, 7, "customer-a", payload=payload)

    assert await store.stream_events("customer-a") == [fact]
    assert (await store.read({7: 0}, 10))[0].entries == (fact,)


async def test_positions_in_a_lane_have_no_gaps_and_readers_never_skip_one(store: Store, other: Store) -> None:
    lanes = (1, 2, 3)
    seen: dict[int, list[int]] = {lane: [] for lane in lanes}

    async def look() -> None:
        slices = await store.read({lane: (seen[lane] or [0])[-1] for lane in lanes}, 3)
        for one in slices:
            seen[one.lane] += [found.position for found in one.entries]

    async def many(of: Store, name: str) -> None:
        for number in range(30):
            await record(of, lanes[number % 3], f"customer-{name}{number}")

    writers = asyncio.gather(*(many((store, other)[n % 2], f"{n}-") for n in range(4)))
    while not writers.done():
        await look()
        await asyncio.sleep(0)
    await writers
    heads = await store.lanes()
    while any(len(seen[lane]) < heads[lane].head for lane in lanes):
        await look()

    assert sum(heads[lane].head for lane in lanes) == 120
    assert seen == {lane: list(range(1, heads[lane].head + 1)) for lane in lanes}


async def test_a_slow_transaction_holds_its_lane_back_and_no_other(store: Store, other: Store) -> None:
    async with store.transaction() as transaction:
        slow = await write(transaction, 1, "customer-slow")
        quick = asyncio.create_task(record(other, 1, "customer-quick"))
        elsewhere = await record(other, 2, "customer-elsewhere")
        await asyncio.sleep(0.1)
        assert not quick.done()
        slices = await other.read({1: 0, 2: 0}, 10)
        assert [(one.lane, one.entries) for one in slices] == [(2, (elsewhere,))]

    after = await quick
    (whole,) = await other.read({1: 0}, 10)
    assert whole.entries == (slow, after)


async def test_reminders_are_due_in_their_order_and_gone_once_done(store: Store) -> None:
    late, early, coming = reminder(5), reminder(1, correlation_id="b"), reminder(60)
    await append(store, reminders=[late, early, coming])

    assert await store.next_reminder_at() == early.due_at
    assert await store.due_reminders(NOON + timedelta(seconds=10), 10) == [early, late]
    assert await store.due_reminders(NOON + timedelta(seconds=10), 1) == [early]
    assert await store.reminders(["a"]) == [late, coming]
    assert await store.reminders(["a", "b", "c"]) == [early, late, coming]

    await append(store, done_reminders=[early.id], reminders=[again := reminder(2)])

    assert await store.due_reminders(NOON + timedelta(seconds=10), 10) == [again, late]


async def test_a_reminder_is_done_only_if_its_transaction_commits(store: Store) -> None:
    await append(store, reminders=[due := reminder()])
    with suppress(Abandoned):
        async with store.transaction() as transaction:
            await transaction.append(Append(recorded_at=NOON, done_reminders=[due.id]))
            raise Abandoned

    assert await store.due_reminders(NOON, 10) == [due]


async def test_no_reminder_no_time(store: Store) -> None:
    assert await store.next_reminder_at() is None


async def test_parked_messages_come_back_whole_and_the_oldest_first(store: Store) -> None:
    first, second, third = parked("a"), parked("b"), parked("a")
    await append(store, parked=[first, second])
    await append(store, parked=[third])

    assert await store.parked() == [first, second, third]
    assert await store.parked("a") == [first, third]


async def test_a_parked_message_that_somebody_else_took_is_a_conflict_and_nothing_is_written(store: Store) -> None:
    await append(store, parked=[one := parked("a")])
    await append(store, unparked=[one.id])

    with pytest.raises(StoreConflict):
        await append(store, unparked=[one.id], reminders=[reminder()])

    assert await store.parked() == []
    assert await store.next_reminder_at() is None


async def test_of_two_who_take_a_parked_message_one_wins(store: Store, other: Store) -> None:
    await append(store, parked=[one := parked("a")])

    outcomes = await asyncio.gather(
        append(store, unparked=[one.id]), append(other, unparked=[one.id]), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StoreConflict"]


async def test_what_a_person_discards_under_a_key_is_set_aside_with_who_and_why(store: Store) -> None:
    await append(store, parked=[one := parked("a"), two := parked("a"), kept := parked("b")])

    assert await store.discard_parked("a", at=NOON, actor="olga", reason="a test order") == 2
    assert await store.discard_parked("a", at=NOON, actor="olga", reason="again") == 0
    assert await store.parked() == [kept]
    assert await store.discarded() == [
        DiscardedMessage(message, NOON, "olga", "a test order") for message in (one, two)
    ]


async def test_of_what_is_parked_under_a_key_only_what_is_named_is_discarded(store: Store) -> None:
    await append(store, parked=[one := parked("a"), two := parked("a"), other := parked("b")])

    dropped = await store.discard_parked("a", at=NOON, actor="olga", reason="bad", only=[one.id, other.id])

    assert dropped == 1
    assert await store.parked() == [two, other]
    assert await store.first_parked("a") == two
    assert await store.discard_parked("a", at=NOON, actor="olga", reason="bad", only=[]) == 0


@pytest.mark.parametrize(
    "written",
    [
        {"parked": [parked("a\x00")]},
        {"parked": [parked(explanation="no \x00 here")]},
        {"reminders": [reminder(partition_key="a\x00")]},
        {"streams": [StreamWrite(stream="customer-\x00", version=1, state="{}", is_new=True)]},
        {"entries": [entry(1, 1, correlation_id="\x00")]},
        {"entries": [entry(1, 1, topic="\x00")]},
        {"entries": [entry(1, 1, payload="{")]},
        {"streams": [StreamWrite(stream="customer-a", version=1, state="{", is_new=True)]},
    ],
)
async def test_a_value_that_the_store_cannot_hold_is_refused_for_good(
    store: Store, written: dict[str, object]
) -> None:
    with pytest.raises(StoreRejects):
        await append(store, **written)

    assert await _everything(store) == _NOTHING


async def test_a_nul_is_refused_wherever_it_is_asked_for(store: Store) -> None:
    async def ask(*, source: str = "/partner", stream: str = "customer-a", key: str = "a") -> None:
        async with store.transaction() as transaction:
            await transaction.claim([claim(uuid7(), source=source)])
            await transaction.load([stream], [key], [1])

    with pytest.raises(StoreRejects):
        await ask(source="\x00")
    with pytest.raises(StoreRejects):
        await ask(stream="customer-\x00")
    with pytest.raises(StoreRejects):
        await ask(key="\x00")


async def test_what_was_parked_while_its_lane_was_waited_for_is_seen(store: Store, other: Store) -> None:
    # given a writer that is about to park a key of which no stream is begun yet
    waiting = asyncio.Event()

    async def load() -> Loaded:
        async with other.transaction() as transaction:
            waiting.set()
            return await transaction.load(["customer-a"], ["a"], [1])

    async with store.transaction() as transaction:
        await transaction.load(["customer-a"], ["a"], [1])

        # when another one comes for the same key meanwhile
        late = asyncio.create_task(load())
        await waiting.wait()
        await asyncio.sleep(0.2)
        assert not late.done()
        await transaction.append(Append(recorded_at=NOON, parked=[parked("a")]))

    # then it finds the key parked
    assert (await late).parked_keys == {"a"}


async def test_parked_messages_that_still_stand_are_locked(store: Store, other: Store) -> None:
    await append(store, parked=[one := parked("a"), gone := parked("a")])
    await append(store, unparked=[gone.id])

    async with store.transaction() as transaction:
        assert await transaction.standing([one.id, gone.id]) == {one.id}
        second = asyncio.create_task(_standing(other, one.id))
        await asyncio.sleep(0.1)
        assert not second.done()
        await transaction.append(Append(recorded_at=NOON, unparked=[one.id]))

    assert await second == frozenset()


_NO_ID = UUID(int=0)
_NOTHING: tuple[object, ...] = (0, [], [], None, [], set())


async def _everything(store: Store) -> tuple[object, ...]:
    return (
        sum(head.head for head in (await store.lanes()).values()),
        list(await store.streams("customer", "", 10)),
        list(await store.correlated("a")),
        await store.next_reminder_at(),
        list(await store.parked()),
        set(await store.consumed("/partner", _NO_ID, 10)),
    )


async def _claim_in_own_transaction(store: Store, contested: UUID) -> bool:
    async with store.transaction() as transaction:
        return bool(await transaction.claim([claim(contested)]))


async def _standing(store: Store, parked_id: UUID) -> frozenset[UUID]:
    async with store.transaction() as transaction:
        return await transaction.standing([parked_id])

"""Deciding in memory: given / when / then for deciders, and whole batches."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from shared.events.inventory import ReceiveStock
from shared.events.order import BlockCustomer, CustomerBlocked, CustomerUnblocked, UnblockCustomer
from shared.events.payload import Event
from shared.eventsourcing.batch import (
    CACHED_STATES,
    Batch,
    StateCodec,
    decide_batch,
    decode_reply,
    encode_reply,
    seal,
)
from shared.eventsourcing.chain import GENESIS, entry_hash
from shared.eventsourcing.decider import Context, Decision, Model, Recorded, Reminder, Reply, Route, States
from shared.eventsourcing.lanes import LANES, lane_of
from shared.eventsourcing.memory.virtual_time import VirtualClock, VirtualLoop
from shared.eventsourcing.messages import Arrival
from shared.eventsourcing.store import Append, LaneHead, Loaded, StreamRow
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.eventsourcing.toy import CUSTOMER, MINUTE, Customer, arrival, block, set_limit, toy_model

EMPTY = Loaded({}, frozenset(), {})
COLUMNS = [name for name in inspect.signature(entry_hash).parameters if name != "previous"]
BLOCKED, UNBLOCKED = CustomerBlocked(customer_id="a"), CustomerUnblocked(customer_id="a")


def clock() -> VirtualClock:
    return VirtualClock(VirtualLoop(Random(1)), Random(1))


def decided(arrivals: Sequence[Arrival], *, model: Model | None = None, loaded: Loaded = EMPTY) -> Batch:
    model = model or toy_model()
    return decide_batch(model, StateCodec(model), clock(), arrivals, loaded)


def sealed(batch: Batch) -> Append:
    heads = {lane: LaneHead(10, GENESIS) for lane in range(LANES)}
    return seal(batch, StateCodec(toy_model()), clock(), heads)


def reacting(reaction: Any) -> Model:
    return replace(toy_model(), reactions={CustomerBlocked: reaction})


def test_a_scenario_shows_the_whole_decision() -> None:
    outcome = Scenario(toy_model()).when(block(), actor="maria")

    outcome.then(Recorded("customer-a", BLOCKED)).then_asked(ReceiveStock(sku="a", location="WH-EAST", quantity=1))
    assert outcome.reminders == (Reminder(NOON + MINUTE, UnblockCustomer(customer_id="a")),)
    assert outcome.reply == Reply("accepted", {"times": 1})
    assert outcome.state(CUSTOMER, "a") == Customer(True, 1)


def test_a_scenario_goes_on_from_what_has_happened() -> None:
    scenario = Scenario(toy_model()).given("customer-a", BLOCKED).at(NOON + MINUTE)

    after = scenario.when(UnblockCustomer(customer_id="a")).then(UNBLOCKED).after
    after.when(UnblockCustomer(customer_id="a")).then_nothing_happened()


def test_a_scenario_names_what_differs() -> None:
    with pytest.raises(AssertionError, match="expected:"):
        Scenario(toy_model()).when(block()).then_nothing_happened()
    with pytest.raises(AssertionError, match="decided:"):
        Scenario(toy_model()).when(block()).then(UNBLOCKED)
    with pytest.raises(AssertionError):
        Scenario(toy_model()).when(block()).then()
    with pytest.raises(AssertionError):
        Scenario(toy_model()).when(UnblockCustomer(customer_id="a")).then(UNBLOCKED)


def test_a_decider_reacts_to_another_in_the_same_decision_on_the_state_after_the_fact() -> None:
    def reaction(states: States, event: CustomerBlocked, context: Context) -> Decision:
        assert states.of(CUSTOMER, "a").blocked
        return Decision((Recorded("customer-a", UNBLOCKED),), commands=(block("z"),), reply=Reply("refused"))

    outcome = Scenario(reacting(reaction)).when(block())

    outcome.then(BLOCKED, UNBLOCKED)
    assert outcome.commands[-1] == block("z")
    assert outcome.reply == Reply("accepted", {"times": 1})  # the first answer stands


def test_deciders_that_react_to_each_other_without_end_are_caught() -> None:
    model = reacting(lambda states, event, context: Decision((Recorded("customer-a", BLOCKED),)))

    with pytest.raises(RecursionError, match="react to each other without end"):
        Scenario(model).when(block())


def test_a_stream_that_was_not_named_can_be_neither_read_nor_written() -> None:
    reading = reacting(lambda states, event, context: Decision(reply=states.of(CUSTOMER, "b")))
    writing = reacting(lambda states, event, context: Decision((Recorded("customer-b", UNBLOCKED),)))

    for model in (reading, writing):
        with pytest.raises(LookupError, match="customer-b was not named"):
            Scenario(model).when(block())


def test_a_message_without_a_route_and_a_stream_without_a_category_are_named() -> None:
    with pytest.raises(LookupError, match=r"order does not take inventory\.receive-stock\.v1"):
        Scenario(toy_model()).when(ReceiveStock(sku="a", location="b", quantity=1))
    with pytest.raises(LookupError, match="order owns no stream stock-a"):
        toy_model().category_of("stock-a")


def test_a_batch_folds_each_message_on_what_the_ones_before_it_decided() -> None:
    loaded = Loaded({"customer-a": StreamRow(4, '{"blocked": false, "times": 2}')}, frozenset(), {})

    append = sealed(decided([arrival(block()), arrival(set_limit(limit=9)), arrival(block())], loaded=loaded))

    assert [one.version for one in append.entries if one.stream] == [5, 6, 7]
    (write,) = append.streams
    assert (write.version, write.is_new) == (7, False)
    assert StateCodec(toy_model()).decode("customer-a", StreamRow(7, write.state)) == Customer(True, 4, 9)


class CustomerSeen(Event, name="order.customer-seen", version=1):
    """Somebody saw a customer."""

    customer_id: str
    seen_at: datetime

    def happened_at(self) -> datetime:
        return self.seen_at


def test_a_fact_that_somebody_saw_happened_then_and_is_recorded_now() -> None:
    yesterday = NOON - timedelta(days=1)
    seen = CustomerSeen(customer_id="a", seen_at=yesterday)
    model = reacting(lambda states, event, context: Decision((Recorded("customer-a", seen),)))

    blocked, then_seen, *_ = sealed(decided([arrival(block(), "a")], model=model)).entries

    assert blocked.occurred_at == blocked.recorded_at == then_seen.recorded_at
    assert then_seen.occurred_at == yesterday


def test_what_raises_parks_its_key_drops_its_outputs_and_nothing_else() -> None:
    bad, behind = arrival(block("bad"), "key"), arrival(set_limit("b"), "key")
    batch = decided([arrival(block()), bad, behind, arrival(block())], model=toy_model({"bad"}))
    append = sealed(batch)

    assert [(one.message_id, one.explanation) for one in append.parked] == [
        (bad.message_id, "RuntimeError: no rule for bad"),
        (behind.message_id, "queued behind a parked message of the same key"),
    ]
    assert {one.stream for one in append.streams} == {"customer-a"}
    assert [one.version for one in append.entries if one.stream] == [1, 2]
    assert {one.partition_key for one in append.entries} == {"a"}


def test_what_raises_after_it_has_recorded_leaves_nothing_behind() -> None:
    def twice(states: States, message: BlockCustomer, context: Context) -> Decision:
        return Decision((Recorded("customer-a", BLOCKED), Recorded("customer-other", BLOCKED)))

    model = toy_model()
    model = replace(model, routes={BlockCustomer: Route(model.routes[BlockCustomer].streams, twice)})

    append = sealed(decided([arrival(block())], model=model))

    assert (append.entries, append.streams, len(append.parked)) == ([], [], 1)


def test_a_key_that_is_parked_already_takes_its_messages_behind_it() -> None:
    batch = decided([arrival(block()), arrival(block("b"))], loaded=Loaded({}, frozenset({"a"}), {}))

    assert [one.key for one in batch.parked] == ["a"]
    assert batch.changed == {"customer-b"}


def test_positions_and_hashes_follow_each_other_lane_by_lane() -> None:
    append = sealed(decided([arrival(block(f"c{n % 5}")) for n in range(20)]))

    previous: dict[int, LaneHead] = {}
    for entry in append.entries:
        before = previous.get(entry.lane, LaneHead(10, GENESIS))
        assert entry.position == before.head + 1
        assert entry.lane == lane_of(entry.partition_key)
        columns = {name: getattr(entry, name) for name in COLUMNS}
        columns |= {"id": str(entry.id), "causation_id": str(entry.causation_id)}
        assert entry.hash == entry_hash(before.chain_hash, **columns)
        previous[entry.lane] = LaneHead(entry.position, entry.hash)
    assert append.heads == previous


def test_a_reminder_travels_under_its_own_key_or_that_of_its_cause() -> None:
    def remind(states: States, message: BlockCustomer, context: Context) -> Decision:
        later = context.now + timedelta(hours=1)
        return Decision(reminders=(Reminder(later, message), Reminder(later, message, partition_key="other")))

    model = toy_model()
    model = replace(model, routes={BlockCustomer: Route(model.routes[BlockCustomer].streams, remind)})

    own, other = decided([arrival(block(), "key", correlation_id="O1")], model=model).reminders

    assert (own.partition_key, own.correlation_id) == ("key", "O1")
    assert (other.partition_key, other.correlation_id) == ("other", "other")


def test_a_reminder_that_was_decided_or_parked_is_done() -> None:
    due, bad = arrival(block(), source="reminder"), arrival(block("bad"), source="reminder")

    append = sealed(decided([due, bad, arrival(block("c"))], model=toy_model({"bad"})))

    assert append.done_reminders == [due.message_id, bad.message_id]


def committed(*streams: str) -> Batch:
    states = dict.fromkeys(streams, Customer(times=7))
    return Batch(now=NOON, states=states, versions=dict.fromkeys(streams, 1), changed=set(streams))


def test_of_more_states_than_fit_the_one_used_longest_ago_is_read_from_the_store_again() -> None:
    codec, stored = StateCodec(toy_model()), StreamRow(1, '{"times": 2}')
    codec.remember(committed("customer-used"))
    codec.remember(committed("customer-idle"))
    assert codec.decode("customer-used", stored) == Customer(times=7)

    codec.remember(committed(*(f"customer-{number}" for number in range(CACHED_STATES - 1))))

    assert codec.decode("customer-used", stored) == Customer(times=7)
    assert codec.decode("customer-idle", stored) == Customer(times=2)


def test_a_reply_is_kept_as_it_was_given() -> None:
    reply = Reply("created", {"number": "O1", "lines": [1, None, {"x": 1.5}]})

    assert decode_reply(encode_reply(reply)) == reply

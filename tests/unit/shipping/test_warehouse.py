"""People confirm what the warehouse did, and are answered."""

from datetime import timedelta

import pytest

from shared.events.payload import Command
from shared.events.shipping import ConfirmDelivered, ConfirmPacked, ConfirmPicked, DispatchParcel
from shared.eventsourcing.decider import Decision, Reply
from shared.eventsourcing.testing import NOON
from tests.unit.shipping.road import (
    FULFILMENT,
    MANUAL,
    STATUSES,
    STREAM,
    WHO,
    cancellation_requested,
    cancelled,
    collected,
    collecting,
    deadline,
    delivered,
    handover_requested,
    held,
    label_requested,
    nothing_yet,
    packed,
    picked,
    refused,
    tracked,
    tracking,
    up_to,
    void_requested,
)

PICKED = ConfirmPicked(**WHO)
PACKED = ConfirmPacked(**WHO, weight_grams=2650)
DISPATCH = DispatchParcel(**WHO)
DELIVERED = ConfirmDelivered(**WHO)
BEFORE = NOON - timedelta(hours=2)


def stands_at(status: str) -> Decision:
    """The answer that it was confirmed before."""
    return Decision(reply=Reply("accepted", {"fulfilment_id": FULFILMENT, "status": status}))


def conflicts(status: str, explanation: str) -> Decision:
    body = {"fulfilment_id": FULFILMENT, "status": status, "explanation": explanation}
    return Decision(reply=Reply("conflict", body))


def test_what_people_have_picked_waits_to_be_packed() -> None:
    outcome = up_to("picking", MANUAL).when(PICKED).then(picked)
    assert outcome.reply == Reply("accepted", {"fulfilment_id": FULFILMENT, "status": "picked"})


def test_what_people_have_packed_gets_a_label_for_the_weight_on_the_scales() -> None:
    outcome = up_to("picked", MANUAL).when(PACKED)
    outcome.then(packed.model_copy(update={"weight_grams": 2650}), label_requested(weight=2650))
    assert outcome.reply == Reply("accepted", {"fulfilment_id": FULFILMENT, "status": "packed"})


def test_what_was_done_on_a_hold_is_recorded_and_nothing_new_is_asked() -> None:
    up_to("picking", MANUAL).given(STREAM, held).when(PICKED).then(picked)
    up_to("picked", MANUAL).given(STREAM, held).when(PACKED).then(packed.model_copy(update={"weight_grams": 2650}))


def test_a_labelled_parcel_that_people_dispatch_is_handed_over() -> None:
    outcome = up_to("labelled", MANUAL).when(DISPATCH).then(handover_requested())
    assert outcome.reminders == (deadline("handover-1"),)
    assert outcome.reply == Reply("accepted", {"fulfilment_id": FULFILMENT, "status": "handing_over"})


def test_what_a_customer_collects_is_dispatched_and_delivered_in_one_moment() -> None:
    outcome = collecting("packed", MANUAL).when(DISPATCH).then(collected, delivered())
    assert outcome.reply == Reply("accepted", {"fulfilment_id": FULFILMENT, "status": "delivered"})


def test_a_parcel_that_the_carrier_says_nothing_of_arrives_by_a_persons_word() -> None:
    outcome = (
        up_to("dispatched").when(DELIVERED.model_copy(update={"delivered_at": BEFORE})).then(delivered(BEFORE))
    )
    assert outcome.reply == Reply("accepted", {"fulfilment_id": FULFILMENT, "status": "delivered"})
    outcome.after.when(tracked("delivered")).then(tracking("delivered"))


def test_a_parcel_that_arrived_nobody_knows_when_arrived_when_it_was_told() -> None:
    up_to("dispatched").when(DELIVERED).then(delivered(NOON))


def test_nothing_is_delivered_before_it_has_left_or_before_it_has_happened() -> None:
    assert up_to("labelled").when(DELIVERED).decision == conflicts("labelled", "it has not left")
    assert up_to("handing_over").when(DELIVERED).decision == conflicts("handing_over", "it has not left")
    tomorrow = DELIVERED.model_copy(update={"delivered_at": NOON + timedelta(days=1)})
    expected = conflicts("dispatched", "a delivery is confirmed once it has happened")
    assert up_to("dispatched").when(tomorrow).decision == expected


def test_what_is_delivered_twice_is_delivered_once() -> None:
    assert up_to("delivered").when(DELIVERED).decision == stands_at("delivered")


@pytest.mark.parametrize("status", STATUSES[STATUSES.index("picked") :])
def test_what_is_picked_twice_is_picked_once(status: str) -> None:
    assert up_to(status, MANUAL).when(PICKED).decision == stands_at(status)


@pytest.mark.parametrize("status", STATUSES[STATUSES.index("packed") :])
def test_what_is_packed_twice_is_packed_once(status: str) -> None:
    assert up_to(status, MANUAL).when(PACKED).decision == stands_at(status)


@pytest.mark.parametrize("status", STATUSES[STATUSES.index("handing_over") :])
def test_what_is_dispatched_twice_is_dispatched_once(status: str) -> None:
    assert up_to(status, MANUAL).when(DISPATCH).decision == stands_at(status)


def test_what_the_carrier_refused_after_packing_stays_picked_and_packed() -> None:
    scenario = up_to("labelling", MANUAL).given(STREAM, refused)
    assert scenario.when(PICKED).decision == stands_at("refused")
    assert scenario.when(PACKED).decision == stands_at("refused")


def test_what_the_carrier_refused_before_it_was_picked_can_be_neither_picked_nor_packed() -> None:
    scenario = up_to("requested", MANUAL).given(STREAM, refused)
    assert scenario.when(PICKED).decision == conflicts("refused", "there is no open pick list for it")
    assert scenario.when(PACKED).decision == conflicts("refused", "it is not picked")


def test_what_is_picked_and_packed_stays_so_while_its_label_is_taken_back() -> None:
    scenario = up_to("labelled", MANUAL).given(STREAM, cancellation_requested, void_requested())
    assert scenario.when(PICKED).decision == stands_at("voiding")
    assert scenario.when(PACKED).decision == stands_at("voiding")


@pytest.mark.parametrize("status", ["requested", "rated"])
def test_nothing_can_be_picked_before_there_is_a_pick_list(status: str) -> None:
    expected = conflicts(status, "there is no open pick list for it")
    assert up_to(status, MANUAL).when(PICKED).decision == expected


@pytest.mark.parametrize("status", ["requested", "rated", "picking"])
def test_nothing_can_be_packed_before_it_is_picked(status: str) -> None:
    assert up_to(status, MANUAL).when(PACKED).decision == conflicts(status, "it is not picked")


@pytest.mark.parametrize("status", STATUSES[: STATUSES.index("labelled")])
def test_nothing_can_be_dispatched_before_it_has_a_label(status: str) -> None:
    assert up_to(status, MANUAL).when(DISPATCH).decision == conflicts(status, "it is not ready to leave")


def test_nothing_is_dispatched_on_a_hold() -> None:
    labelled = up_to("labelled", MANUAL).given(STREAM, held)
    assert labelled.when(DISPATCH).decision == conflicts("labelled", "work on it is held")
    to_collect = collecting("packed", MANUAL).given(STREAM, held)
    assert to_collect.when(DISPATCH).decision == conflicts("packed", "work on it is held")


@pytest.mark.parametrize("message", [PICKED, PACKED, DISPATCH, DELIVERED])
def test_a_confirmation_for_a_cancelled_shipment_is_refused(message: Command) -> None:
    scenario = nothing_yet(MANUAL).given(STREAM, cancelled)
    assert scenario.when(message).decision == conflicts("cancelled", "it is cancelled")


@pytest.mark.parametrize("message", [PICKED, PACKED, DISPATCH, DELIVERED])
def test_a_confirmation_for_an_unknown_shipment_finds_nothing(message: Command) -> None:
    expected = Decision(reply=Reply("not_found", {"fulfilment_id": FULFILMENT}))
    assert nothing_yet(MANUAL).when(message).decision == expected

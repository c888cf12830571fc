"""A cancellation is always answered in the end, and never leaves a label behind."""

import pytest

from services.shipping.domain.messages import FinishPicking, VoidDeclined
from shared.events.payload import Command
from shared.events.shipping import ShipmentCancellationRefused
from shared.eventsourcing.decider import NOTHING, Recorded
from shared.eventsourcing.testing import Scenario
from tests.unit.shipping.road import (
    CANCEL,
    ELSEWHERE,
    HOLD,
    LEISURELY,
    MANUAL,
    QUOTES_ANSWERED,
    REQUEST,
    STATUSES,
    STREAM,
    WHO,
    again,
    cancellation_requested,
    cancelled,
    collecting,
    deadline,
    dispatched,
    held,
    label_answer,
    label_bought,
    label_refusal,
    label_requested,
    nothing_yet,
    refused,
    resume,
    resumed,
    status_of,
    tracked,
    tracking,
    up_to,
    void_answer,
    void_requested,
    voided,
)

too_late = ShipmentCancellationRefused(**WHO)


def locked(status: str) -> Scenario:
    return up_to(status).given(STREAM, cancellation_requested)


def voiding() -> Scenario:
    return locked("labelled").given(STREAM, void_requested())


def test_a_shipment_nobody_has_heard_of_is_cancelled_at_once_and_remembered() -> None:
    outcome = nothing_yet().when(CANCEL)
    outcome.then(Recorded(STREAM, cancelled))
    outcome.after.when(REQUEST).then(cancelled)


def test_so_is_one_that_was_only_held() -> None:
    nothing_yet().given(STREAM, held).when(CANCEL).then(cancelled)


@pytest.mark.parametrize("status", STATUSES[: STATUSES.index("labelling")])
@pytest.mark.parametrize("on_hold", [False, True])
def test_before_a_label_is_asked_for_a_shipment_is_cancelled_at_once(status: str, on_hold: bool) -> None:
    scenario = up_to(status, MANUAL)
    outcome = (scenario.given(STREAM, held) if on_hold else scenario).when(CANCEL).then(cancelled)
    assert outcome.reminders == ()


def test_a_pick_that_is_cancelled_stays_cancelled_when_it_ends() -> None:
    outcome = up_to("picking", LEISURELY).when(CANCEL).then(cancelled)
    assert outcome.after.when(FinishPicking(**WHO)).decision == NOTHING


def test_what_waits_to_be_collected_can_be_cancelled() -> None:
    collecting("packed", MANUAL).when(CANCEL).then(cancelled)


def test_what_the_carrier_refused_is_cancelled_at_once() -> None:
    up_to("labelling").given(STREAM, refused).when(CANCEL).then(cancelled)


def test_while_a_label_is_being_bought_the_cancellation_waits() -> None:
    up_to("labelling").when(CANCEL).then(cancellation_requested)


def test_a_label_that_is_bought_after_the_cancellation_is_taken_back_first() -> None:
    outcome = locked("labelling").when(label_answer()).then(label_bought(), void_requested())
    assert outcome.reminders == (deadline("void-1"),)
    outcome.after.when(void_answer()).then(voided(), cancelled)


def test_a_label_that_is_refused_after_the_cancellation_ends_the_shipment() -> None:
    locked("labelling").when(label_refusal()).then(refused, cancelled)


def test_also_where_the_address_has_changed_no_other_label_is_asked_for() -> None:
    scenario = up_to("labelling").given(STREAM, held, resumed(ELSEWHERE), cancellation_requested)
    scenario.when(label_refusal()).then(refused, cancelled)
    scenario.when(label_answer()).then(label_bought(), void_requested())


def test_a_label_whose_outcome_is_unknown_is_asked_for_until_it_is_known() -> None:
    locked("labelling").when(again("label-1")).then(label_requested(asked=2))


def test_a_label_that_is_there_is_taken_back_first() -> None:
    outcome = up_to("labelled", MANUAL).when(CANCEL).then(cancellation_requested, void_requested())
    assert outcome.reminders == (deadline("void-1"),)


def test_a_hold_gives_way_to_the_cancellation() -> None:
    scenario = up_to("labelled").given(STREAM, held)
    outcome = scenario.when(CANCEL).then(cancellation_requested, void_requested())
    assert outcome.after.when(resume(ELSEWHERE)).decision == NOTHING


def test_a_label_on_its_way_back_for_a_new_address_is_not_replaced_after_a_cancellation() -> None:
    scenario = up_to("labelled").given(STREAM, held, resumed(ELSEWHERE), void_requested())
    outcome = scenario.when(CANCEL).then(cancellation_requested)
    outcome.after.when(void_answer()).then(voided(), cancelled)


def test_the_answer_comes_when_the_label_is_taken_back() -> None:
    outcome = voiding().when(void_answer()).then(voided(), cancelled)
    assert status_of(outcome.after) == "cancelled"
    assert outcome.after.when(void_answer()).decision == NOTHING


def test_where_the_carrier_took_the_parcel_before_the_label_was_voided_the_cancellation_is_refused() -> None:
    voiding().when(VoidDeclined(**WHO, label_id="lbl_1")).then(dispatched(), too_late)


def test_where_the_carrier_tracks_the_parcel_instead_the_cancellation_is_refused_too() -> None:
    voiding().when(tracked("in_transit")).then(dispatched(), too_late, tracking("in_transit"))


@pytest.mark.parametrize("status", ["handing_over", "dispatched", "delivered"])
def test_what_is_handed_over_can_not_be_cancelled_however_often_it_is_asked(status: str) -> None:
    up_to(status).when(CANCEL).then(too_late).after.when(CANCEL).then(too_late)


@pytest.mark.parametrize("scenario", [locked("labelling"), voiding()])
def test_a_cancellation_that_waits_is_not_asked_for_twice(scenario: Scenario) -> None:
    assert scenario.when(CANCEL).decision == NOTHING


def test_a_repeated_cancellation_is_answered_again() -> None:
    up_to("requested").when(CANCEL).after.when(CANCEL).then(cancelled)


@pytest.mark.parametrize("scenario", [locked("labelling"), voiding()])
def test_a_hold_or_its_end_does_not_disturb_a_cancellation(scenario: Scenario) -> None:
    assert scenario.when(HOLD).decision == NOTHING
    assert scenario.when(resume()).decision == NOTHING


@pytest.mark.parametrize("message", [HOLD, resume(), QUOTES_ANSWERED, label_answer(), label_refusal()])
def test_nothing_revives_what_is_cancelled(message: Command) -> None:
    scenario = nothing_yet().given(STREAM, cancelled)
    assert scenario.when(message).decision == NOTHING

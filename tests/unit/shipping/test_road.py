"""The road of a shipment from its request to the hand-over, and what the carrier's answers mean on it."""

from datetime import timedelta

import pytest

from services.shipping.domain.messages import (
    FinishPicking,
    HandoverDeclined,
    QuotesAnswered,
    QuotesDeclined,
    VoidDeclined,
)
from shared.events.shipping import LabelRefused
from shared.eventsourcing.decider import NOTHING, Recorded, Reminder
from shared.eventsourcing.testing import NOON
from tests.unit.shipping.road import (
    AUTOMATIC,
    COLLECT,
    ELSEWHERE,
    LEISURELY,
    MANUAL,
    PROMISE,
    QUOTES_ANSWERED,
    REQUEST,
    STATUSES,
    STREAM,
    WHO,
    cancelled,
    collect_requested,
    collected,
    collecting,
    deadline,
    delivered,
    dispatched,
    handover_answer,
    handover_requested,
    held,
    label_answer,
    label_bought,
    label_refusal,
    label_requested,
    nothing_yet,
    packed,
    pick_list,
    picked,
    quotes_requested,
    rate_chosen,
    refused,
    requested,
    resumed,
    status_of,
    up_to,
    void_answer,
    void_requested,
    voided,
)


def test_a_request_asks_the_carrier_for_its_rates() -> None:
    outcome = nothing_yet().when(REQUEST)
    outcome.then(Recorded(STREAM, requested), Recorded(STREAM, quotes_requested()))
    assert outcome.reminders == (deadline("quotes"),)


def test_an_automatic_warehouse_picks_and_packs_as_soon_as_a_rate_is_chosen() -> None:
    outcome = up_to("requested").when(QUOTES_ANSWERED)
    outcome.then(rate_chosen, pick_list, picked, packed, label_requested())
    assert outcome.reminders == (deadline("label-1"),)


def test_an_automatic_warehouse_that_takes_its_time_is_reminded() -> None:
    outcome = up_to("requested", LEISURELY).when(QUOTES_ANSWERED).then(rate_chosen, pick_list)
    assert outcome.reminders == (Reminder(NOON + timedelta(minutes=20), FinishPicking(**WHO)),)


def test_when_the_picking_time_is_over_the_parcel_is_packed_and_a_label_asked_for() -> None:
    up_to("picking", LEISURELY).when(FinishPicking(**WHO)).then(picked, packed, label_requested())


def test_picking_that_ends_on_a_hold_is_recorded_and_no_more() -> None:
    up_to("picking", LEISURELY).given(STREAM, held).when(FinishPicking(**WHO)).then(picked)


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "picking"])
def test_a_picking_reminder_that_comes_too_late_decides_nothing(status: str) -> None:
    assert up_to(status).when(FinishPicking(**WHO)).decision == NOTHING


def test_in_a_manual_warehouse_the_pick_list_waits_for_people() -> None:
    outcome = up_to("requested", MANUAL).when(QUOTES_ANSWERED).then(rate_chosen, pick_list)
    assert outcome.reminders == ()


def test_a_rate_that_comes_too_late_for_the_promise_says_so() -> None:
    late = rate_chosen.model_copy(update={"service": "express", "amount": 1950, "days": 1, "keeps_promise": False})
    up_to("requested", MANUAL).at(PROMISE).when(QUOTES_ANSWERED).then(late, pick_list)


def test_rates_that_come_on_a_hold_are_recorded_and_nothing_is_picked() -> None:
    up_to("requested").given(STREAM, held).when(QUOTES_ANSWERED).then(rate_chosen)


def test_an_answer_to_an_earlier_question_for_rates_decides_nothing() -> None:
    scenario = up_to("requested").given(STREAM, quotes_requested(2, ELSEWHERE))
    assert scenario.when(QUOTES_ANSWERED).decision == NOTHING
    assert scenario.when(QuotesDeclined(**WHO, asked=1, refusal_code="x", explanation="")).decision == NOTHING


@pytest.mark.parametrize("status", STATUSES[1:])
def test_rates_that_come_after_the_choice_decide_nothing(status: str) -> None:
    assert up_to(status).when(QUOTES_ANSWERED).decision == NOTHING
    declined = QuotesDeclined(**WHO, asked=1, refusal_code="x", explanation="")
    assert up_to(status).when(declined).decision == NOTHING


def test_a_carrier_without_any_service_for_the_parcel_leaves_it_to_a_person() -> None:
    outcome = up_to("requested").when(QuotesAnswered(**WHO, asked=1, quotes=()))
    explanation = "the carrier offers no service for this parcel"
    outcome.then(LabelRefused(**WHO, refusal_code="no_service", explanation=explanation))
    assert status_of(outcome.after) == "refused"


def test_a_carrier_that_declines_to_name_rates_leaves_the_parcel_to_a_person() -> None:
    declined = QuotesDeclined(**WHO, asked=1, refusal_code="address_refused", explanation="not served")
    up_to("requested").when(declined).then(refused)


def test_a_label_that_is_bought_is_handed_over_at_once_in_an_automatic_warehouse() -> None:
    outcome = up_to("labelling").when(label_answer())
    outcome.then(label_bought(), handover_requested())
    assert outcome.reminders == (deadline("handover-1"),)


def test_in_a_manual_warehouse_a_labelled_parcel_waits_for_people() -> None:
    up_to("labelling", MANUAL).when(label_answer()).then(label_bought())


def test_a_label_that_comes_on_a_hold_is_recorded_and_not_handed_over() -> None:
    up_to("labelling").given(STREAM, held).when(label_answer()).then(label_bought())


def test_a_label_bought_for_an_address_that_has_changed_is_taken_back() -> None:
    scenario = up_to("labelling").given(STREAM, held, resumed(ELSEWHERE))
    outcome = scenario.when(label_answer()).then(label_bought(), void_requested())
    assert outcome.reminders == (deadline("void-1"),)


def test_once_a_label_is_taken_back_the_rates_are_asked_for_the_new_address() -> None:
    scenario = up_to("labelled").given(STREAM, held, resumed(ELSEWHERE), void_requested())
    outcome = scenario.when(void_answer()).then(voided(), quotes_requested(2, ELSEWHERE))
    assert outcome.reminders == (deadline("quotes", 2),)


def test_a_label_taken_back_on_a_hold_is_not_replaced_before_it_ends() -> None:
    scenario = up_to("labelled").given(STREAM, held, resumed(ELSEWHERE), void_requested(), held)
    scenario.when(void_answer()).then(voided())


def test_a_refused_label_leaves_the_parcel_to_a_person() -> None:
    outcome = up_to("labelling").when(label_refusal()).then(refused)
    assert status_of(outcome.after) == "refused"


def test_a_label_refused_for_an_address_that_has_changed_is_rated_anew() -> None:
    scenario = up_to("labelling").given(STREAM, held, resumed(ELSEWHERE))
    outcome = scenario.when(label_refusal()).then(quotes_requested(2, ELSEWHERE))
    assert outcome.reminders == (deadline("quotes", 2),)


def test_a_label_refused_for_a_changed_address_on_another_hold_is_left_to_a_person() -> None:
    scenario = up_to("labelling").given(STREAM, held, resumed(ELSEWHERE), held)
    scenario.when(label_refusal()).then(refused)


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "labelling"])
def test_an_answer_about_a_label_that_comes_late_or_twice_decides_nothing(status: str) -> None:
    assert up_to(status).when(label_answer()).decision == NOTHING
    assert up_to(status).when(label_refusal()).decision == NOTHING


def test_an_answer_about_an_earlier_label_decides_nothing() -> None:
    scenario = up_to("labelling").given(STREAM, refused, resumed(), label_requested(2))
    assert scenario.when(label_answer(1)).decision == NOTHING
    assert scenario.when(label_refusal(1)).decision == NOTHING


def test_a_hand_over_that_is_confirmed_dispatches_the_parcel() -> None:
    up_to("handing_over").when(handover_answer()).then(dispatched())


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "handing_over"])
def test_a_confirmation_of_the_hand_over_that_comes_late_or_twice_decides_nothing(status: str) -> None:
    assert up_to(status).when(handover_answer()).decision == NOTHING
    assert up_to(status).when(HandoverDeclined(**WHO, label_id="lbl_1")).decision == NOTHING


def test_a_hand_over_of_another_label_decides_nothing() -> None:
    assert up_to("handing_over").when(handover_answer(7)).decision == NOTHING
    assert up_to("handing_over").when(HandoverDeclined(**WHO, label_id="lbl_7")).decision == NOTHING


def test_a_label_voided_elsewhere_is_replaced_before_the_hand_over() -> None:
    outcome = up_to("handing_over").when(HandoverDeclined(**WHO, label_id="lbl_1"))
    outcome.then(voided(), label_requested(2))


@pytest.mark.parametrize("status", STATUSES)
def test_an_answer_about_a_label_that_nobody_asked_to_void_decides_nothing(status: str) -> None:
    assert up_to(status).when(void_answer()).decision == NOTHING
    assert up_to(status).when(VoidDeclined(**WHO, label_id="lbl_1")).decision == NOTHING


def test_a_parcel_that_left_before_its_outdated_label_was_voided_is_dispatched() -> None:
    scenario = up_to("labelled").given(STREAM, held, resumed(ELSEWHERE), void_requested())
    scenario.when(VoidDeclined(**WHO, label_id="lbl_1")).then(dispatched())


def test_the_voiding_of_another_label_decides_nothing() -> None:
    scenario = up_to("labelled").given(STREAM, held, resumed(ELSEWHERE), void_requested())
    assert scenario.when(void_answer(7)).decision == NOTHING
    assert scenario.when(VoidDeclined(**WHO, label_id="lbl_7")).decision == NOTHING


@pytest.mark.parametrize("status", STATUSES)
def test_a_repeated_request_does_not_begin_again(status: str) -> None:
    assert up_to(status).when(REQUEST).decision == NOTHING


def test_a_repeated_request_for_a_refused_shipment_is_answered_again() -> None:
    up_to("labelling").given(STREAM, refused).when(REQUEST).then(refused)


def test_a_request_that_comes_after_its_cancellation_is_answered_so() -> None:
    outcome = nothing_yet().given(STREAM, cancelled).when(REQUEST).then(cancelled)
    assert status_of(outcome.after) == "cancelled"


def test_what_is_collected_is_picked_without_a_carrier_and_waits_packed_for_the_customer() -> None:
    nothing_yet(MANUAL).when(COLLECT).then(collect_requested, pick_list)


def test_in_an_automatic_shop_what_is_collected_leaves_and_arrives_at_once() -> None:
    outcome = nothing_yet().when(COLLECT)
    outcome.then(collect_requested, pick_list, picked, packed, collected, delivered())
    assert outcome.reminders == ()


def test_what_is_collected_stays_in_an_automatic_shop_on_a_hold() -> None:
    collecting("picking", LEISURELY).given(STREAM, held).when(FinishPicking(**WHO)).then(picked)


def test_every_question_has_a_deadline_longer_than_the_longest_back_off() -> None:
    assert AUTOMATIC.answer_within > AUTOMATIC.back_off.longest

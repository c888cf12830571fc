"""On a hold nothing new is asked of anyone; afterwards the shipment goes on where it stood."""

from datetime import timedelta

import pytest

from services.shipping.domain.messages import FinishPicking, QuotesDeclined
from services.shipping.domain.policy import Policy
from shared.eventsourcing.decider import NOTHING, Recorded, Reminder
from shared.eventsourcing.testing import NOON
from tests.unit.shipping.road import (
    ELSEWHERE,
    HOLD,
    LEISURELY,
    MANUAL,
    REQUEST,
    STATUSES,
    STREAM,
    WHO,
    cancelled,
    collected,
    collecting,
    deadline,
    delivered,
    dispatched,
    handover_answer,
    handover_refusal,
    handover_requested,
    held,
    label_requested,
    nothing_yet,
    packed,
    pick_list,
    picked,
    quotes_requested,
    refused,
    requested,
    resume,
    resumed,
    up_to,
    void_requested,
    voided,
)

OPEN = STATUSES[: STATUSES.index("dispatched")]
GONE = STATUSES[STATUSES.index("dispatched") :]


@pytest.mark.parametrize("status", OPEN)
def test_an_open_shipment_is_held(status: str) -> None:
    outcome = up_to(status).when(HOLD)
    outcome.then(Recorded(STREAM, held))
    assert outcome.reminders == ()


@pytest.mark.parametrize("status", OPEN)
def test_a_shipment_that_is_held_is_not_held_again(status: str) -> None:
    assert up_to(status).given(STREAM, held).when(HOLD).decision == NOTHING


@pytest.mark.parametrize("status", GONE)
def test_what_has_left_is_not_held(status: str) -> None:
    assert up_to(status).when(HOLD).decision == NOTHING
    assert up_to(status).when(resume(ELSEWHERE)).decision == NOTHING


def test_a_parcel_that_is_held_during_its_hand_over_waits_if_the_carrier_did_not_take_it() -> None:
    handing_over = up_to("handing_over").when(HOLD).after
    handing_over.when(handover_answer()).then(dispatched())
    waiting = handing_over.when(handover_refusal()).then(voided()).after
    waiting.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE), quotes_requested(2, ELSEWHERE))
    resumed_before = handing_over.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE)).after
    resumed_before.when(handover_refusal()).then(voided(), quotes_requested(2, ELSEWHERE))


def test_what_is_cancelled_is_not_held() -> None:
    assert nothing_yet().given(STREAM, cancelled).when(HOLD).decision == NOTHING


@pytest.mark.parametrize("status", OPEN)
def test_what_is_not_held_is_not_resumed(status: str) -> None:
    assert up_to(status).when(resume(ELSEWHERE)).decision == NOTHING


def test_a_hold_that_comes_before_the_request_stops_its_first_step() -> None:
    outcome = nothing_yet().when(HOLD).then(held)
    assert outcome.after.when(HOLD).decision == NOTHING
    outcome = outcome.after.when(REQUEST).then(requested)
    outcome.after.when(resume()).then(resumed(), quotes_requested())


def test_a_hold_that_ends_before_the_request_leaves_nothing() -> None:
    outcome = nothing_yet().given(STREAM, held).when(resume()).then(resumed())
    outcome.after.when(REQUEST).then(requested, quotes_requested())
    assert outcome.after.when(resume()).decision == NOTHING


def test_rates_are_asked_again_for_the_new_address() -> None:
    outcome = up_to("requested").given(STREAM, held).when(resume(ELSEWHERE))
    outcome.then(resumed(ELSEWHERE), quotes_requested(2, ELSEWHERE))
    assert outcome.reminders == (deadline("quotes", 2),)


def test_a_chosen_rate_leads_to_the_pick_list() -> None:
    up_to("rated", MANUAL).given(STREAM, held).when(resume()).then(resumed(), pick_list)


def test_a_pick_list_goes_on_with_the_people_who_have_it() -> None:
    outcome = up_to("picking", MANUAL).given(STREAM, held).when(resume()).then(resumed())
    assert outcome.reminders == ()


def test_an_automatic_warehouse_begins_its_pick_anew() -> None:
    outcome = up_to("picking", LEISURELY).given(STREAM, held).when(resume()).then(resumed())
    assert outcome.reminders == (Reminder(NOON + timedelta(minutes=20), FinishPicking(**WHO)),)


def test_what_is_picked_is_packed_and_rated_anew_for_the_new_address() -> None:
    outcome = up_to("picked").given(STREAM, held).when(resume(ELSEWHERE))
    outcome.then(resumed(ELSEWHERE), packed, quotes_requested(2, ELSEWHERE))


def test_what_is_picked_is_left_to_people_in_a_manual_warehouse() -> None:
    up_to("picked", MANUAL).given(STREAM, held).when(resume()).then(resumed())


def test_what_is_packed_gets_its_label() -> None:
    up_to("packed", MANUAL).given(STREAM, held).when(resume()).then(resumed(), label_requested())


def test_what_is_packed_to_be_collected_waits_for_its_customer() -> None:
    collecting("packed", MANUAL).given(STREAM, held).when(resume()).then(resumed())
    collecting("packed").given(STREAM, held).when(resume()).then(resumed(), collected, delivered())


def test_a_held_request_to_collect_is_picked_afterwards() -> None:
    collecting("requested", MANUAL).given(STREAM, held).when(resume()).then(resumed(), pick_list)


def test_a_label_under_way_is_waited_for() -> None:
    outcome = up_to("labelling").given(STREAM, held).when(resume(ELSEWHERE)).then(resumed(ELSEWHERE))
    assert outcome.reminders == ()


def test_a_label_for_the_same_address_is_used() -> None:
    up_to("labelled").given(STREAM, held).when(resume()).then(resumed(), handover_requested())
    up_to("labelled", MANUAL).given(STREAM, held).when(resume()).then(resumed())


@pytest.mark.parametrize("policy", [LEISURELY, MANUAL])
def test_a_label_for_the_old_address_is_taken_back(policy: Policy) -> None:
    scenario = up_to("labelled", policy).given(STREAM, held)
    outcome = scenario.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE), void_requested())
    assert outcome.reminders == (deadline("void-1"),)


def test_a_label_on_its_way_back_is_waited_for() -> None:
    scenario = up_to("labelled").given(STREAM, held, resumed(ELSEWHERE), void_requested(), held)
    scenario.when(resume()).then(resumed())


def test_after_a_refusal_the_rates_are_asked_for_the_new_address() -> None:
    outcome = up_to("labelling").given(STREAM, refused).when(resume(ELSEWHERE))
    outcome.then(resumed(ELSEWHERE), quotes_requested(2, ELSEWHERE))
    assert outcome.reminders == (deadline("quotes", 2),)


def test_a_refused_shipment_that_is_held_as_well_goes_on_with_one_word() -> None:
    scenario = up_to("labelling").given(STREAM, refused).when(HOLD).then(held).after
    scenario.when(resume()).then(resumed(), label_requested(2))


def test_where_the_carrier_named_no_rates_they_are_asked_for_again() -> None:
    declined = QuotesDeclined(**WHO, asked=1, refusal_code="address_refused", explanation="not served")
    scenario = up_to("requested").when(declined).then(refused).after
    scenario.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE), quotes_requested(2, ELSEWHERE))


def test_what_is_held_while_it_is_picked_in_an_automatic_warehouse_stops_before_the_label() -> None:
    outcome = up_to("picking", LEISURELY).when(HOLD).after.when(FinishPicking(**WHO)).then(picked)
    outcome.after.when(resume()).then(resumed(), packed, label_requested())

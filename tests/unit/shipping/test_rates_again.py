"""A parcel that goes elsewhere than its rate was chosen for is rated anew before its label is bought."""

from dataclasses import replace

from services.shipping.domain.messages import QuotesAnswered, QuotesDeclined
from services.shipping.domain.shipment import SHIPMENT
from shared.events.shipping import CarrierQuote, ConfirmPacked, ConfirmPicked
from shared.eventsourcing.decider import NOTHING, Reply
from shared.eventsourcing.testing import Scenario
from tests.unit.shipping.road import (
    CANCEL,
    ELSEWHERE,
    EXPRESS,
    FULFILMENT,
    HOLD,
    HOME,
    MANUAL,
    QUOTES_ANSWERED,
    STREAM,
    WHO,
    again,
    cancelled,
    deadline,
    held,
    label_refusal,
    label_requested,
    quotes_requested,
    rate_chosen,
    refused,
    resume,
    resumed,
    silence,
    status_of,
    up_to,
)

CHOSEN = rate_chosen.model_copy(update={"service": "express", "amount": 1950, "days": 1})


def named(asked: int, *quotes: CarrierQuote) -> QuotesAnswered:
    return QuotesAnswered(**WHO, asked=asked, quotes=quotes)


def requoting() -> Scenario:
    """Packed, and sent elsewhere by its release from a hold."""
    return up_to("packed").given(STREAM, held, resumed(ELSEWHERE), quotes_requested(2, ELSEWHERE))


def test_a_packed_parcel_that_goes_elsewhere_is_rated_anew_and_labelled_for_the_new_service() -> None:
    outcome = up_to("packed").given(STREAM, held).when(resume(ELSEWHERE))
    outcome.then(resumed(ELSEWHERE), quotes_requested(2, ELSEWHERE))
    assert outcome.reminders == (deadline("quotes", 2),)
    label = label_requested(address=ELSEWHERE).model_copy(update={"service": "express"})
    outcome.after.when(named(2, EXPRESS)).then(CHOSEN, label)


def test_a_parcel_that_went_elsewhere_before_it_was_picked_is_rated_anew_once_it_is_packed() -> None:
    moved = up_to("picked", MANUAL).given(STREAM, held, resumed(ELSEWHERE))
    outcome = moved.when(ConfirmPacked(**WHO, weight_grams=2300))
    assert outcome.events[1] == quotes_requested(2, ELSEWHERE)


def test_late_rates_for_the_former_address_choose_nothing() -> None:
    assert requoting().when(QUOTES_ANSWERED).decision == NOTHING


def test_rates_that_do_not_come_are_asked_for_again() -> None:
    assert requoting().when(silence("quotes", 2)).reminders[0].message == again("quotes", 2)
    requoting().when(again("quotes", 2)).then(quotes_requested(3, ELSEWHERE))


def test_rates_named_on_a_hold_are_taken_and_the_label_waits() -> None:
    on_hold = requoting().when(HOLD).after.when(named(2, EXPRESS)).then(CHOSEN).after
    label = label_requested(address=ELSEWHERE).model_copy(update={"service": "express"})
    on_hold.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE), label)


def test_a_release_while_rates_are_awaited_asks_for_them_again_wherever_it_leads() -> None:
    on_hold = requoting().when(HOLD).after
    on_hold.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE), quotes_requested(3, ELSEWHERE))
    on_hold.when(resume(HOME)).then(resumed(HOME), quotes_requested(3, HOME))


def test_where_no_rate_is_named_for_the_new_address_a_person_decides_and_nothing_is_picked_twice() -> None:
    declined = QuotesDeclined(**WHO, asked=2, refusal_code="address_refused", explanation="not served")
    outcome = requoting().when(declined).then(refused)
    for confirmation in (ConfirmPicked(**WHO), ConfirmPacked(**WHO, weight_grams=2300)):
        found = outcome.after.when(confirmation)
        assert found.reply == Reply("accepted", {"fulfilment_id": FULFILMENT, "status": "refused"})
    outcome.after.when(resume(HOME)).then(resumed(HOME), label_requested())
    outcome.after.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE), quotes_requested(3, ELSEWHERE))


def test_a_cancellation_does_not_wait_for_rates() -> None:
    outcome = requoting().when(CANCEL).then(cancelled)
    assert status_of(outcome.after.when(named(2, EXPRESS)).then().after) == "cancelled"


def test_a_parcel_stored_before_it_was_known_where_its_rate_was_for_is_labelled_as_ever() -> None:
    def stored_earlier(scenario: Scenario) -> Scenario:
        state = scenario.states[STREAM]
        older = replace(state, parcel=replace(state.parcel, rated_for=None))
        return replace(scenario, states={SHIPMENT.stream(FULFILMENT): older})

    packed = stored_earlier(up_to("packed").given(STREAM, held))
    packed.when(resume(ELSEWHERE)).then(resumed(ELSEWHERE), label_requested(address=ELSEWHERE))
    labelling = stored_earlier(up_to("labelling").given(STREAM, held, resumed(ELSEWHERE)))
    labelling.when(label_refusal()).then(label_requested(attempt=2, address=ELSEWHERE))

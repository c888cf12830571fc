"""From dispatch to completion: captures, deliveries, refused labels, overdue parcels."""

from datetime import timedelta

import pytest

from services.order.domain.messages import CaptureDue, CaptureOverdue, DeadlinePassed, FulfilmentOverdue
from services.order.domain.placement import delivery_of
from shared.events.inventory import ReservationReleased
from shared.events.order import (
    CaptureDelayed,
    CompensationAnswered,
    CompensationBegan,
    FulfilmentCharged,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    OpenHold,
    OrderCompleted,
    ReleaseHold,
)
from shared.events.payment import CapturePayment, CaptureRefused, PaymentVoided, VoidPayment
from shared.events.shipping import HoldShipment, LabelRefused, RequestShipment, ResumeShipment
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.order.samples import (
    ADDRESS,
    F1,
    F2,
    NUMBER,
    ORDER_STREAM,
    PLACEMENT_STREAM,
    POLICY,
    SPLIT,
    VALUE,
    WHOLE,
    after,
    authorised,
    authorising,
    captured,
    channel_order,
    delivered,
    dispatched,
    new,
    of_order,
    of_placement,
    plan,
    shipping,
    stock_reserved,
    take,
)

HELD = OpenHold(order_number=NUMBER, explanation="wait")
COMPLETED = OrderCompleted(order_number=NUMBER, charged=VALUE, currency="USD")


def progressed(status: str, fulfilment_id: str = F1) -> FulfilmentProgressed:
    return FulfilmentProgressed.model_validate(
        {"order_number": NUMBER, "fulfilment_id": fulfilment_id, "status": status}
    )


def charged(fulfilment_id: str = F1, amount: int = VALUE) -> FulfilmentCharged:
    return FulfilmentCharged(order_number=NUMBER, fulfilment_id=fulfilment_id, amount=amount, currency="USD")


def capture(fulfilment_id: str = F1, amount: int = VALUE) -> CapturePayment:
    return CapturePayment(order_number=NUMBER, fulfilment_id=fulfilment_id, amount=amount, currency="USD")


def overdue(wait: int, fulfilment_id: str = F1) -> FulfilmentOverdue:
    return FulfilmentOverdue(order_number=NUMBER, fulfilment_id=fulfilment_id, wait=wait)


def refused(fulfilment_id: str = F1) -> CaptureRefused:
    return CaptureRefused(order_number=NUMBER, fulfilment_id=fulfilment_id, refusal_code="expired")


def label_refused(fulfilment_id: str = F1) -> LabelRefused:
    return LabelRefused(
        order_number=NUMBER, fulfilment_id=fulfilment_id, refusal_code="bad_address", explanation="no such street"
    )


def release(number: int = 1, **corrected: str) -> ReleaseHold:
    return ReleaseHold(order_number=NUMBER, hold_id=f"H{number}", **corrected)


def held(reason: str, number: int = 1, fulfilment_id: str = F1) -> tuple[str, str, str]:
    return f"H{number}", reason, fulfilment_id


def hold_of(event: object) -> tuple[str, str, str]:
    assert isinstance(event, HoldOpened)
    return event.hold_id, event.reason, event.fulfilment_id


def test_the_value_of_a_parcel_is_captured_when_it_leaves() -> None:
    outcome = shipping(SPLIT).when(dispatched(F2))
    outcome.then(*of_placement(progressed("dispatched", F2))).then_asked(capture(F2, 500))
    assert outcome.reminders == (
        Reminder(NOON + POLICY.deliver_within, overdue(2, F2)),
        Reminder(NOON + POLICY.capture_within, CaptureOverdue(order_number=NUMBER, fulfilment_id=F2, tries=0)),
    )


def test_what_was_in_a_parcel_that_has_left_is_not_kept_in_mind() -> None:
    delivery = delivery_of(after(shipping(SPLIT), dispatched(F2)).states[PLACEMENT_STREAM])
    assert [one.lines for one in delivery.fulfilments] == [SPLIT[0].lines, ()]
    arrived = delivery_of(after(shipping(), delivered()).states[PLACEMENT_STREAM])
    assert [one.lines for one in arrived.fulfilments] == [()]


def test_the_captures_of_a_split_order_add_up_to_its_total() -> None:
    first = shipping(SPLIT).when(dispatched(F1))
    second = first.after.when(dispatched(F2))
    amounts = [one.amount for one in (*first.commands, *second.commands) if isinstance(one, CapturePayment)]
    assert amounts == [800, 500]
    assert sum(amounts) == VALUE


def test_a_doubled_dispatch_changes_nothing() -> None:
    after(shipping(), dispatched()).when(dispatched()).then_nothing_happened()
    shipping().when(dispatched("unknown")).then_nothing_happened()
    shipping().when(delivered("unknown")).then_nothing_happened()


def test_a_captured_parcel_is_charged_once() -> None:
    outcome = after(shipping(), dispatched()).when(captured()).then(*of_placement(charged()))
    outcome.after.when(captured()).then_nothing_happened()


def test_a_capture_of_what_has_not_left_is_not_expected() -> None:
    shipping().when(captured()).then_nothing_happened()
    shipping().when(captured("unknown")).then_nothing_happened()
    authorising().when(captured()).then_nothing_happened()


def test_the_order_is_complete_when_everything_is_charged_and_delivered() -> None:
    left = after(shipping(), dispatched())
    after(left, captured()).when(delivered()).then(*of_placement(progressed("delivered")), *of_order(COMPLETED))
    after(left, delivered()).when(captured()).then(*of_placement(charged()), *of_order(COMPLETED))


def test_the_last_of_several_deliveries_completes_the_order() -> None:
    half = after(shipping(SPLIT), dispatched(F1), captured(F1, 800), delivered(F1), dispatched(F2))
    rest = after(half, captured(F2, 500))
    rest.when(delivered(F2)).then(*of_placement(progressed("delivered", F2)), *of_order(COMPLETED))


def test_a_delivery_that_is_reported_first_stands_for_the_dispatch() -> None:
    outcome = shipping().when(delivered())
    outcome.then(*of_placement(progressed("delivered"))).then_asked(capture())
    outcome.after.when(dispatched()).then_nothing_happened()
    outcome.after.when(captured()).then(*of_placement(charged()), *of_order(COMPLETED))


def test_late_and_doubled_news_of_a_completed_order_change_nothing() -> None:
    done = after(shipping(), dispatched(), captured(), delivered())
    for message in (dispatched(), delivered(), captured(), refused(), authorised(), overdue(2), stock_reserved()):
        done.when(message).then_nothing_happened()


def test_a_parcel_worth_nothing_counts_as_charged() -> None:
    order = channel_order(order_discount=VALUE)
    free = after(new(), take(order), stock_reserved())
    free.when(dispatched()).then(*of_placement(progressed("dispatched"), charged(amount=0))).then_asked()
    done = after(free, dispatched()).when(delivered())
    completed = OrderCompleted(order_number=NUMBER, charged=0, currency="USD")
    done.then(*of_placement(progressed("delivered")), *of_order(completed))


def test_a_hold_on_the_order_keeps_it_from_completing_until_it_is_released() -> None:
    held_order = after(shipping(), dispatched(), captured(), HELD)
    arrived = held_order.when(delivered()).then(*of_placement(progressed("delivered")))
    arrived.after.when(release(), reason="fine").then(
        *of_order(HoldReleased(order_number=NUMBER, hold_id="H1", reason="manual"), COMPLETED)
    )


def with_rest() -> Scenario:
    """Authorised for more than is captured in the end."""
    return after(shipping(), dispatched(), captured(amount=1000))


def test_the_rest_of_an_authorisation_is_voided_before_the_order_is_complete() -> None:
    outcome = with_rest().when(delivered())
    outcome.then(
        *of_placement(progressed("delivered"), CompensationBegan(order_number=NUMBER, parts=("payment",)))
    ).then_asked(VoidPayment(order_number=NUMBER))
    voided = PaymentVoided(order_number=NUMBER, amount=300, currency="USD")
    outcome.after.when(voided).then(
        *of_placement(CompensationAnswered(order_number=NUMBER, part="payment")),
        *of_order(OrderCompleted(order_number=NUMBER, charged=1000, currency="USD")),
    ).after.when(voided).then_nothing_happened()


def test_a_hold_that_is_released_while_the_rest_is_voided_asks_for_no_second_void() -> None:
    voiding = after(with_rest(), delivered(), HELD)
    voiding.when(release(), reason="fine").then(
        *of_order(HoldReleased(order_number=NUMBER, hold_id="H1", reason="manual"))
    ).then_asked()


def test_stock_that_is_given_back_while_the_rest_is_voided_is_no_answer_to_the_void() -> None:
    after(with_rest(), delivered()).when(
        ReservationReleased(order_number=NUMBER, fulfilments=())
    ).then_nothing_happened()


def test_a_void_that_is_not_answered_is_asked_for_again_under_a_hold() -> None:
    voiding = after(with_rest(), delivered())
    late = DeadlinePassed(order_number=NUMBER, step=3)
    outcome = voiding.when(late).then_asked(VoidPayment(order_number=NUMBER))
    assert hold_of(outcome.events[0]) == held("compensation_overdue", fulfilment_id="")
    outcome.after.when(late).then().then_asked(VoidPayment(order_number=NUMBER))
    voided = PaymentVoided(order_number=NUMBER, amount=300, currency="USD")
    done = outcome.after.when(voided)
    assert [type(event).__name__ for event in done.events] == [
        "HoldReleased",
        "CompensationAnswered",
        "OrderCompleted",
    ]
    done.after.when(late).then_nothing_happened()


def test_a_void_that_nobody_waits_for_changes_nothing() -> None:
    shipping().when(PaymentVoided(order_number=NUMBER, amount=1, currency="USD")).then_nothing_happened()


def failing(times: int) -> Scenario:
    scenario = after(shipping(), dispatched())
    for tries in range(1, times + 1):
        scenario = after(scenario, refused(), CaptureDue(order_number=NUMBER, fulfilment_id=F1, tries=tries))
    return scenario


def delayed(tries: int, code: str = "expired") -> CaptureDelayed:
    return CaptureDelayed(order_number=NUMBER, fulfilment_id=F1, tries=tries, refusal_code=code)


@pytest.mark.parametrize(("failed", "minutes"), [(0, 1), (1, 2), (2, 4), (3, 8)])
def test_a_refused_capture_is_tried_again_each_time_later(failed: int, minutes: int) -> None:
    outcome = failing(failed).when(refused()).then(*of_placement(delayed(failed + 1))).then_asked()
    due = CaptureDue(order_number=NUMBER, fulfilment_id=F1, tries=failed + 1)
    assert outcome.reminders == (Reminder(NOON + timedelta(minutes=minutes), due),)
    again = outcome.after.when(due).then().then_asked(capture())
    wait = CaptureOverdue(order_number=NUMBER, fulfilment_id=F1, tries=failed + 1)
    assert again.reminders == (Reminder(NOON + POLICY.capture_within, wait),)


def test_in_the_end_a_person_looks_after_a_refused_capture_and_the_release_tries_again() -> None:
    outcome = failing(4).when(refused())
    assert outcome.events[0] == delayed(5)
    assert hold_of(outcome.events[1]) == held("capture_refused")
    assert outcome.reminders == ()
    outcome.after.when(release(), reason="limit raised").then_asked(capture())
    late = outcome.after.when(captured())
    late.then(
        *of_placement(charged()),
        *of_order(HoldReleased(order_number=NUMBER, hold_id="H1", reason="capture_refused", fulfilment_id=F1)),
    ).then_asked()


def test_a_capture_ends_the_alarm_of_its_own_parcel_alone() -> None:
    other = HoldOpened(
        order_number=NUMBER,
        hold_id="H1",
        reason="capture_refused",
        explanation="limit",
        owner="payments",
        fulfilment_id=F2,
    )
    alarmed = after(shipping(SPLIT), dispatched(F1), dispatched(F2)).given(ORDER_STREAM, other)
    alarmed.when(captured(F1, 800)).then(*of_placement(charged(F1, 800)))


def test_an_alarm_over_a_capture_does_not_stop_the_delivery_and_the_order_ends_when_it_is_charged() -> None:
    alarmed = after(failing(4), refused(), delivered())
    assert alarmed.when(captured()).events[-1] == COMPLETED


def test_a_capture_without_an_answer_counts_as_refused() -> None:
    left = after(shipping(), dispatched())
    wait = CaptureOverdue(order_number=NUMBER, fulfilment_id=F1, tries=0)
    left.when(wait).then(*of_placement(delayed(1, "no_answer")))
    after(left, refused()).when(wait).then_nothing_happened()


def test_reminders_of_a_capture_that_is_done_do_nothing() -> None:
    done = after(shipping(), dispatched(), refused(), captured())
    done.when(CaptureDue(order_number=NUMBER, fulfilment_id=F1, tries=1)).then_nothing_happened()
    done.when(CaptureOverdue(order_number=NUMBER, fulfilment_id=F1, tries=1)).then_nothing_happened()
    done.when(refused()).then_nothing_happened()
    stale = CaptureDue(order_number=NUMBER, fulfilment_id=F1, tries=1)
    after(shipping(), dispatched(), refused(), stale, refused()).when(stale).then_nothing_happened()


def test_captures_go_on_while_the_order_stands_on_a_hold() -> None:
    after(shipping(), HELD).when(dispatched()).then_asked(capture())


def test_a_hold_on_the_order_stops_what_has_not_left_and_the_last_release_resumes_it() -> None:
    outcome = after(shipping(SPLIT), dispatched(F1)).when(HELD)
    assert outcome.events[1:] == (progressed("held", F2),)
    outcome.then_asked(HoldShipment(order_number=NUMBER, fulfilment_id=F2))
    twice = outcome.after.when(HELD).then_asked()
    once = twice.after.when(release(1), reason="fine").then_asked()
    resumed = once.after.when(release(2), reason="fine")
    assert resumed.events[1:] == (progressed("requested", F2),)
    resumed.then_asked(ResumeShipment(order_number=NUMBER, fulfilment_id=F2, address=ADDRESS))
    assert resumed.reminders == (Reminder(NOON + POLICY.ship_within, overdue(2, F2)),)


def test_a_refused_label_holds_its_fulfilment_alone() -> None:
    outcome = shipping(SPLIT).when(label_refused(F1))
    assert outcome.events[0] == progressed("held", F1)
    assert hold_of(outcome.events[1]) == held("carrier_refused")
    outcome.then_asked()
    outcome.after.when(label_refused(F1)).then_nothing_happened()


def test_two_labels_that_are_refused_for_one_reason_are_two_holds() -> None:
    outcome = after(shipping(SPLIT), label_refused(F1)).when(label_refused(F2))
    assert hold_of(outcome.events[1]) == held("carrier_refused", 2, F2)


def test_a_carriers_own_words_are_cut_to_what_the_hold_can_say() -> None:
    long = label_refused().model_copy(update={"explanation": "no! " * 500})
    opened = shipping().when(long).events[-1]
    assert isinstance(opened, HoldOpened)
    assert opened.explanation.startswith("The carrier refused the parcel: no! no!")


def test_releasing_a_refused_label_sends_all_that_has_not_left_to_the_corrected_address() -> None:
    corrected = ADDRESS.model_copy(update={"street": "2 High Street", "postal_code": "54321"})
    outcome = after(shipping(SPLIT), label_refused(F1)).when(
        release(street="2 High Street", postal_code="54321"), reason="customer called"
    )
    outcome.then(
        *of_order(
            HoldReleased(
                order_number=NUMBER,
                hold_id="H1",
                reason="carrier_refused",
                fulfilment_id=F1,
                address=corrected,
            )
        ),
        *of_placement(progressed("requested", F1)),
    ).then_asked(
        HoldShipment(order_number=NUMBER, fulfilment_id=F2),
        ResumeShipment(order_number=NUMBER, fulfilment_id=F2, address=corrected),
        ResumeShipment(order_number=NUMBER, fulfilment_id=F1, address=corrected),
    )
    again = after(outcome.after, HELD).when(release(2), reason="fine")
    assert {one.address for one in again.commands if isinstance(one, ResumeShipment)} == {corrected}


def test_a_corrected_address_comes_too_late_for_what_has_left() -> None:
    left = after(shipping(SPLIT), dispatched(F2), label_refused(F1))
    corrected = ADDRESS.model_copy(update={"street": "2 High Street"})
    left.when(release(street="2 High Street"), reason="customer called").then_asked(
        ResumeShipment(order_number=NUMBER, fulfilment_id=F1, address=corrected)
    )


def test_a_released_label_waits_for_the_holds_of_the_order() -> None:
    stopped = after(shipping(), label_refused(), HELD)
    once = stopped.when(release(1), reason="fine").then_asked()
    once.after.when(release(2), reason="fine").then_asked(
        ResumeShipment(order_number=NUMBER, fulfilment_id=F1, address=ADDRESS)
    )


def test_a_label_refused_while_the_order_is_held_needs_its_own_release() -> None:
    stopped = after(shipping(), HELD)
    outcome = stopped.when(label_refused())
    assert [type(event) for event in outcome.events] == [HoldOpened]
    outcome.after.when(release(1), reason="fine").then_asked()


def test_a_label_refused_of_what_has_left_changes_nothing() -> None:
    after(shipping(), dispatched()).when(label_refused()).then_nothing_happened()
    authorising().when(label_refused()).then_nothing_happened()


def test_a_parcel_that_left_after_all_releases_its_holds() -> None:
    late = after(shipping(), label_refused())
    outcome = late.when(dispatched())
    assert outcome.events == (
        progressed("dispatched"),
        HoldReleased(order_number=NUMBER, hold_id="H1", reason="carrier_refused", fulfilment_id=F1),
    )


def test_a_parcel_that_should_have_left_gets_an_owner_and_goes_on() -> None:
    outcome = shipping().when(overdue(1))
    assert hold_of(outcome.events[0]) == held("shipment_overdue")
    outcome.then_asked()
    asked = outcome.after.when(release(), reason="called them")
    request = RequestShipment(
        order_number=NUMBER,
        fulfilment_id=F1,
        location="EAST",
        lines=WHOLE[0].lines,
        weight_grams=1200,
        address=ADDRESS,
        delivery="ship",
    )
    asked.then_asked(request)
    assert asked.reminders == (Reminder(NOON + POLICY.ship_within, overdue(1)),)
    left = outcome.after.when(dispatched())
    assert left.events[1] == HoldReleased(
        order_number=NUMBER, hold_id="H1", reason="shipment_overdue", fulfilment_id=F1
    )


def test_a_parcel_that_should_have_arrived_gets_an_owner_until_it_does() -> None:
    outcome = after(shipping(), dispatched(), captured()).when(overdue(2))
    assert hold_of(outcome.events[0]) == held("shipment_overdue")
    again = outcome.after.when(release(), reason="carrier searches").then_asked()
    assert again.reminders == (Reminder(NOON + POLICY.deliver_within, overdue(2)),)
    arrived = outcome.after.when(delivered())
    assert arrived.events == (
        progressed("delivered"),
        HoldReleased(order_number=NUMBER, hold_id="H1", reason="shipment_overdue", fulfilment_id=F1),
        COMPLETED,
    )


def test_a_deadline_of_an_earlier_wait_of_a_parcel_does_nothing() -> None:
    after(shipping(), dispatched()).when(overdue(1)).then_nothing_happened()
    after(shipping(), HELD).when(overdue(1)).then_nothing_happened()
    after(shipping(), HELD, release(1)).when(overdue(1)).then_nothing_happened()
    shipping().when(overdue(1, "unknown")).then_nothing_happened()
    authorising().when(overdue(1)).then_nothing_happened()


def test_releasing_an_overdue_hold_of_a_parcel_that_is_held_otherwise_asks_for_nothing() -> None:
    late = after(shipping(), overdue(1), label_refused())
    late.when(release(1), reason="known").then_asked()


def test_a_fact_about_a_fulfilment_that_the_delivery_does_not_know_leaves_it_as_it_is() -> None:
    delivery = after(shipping(), dispatched())
    late = delayed(1).model_copy(update={"fulfilment_id": "unknown"})
    for fact in (progressed("delivered", "unknown"), charged("unknown"), late):
        assert delivery.given(PLACEMENT_STREAM, fact).states == delivery.states


def test_a_parcel_weighs_something_and_not_more_than_a_carrier_can_say() -> None:
    assert POLICY.weight_grams(3) == 1200
    assert POLICY.weight_grams(89_638) == 1_000_000
    assert plan(1).lines == ()

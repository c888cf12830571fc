"""The payment of an order: authorised, declined, paid again, lapsed, contradicted, or not answered for."""

from datetime import timedelta

import pytest

from services.order.domain.messages import DeadlinePassed, FulfilmentOverdue
from services.order.domain.review import Finding, ReviewFacts
from shared.events.inventory import KeepReservation, ReservationReleased
from shared.events.order import (
    AuthorisationLost,
    AuthorisationSought,
    CancelOrder,
    CommandRefused,
    FulfilmentProgressed,
    HoldOpened,
    HoldReason,
    HoldReleased,
    KeepRequested,
    OpenHold,
    OrderCancelled,
    OrderConfirmed,
    PaymentSecured,
    PaymentWindowOpened,
    ReleaseHold,
)
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisePayment,
    CapturePayment,
    PaymentAnomalyDetected,
    PaymentVoided,
    VoidPayment,
)
from shared.events.shipping import (
    CancelShipment,
    HoldShipment,
    RequestShipment,
    ResumeShipment,
    ShipmentCancelled,
)
from shared.events.values import FulfilmentPlan, PaymentMethod
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON
from tests.unit.order.samples import (
    ADDRESS,
    F1,
    F2,
    KEPT,
    NUMBER,
    ORDER_STREAM,
    OTHER_CARD,
    PAY,
    POLICY,
    SPLIT,
    VALUE,
    WHOLE,
    WINDOW_END,
    after,
    authorised,
    authorising,
    captured,
    confirmed,
    declined,
    delivered,
    dispatched,
    finding,
    line,
    new,
    of_order,
    of_placement,
    plan,
    reserving,
    shipping,
    stock_reserved,
    take,
)

HELD = OpenHold(order_number=NUMBER, explanation="wait")
LAPSED = AuthorisationLapsed(order_number=NUMBER, authorisation_id="a1")
ANOMALY = PaymentAnomalyDetected(order_number=NUMBER, explanation="unknown capture")
RELEASED = ReservationReleased(order_number=NUMBER, fulfilments=())
VOIDED = PaymentVoided(order_number=NUMBER, amount=VALUE, currency="USD")
SECURED = PaymentSecured(order_number=NUMBER, attempt=1, amount=VALUE, currency="USD")


def release(number: int = 1) -> ReleaseHold:
    return ReleaseHold(order_number=NUMBER, hold_id=f"H{number}")


def request(plan: FulfilmentPlan, grams: int) -> RequestShipment:
    return RequestShipment(
        order_number=NUMBER,
        fulfilment_id=plan.fulfilment_id,
        location=plan.location,
        lines=plan.lines,
        weight_grams=grams,
        address=ADDRESS,
        delivery="ship",
    )


def progressed(status: str, fulfilment_id: str = F1) -> FulfilmentProgressed:
    return FulfilmentProgressed.model_validate(
        {"order_number": NUMBER, "fulfilment_id": fulfilment_id, "status": status}
    )


def test_an_authorised_order_is_confirmed_and_its_reservation_kept() -> None:
    authorising(SPLIT).when(authorised()).then(
        *of_order(OrderConfirmed(order_number=NUMBER, amount=VALUE, currency="USD", fulfilments=SPLIT)),
        *of_placement(KeepRequested(order_number=NUMBER)),
    ).then_asked(KeepReservation(order_number=NUMBER))


def test_once_its_reservation_is_kept_each_fulfilment_is_requested() -> None:
    outcome = confirmed(SPLIT).when(KEPT)
    outcome.then(
        *of_placement(progressed("requested", F1), progressed("requested", F2)),
    ).then_asked(request(SPLIT[0], 800), request(SPLIT[1], 400))
    assert outcome.reminders == tuple(
        Reminder(NOON + POLICY.ship_within, FulfilmentOverdue(order_number=NUMBER, fulfilment_id=name, wait=1))
        for name in (F1, F2)
    )


def test_a_parcel_is_expected_to_leave_by_the_day_that_the_customer_asked_for() -> None:
    day = NOON + timedelta(days=20)
    outcome = confirmed(requested_delivery=day).when(KEPT)
    assert [reminder.at for reminder in outcome.reminders] == [day]
    assert isinstance(outcome.commands[0], RequestShipment)
    assert outcome.commands[0].deliver_by == day


def test_an_authorisation_that_comes_while_a_hold_is_open_waits_for_the_release() -> None:
    outcome = after(authorising(), HELD).when(authorised())
    outcome.then(*of_placement(SECURED)).then_asked()
    released = outcome.after.when(release(), reason="fine")
    assert isinstance(released.events[1], OrderConfirmed)
    released.then_asked(KeepReservation(order_number=NUMBER))
    released.after.when(KEPT).then_asked(request(WHOLE[0], 1200)).after.when(dispatched()).then_asked(
        CapturePayment(order_number=NUMBER, fulfilment_id=F1, amount=VALUE, currency="USD")
    )


def test_the_answer_to_another_attempt_is_not_taken_for_this_one() -> None:
    authorising().when(authorised(attempt=2)).then_nothing_happened()
    authorising().when(declined(attempt=2)).then_nothing_happened()


def test_a_doubled_authorisation_changes_nothing() -> None:
    shipping().when(authorised()).then_nothing_happened()
    shipping().when(declined()).then_nothing_happened()


def test_an_authorisation_of_an_order_that_was_cancelled_is_voided_again() -> None:
    cancelled = after(authorising(), CancelOrder(order_number=NUMBER), RELEASED, VOIDED)
    cancelled.when(authorised()).then().then_asked(VoidPayment(order_number=NUMBER))


def test_an_authorisation_that_comes_while_it_is_voided_is_covered_and_one_after_it_voided_again() -> None:
    undoing = after(authorising(), CancelOrder(order_number=NUMBER))
    undoing.when(authorised()).then_nothing_happened()
    voided = after(undoing, VOIDED)
    voided.when(authorised()).then().then_asked(VoidPayment(order_number=NUMBER))
    voided.when(VOIDED).then_nothing_happened()


def test_without_an_answer_the_payment_is_asked_for_again_under_a_hold_that_the_answer_releases() -> None:
    deadline = DeadlinePassed(order_number=NUMBER, step=2)
    outcome = authorising().when(deadline)
    (hold,) = outcome.events
    assert isinstance(hold, HoldOpened)
    assert (hold.hold_id, hold.reason, hold.owner) == ("H1", "payment_overdue", "payments")
    assert outcome.commands == authorising_command(1)
    assert outcome.reminders == (Reminder(NOON + POLICY.authorise_within, deadline),)
    late = outcome.after.when(authorised())
    assert late.events[0] == HoldReleased(order_number=NUMBER, hold_id="H1", reason="payment_overdue")
    assert isinstance(late.events[1], OrderConfirmed)


def authorising_command(attempt: int, amount: int = VALUE) -> tuple[AuthorisePayment, ...]:
    payment = PaymentMethod(kind="card", token="tok_1")
    return (
        AuthorisePayment(order_number=NUMBER, attempt=attempt, amount=amount, currency="USD", payment=payment),
    )


def test_a_deadline_that_comes_after_the_payment_does_nothing() -> None:
    shipping().when(DeadlinePassed(order_number=NUMBER, step=2)).then_nothing_happened()
    held = after(authorising(), HELD, authorised())
    held.when(DeadlinePassed(order_number=NUMBER, step=2)).then_nothing_happened()


def lapse_hold(number: int = 1) -> HoldOpened:
    return HoldOpened(
        order_number=NUMBER,
        hold_id=f"H{number}",
        reason="authorisation_lapsed",
        explanation="The authorisation ran out before everything had left; releasing asks for another.",
        owner="payments",
    )


def test_goods_that_have_not_left_stand_still_when_the_authorisation_lapses() -> None:
    half = after(shipping(SPLIT), dispatched(F1), captured(F1, 800))
    outcome = half.when(LAPSED)
    outcome.then(
        *of_placement(AuthorisationLost(order_number=NUMBER)),
        *of_order(lapse_hold()),
        *of_placement(progressed("held", F2)),
    ).then_asked(HoldShipment(order_number=NUMBER, fulfilment_id=F2))
    outcome.after.when(LAPSED).then_nothing_happened()


def test_releasing_a_lapse_authorises_what_is_not_captured_and_then_the_goods_move_again() -> None:
    lapsed = after(shipping(SPLIT), dispatched(F1), captured(F1, 800), LAPSED)
    outcome = lapsed.when(release(), reason="ask again")
    outcome.then_asked(*authorising_command(2, amount=500))
    moved = outcome.after.when(authorised(attempt=2, amount=500))
    moved.then(
        *of_placement(
            PaymentSecured(order_number=NUMBER, attempt=2, amount=500, currency="USD"),
            progressed("requested", F2),
        )
    ).then_asked(ResumeShipment(order_number=NUMBER, fulfilment_id=F2, address=ADDRESS))
    overdue = FulfilmentOverdue(order_number=NUMBER, fulfilment_id=F2, wait=2)
    assert moved.reminders == (Reminder(NOON + POLICY.ship_within, overdue),)


def test_no_other_authorisation_is_asked_for_while_another_hold_is_open() -> None:
    stopped = after(shipping(), LAPSED, HELD)
    once = stopped.when(release(1), reason="ask again").then_asked()
    once.after.when(release(2), reason="fine").then_asked(*authorising_command(2))


def test_an_authorisation_that_proves_needless_while_it_is_under_way_is_voided() -> None:
    half = after(shipping(SPLIT), dispatched(F1), captured(F1, 800), delivered(F1), LAPSED, release())
    left = after(half, dispatched(F2), captured(F2, 500))
    left.when(delivered(F2)).then_asked(VoidPayment(order_number=NUMBER))


def test_what_was_cancelled_is_not_authorised_again() -> None:
    cancelled = ShipmentCancelled(order_number=NUMBER, fulfilment_id=F2)
    lapsed = after(shipping(SPLIT), cancelled, LAPSED)
    lapsed.when(release(), reason="ask again").then_asked(*authorising_command(2, amount=800))


def test_all_that_was_ever_authorised_and_not_captured_is_voided_in_the_end() -> None:
    half = after(shipping(SPLIT), dispatched(F1), captured(F1, 800), delivered(F1), LAPSED, release())
    rest = after(half, authorised(attempt=2, amount=500), dispatched(F2), captured(F2, 500))
    rest.when(delivered(F2)).then_asked(VoidPayment(order_number=NUMBER))


def test_another_card_replaces_a_lapsed_authorisation_without_a_persons_release() -> None:
    outcome = after(shipping(), LAPSED).when(PAY)
    sought, released = outcome.events
    assert isinstance(sought, AuthorisationSought)
    assert sought.payment == OTHER_CARD
    assert released == HoldReleased(order_number=NUMBER, hold_id="H1", reason="authorisation_lapsed")
    assert len(outcome.commands) == 1


def test_another_card_waits_for_other_holds_after_a_lapse() -> None:
    (refused,) = after(shipping(), LAPSED, HELD).when(PAY).events
    assert isinstance(refused, CommandRefused)


@pytest.mark.parametrize(("reason", "fulfilment_id"), [("payment_overdue", ""), ("carrier_refused", F1)])
def test_another_card_waits_neither_for_an_alarm_nor_for_one_fulfilment_after_a_lapse(
    reason: HoldReason, fulfilment_id: str
) -> None:
    other = HoldOpened(
        order_number=NUMBER,
        hold_id="H2",
        reason=reason,
        explanation="no answer",
        owner="payments",
        fulfilment_id=fulfilment_id,
    )
    outcome = after(shipping(), LAPSED).given(ORDER_STREAM, other).when(PAY)
    sought, released = outcome.events
    assert isinstance(sought, AuthorisationSought)
    assert released == HoldReleased(order_number=NUMBER, hold_id="H1", reason="authorisation_lapsed")


def test_a_decline_after_a_lapse_holds_the_goods_again() -> None:
    asked = after(shipping(), LAPSED, release())
    lost, hold, window = asked.when(declined(attempt=2)).events
    assert lost == AuthorisationLost(order_number=NUMBER)
    assert window == PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=WINDOW_END)
    assert isinstance(hold, HoldOpened)
    assert (hold.reason, hold.hold_id) == ("authorisation_lapsed", "H2")
    assert "no_funds" in hold.explanation


def test_a_decline_after_a_lapse_opens_a_window_that_the_next_decline_leaves_as_it_is() -> None:
    opened = PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=WINDOW_END)
    first = after(shipping(), LAPSED, release()).when(declined(attempt=2))
    assert opened in first.events
    assert first.reminders == ()
    first.after.when(declined(attempt=2)).then_nothing_happened()
    sooner = first.after.at(WINDOW_END - timedelta(minutes=1))
    assert opened in after(sooner, PAY).when(declined(attempt=3)).events
    later = first.after.at(WINDOW_END)
    reopened = opened.model_copy(update={"until": WINDOW_END + POLICY.payment_window})
    assert reopened in after(later, PAY).when(declined(attempt=3)).events
    paid = after(sooner, PAY, authorised(attempt=3)).when(LAPSED).after
    again = opened.model_copy(update={"until": paid.now + POLICY.payment_window})
    assert again in after(paid, release(3)).when(declined(attempt=4)).events


def test_an_answer_during_a_recall_is_taken_and_a_decline_told_to_the_customer_too() -> None:
    recalling = after(shipping(SPLIT), LAPSED, release(), CancelOrder(order_number=NUMBER))
    opened = PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=WINDOW_END)
    assert opened in recalling.when(declined(attempt=2)).events
    secured = PaymentSecured(order_number=NUMBER, attempt=2, amount=VALUE, currency="USD")
    recalling.when(authorised(attempt=2)).then(*of_placement(secured))


def test_without_an_answer_after_a_lapse_the_payment_is_asked_for_again() -> None:
    asked = after(shipping(), LAPSED, release())
    outcome = asked.when(DeadlinePassed(order_number=NUMBER, step=3))
    assert isinstance(outcome.events[0], HoldOpened)
    assert outcome.events[0].reason == "payment_overdue"
    outcome.then_asked(*authorising_command(2))


def test_a_lapse_with_nothing_left_to_capture_does_nothing() -> None:
    after(shipping(), dispatched(), captured()).when(LAPSED).then_nothing_happened()


def test_a_lapse_before_confirmation_asks_again_when_the_hold_is_released() -> None:
    paid = after(authorising(), HELD, authorised())
    outcome = paid.when(LAPSED).then(*of_placement(AuthorisationLost(order_number=NUMBER)))
    asked = outcome.after.when(release(), reason="fine").then_asked(*authorising_command(2))
    assert isinstance(asked.after.when(authorised(attempt=2)).events[0], OrderConfirmed)


def test_what_a_lapse_before_confirmation_leaves_set_aside_is_let_go_before_another_is_asked_for() -> None:
    paid = after(authorising(), HELD, authorised())
    paid.when(LAPSED).then_asked(VoidPayment(order_number=NUMBER))


def test_a_lapse_before_confirmation_asks_again_for_the_method_that_was_paid_with_last() -> None:
    paid = after(authorising(), declined(), PAY, HELD, authorised(attempt=2), LAPSED)
    paid.when(release(), reason="fine").then_asked(
        AuthorisePayment(order_number=NUMBER, attempt=3, amount=VALUE, currency="USD", payment=OTHER_CARD)
    )


def test_a_lapse_of_an_order_that_is_undone_does_nothing() -> None:
    after(authorising(), CancelOrder(order_number=NUMBER)).when(LAPSED).then_nothing_happened()


def test_a_lapse_during_a_recall_holds_what_could_not_be_called_back() -> None:
    recalling = after(shipping(), CancelOrder(order_number=NUMBER))
    recalling.when(LAPSED).then(
        *of_placement(AuthorisationLost(order_number=NUMBER)), *of_order(lapse_hold())
    ).then_asked()


def test_a_wait_for_another_authorisation_begins_anew_after_a_recall() -> None:
    asked = after(shipping(SPLIT), LAPSED, release(), dispatched(F1), CancelOrder(order_number=NUMBER))
    outcome = asked.when(dispatched(F2))
    assert authorising_command(2)[0] in outcome.commands
    of_the_recall, of_the_wait = (DeadlinePassed(order_number=NUMBER, step=step) for step in (4, 5))
    assert Reminder(NOON + POLICY.authorise_within, of_the_wait) in outcome.reminders
    assert CancelShipment(order_number=NUMBER, fulfilment_id=F2) not in outcome.commands
    outcome.after.when(of_the_recall).then_nothing_happened()


def test_an_anomaly_that_the_review_wants_seen_opens_one_hold() -> None:
    def review(facts: ReviewFacts) -> tuple[Finding, ...]:
        return (finding("payment_anomaly"),) if facts.anomaly == "unknown capture" else ()

    outcome = reserving(review).when(ANOMALY)
    (hold,) = outcome.events
    assert isinstance(hold, HoldOpened)
    assert hold.reason == "payment_anomaly"
    outcome.after.when(ANOMALY).then_nothing_happened()
    assert len(after(shipping(review=review)).when(ANOMALY).commands) == 1


def test_an_anomaly_is_nothing_where_the_review_or_the_order_does_not_mind() -> None:
    reserving().when(ANOMALY).then_nothing_happened()
    new().when(ANOMALY).then_nothing_happened()


def anomaly_hold(number: int = 1) -> HoldOpened:
    return HoldOpened(
        order_number=NUMBER,
        hold_id=f"H{number}",
        reason="payment_anomaly",
        explanation="unknown capture",
        owner="payments",
    )


def test_an_anomaly_while_the_order_is_being_cancelled_opens_a_hold_that_outlives_the_order() -> None:
    cancelling = after(authorising(), CancelOrder(order_number=NUMBER))
    outcome = cancelling.when(ANOMALY)
    outcome.then(*of_order(anomaly_hold()))
    outcome.after.when(ANOMALY).then_nothing_happened()
    cancelled = after(outcome.after, VOIDED).when(RELEASED)
    assert OrderCancelled(order_number=NUMBER, cause="operator") in cancelled.events
    cancelled.after.when(ANOMALY).then_nothing_happened()
    released = HoldReleased(order_number=NUMBER, hold_id="H1", reason="payment_anomaly")
    settled = cancelled.after.when(release(), actor="ann", reason="paid back by hand")
    settled.then(*of_order(released))
    settled.after.when(ANOMALY).then(*of_order(anomaly_hold(2)))


def test_an_anomaly_of_an_order_that_has_ended_opens_a_hold_for_the_payments_team() -> None:
    cancelled = after(authorising(), CancelOrder(order_number=NUMBER), VOIDED, RELEASED)
    completed = after(shipping(), dispatched(), captured(), delivered())
    for ended in (cancelled, completed):
        outcome = ended.when(ANOMALY)
        outcome.then(*of_order(anomaly_hold()))
        for seen in (release(), ReleaseHold(order_number=NUMBER, hold_id="H1", street="2 High Street")):
            released = outcome.after.when(seen, actor="ann", reason="seen")
            released.then(*of_order(HoldReleased(order_number=NUMBER, hold_id="H1", reason="payment_anomaly")))
            released.after.when(ANOMALY).then(*of_order(anomaly_hold(2)))


def test_an_anomaly_of_an_order_in_review_is_another_reason_to_look_at_it() -> None:
    reasons: dict[str, HoldReason] = {"order": "amount_over_limit", "payment_anomaly": "payment_anomaly"}
    in_review = after(new(lambda facts: (finding(reasons[facts.occasion]),)), take())
    (hold,) = in_review.when(ANOMALY).events
    assert isinstance(hold, HoldOpened)
    assert (hold.reason, hold.hold_id) == ("payment_anomaly", "H2")


def test_payment_answers_before_the_payment_are_not_expected() -> None:
    reserving().when(declined()).then_nothing_happened()
    reserving().when(authorised()).then().then_asked(VoidPayment(order_number=NUMBER))
    after(new(), take(), HELD, stock_reserved()).when(LAPSED).then_nothing_happened()


def test_goods_worth_nothing_move_again_after_a_lapse_without_another_payment() -> None:
    lines = (line("L1", "A", 2, 650), line("L2", "B", 1, 0))
    plans = (plan(1, ("L1", "A", 2)), plan(2, ("L2", "B", 1)))
    half = after(shipping(plans, lines=lines), dispatched(F1), LAPSED, captured(F1, 1300))
    half.when(release(), reason="nothing to pay").then(
        *of_order(HoldReleased(order_number=NUMBER, hold_id="H1", reason="authorisation_lapsed")),
        *of_placement(
            PaymentSecured(order_number=NUMBER, attempt=1, amount=0, currency="USD"),
            progressed("requested", F2),
        ),
    ).then_asked(ResumeShipment(order_number=NUMBER, fulfilment_id=F2, address=ADDRESS))

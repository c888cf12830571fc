"""Cancelling at every stage: the lock, the recall, what is taken back, and what has left already."""

import pytest

from services.order.domain.messages import (
    CaptureDue,
    CaptureOverdue,
    DeadlinePassed,
    FulfilmentOverdue,
    ReleaseOverdue,
)
from shared.events.inventory import ReleaseStock, ReservationReleased
from shared.events.order import (
    CancellationRefused,
    CancellationRequested,
    CancelOrder,
    CommandRefused,
    CompensationAnswered,
    CompensationBegan,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    LinesDropped,
    OpenHold,
    OrderCancelled,
    OrderCompleted,
    RecallBegan,
    RecallEnded,
    RecallRefused,
    ReleaseHold,
)
from shared.events.payment import (
    AuthorisationLapsed,
    CapturePayment,
    CaptureRefused,
    PaymentDeclined,
    PaymentVoided,
    VoidPayment,
)
from shared.events.shipping import (
    CancelShipment,
    HoldShipment,
    ShipmentCancellationRefused,
    ShipmentCancelled,
)
from shared.events.values import Shortage
from shared.eventsourcing.decider import Reminder, Reply
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.order.samples import (
    F1,
    F2,
    NUMBER,
    POLICY,
    SPLIT,
    VALUE,
    after,
    authorised,
    authorising,
    captured,
    channel_order,
    delivered,
    dispatched,
    finding,
    finds,
    new,
    of_order,
    of_placement,
    reserving,
    shipping,
    stock_reserved,
    take,
)

CANCEL = CancelOrder(order_number=NUMBER, cause="customer")
HELD = OpenHold(order_number=NUMBER, explanation="wait")
REQUESTED = CancellationRequested(order_number=NUMBER, cause="customer")
CANCELLED = OrderCancelled(order_number=NUMBER, cause="customer")
RELEASE = ReleaseStock(order_number=NUMBER, skus=("A", "B"))
VOID = VoidPayment(order_number=NUMBER)
RELEASED = ReservationReleased(order_number=NUMBER, fulfilments=())
VOIDED = PaymentVoided(order_number=NUMBER, amount=VALUE, currency="USD")
LAPSED = AuthorisationLapsed(order_number=NUMBER, authorisation_id="a1")
DECLINED = PaymentDeclined(order_number=NUMBER, attempt=1, decline_code="no_funds")
CAPTURE_REFUSED = CaptureRefused(order_number=NUMBER, fulfilment_id=F1, refusal_code="expired")
ANSWERED = HoldReleased(order_number=NUMBER, hold_id="H1", reason="compensation_overdue")
BOTH = CompensationBegan(order_number=NUMBER, parts=("stock", "payment"), skus=("A", "B"))


def recall(*names: str) -> tuple[CancelShipment, ...]:
    return tuple(CancelShipment(order_number=NUMBER, fulfilment_id=name) for name in names)


def called_back(name: str = F1) -> ShipmentCancelled:
    return ShipmentCancelled(order_number=NUMBER, fulfilment_id=name)


def too_late(name: str = F1) -> ShipmentCancellationRefused:
    return ShipmentCancellationRefused(order_number=NUMBER, fulfilment_id=name)


def cancelled(name: str = F1) -> FulfilmentProgressed:
    return FulfilmentProgressed(order_number=NUMBER, fulfilment_id=name, status="cancelled")


def dropped_f2() -> LinesDropped:
    lines = (Shortage(line_id="L1", sku="A", missing=1),)
    return LinesDropped(order_number=NUMBER, dropped=lines, amount=500, currency="USD", cause="cancelled")


def release_f2() -> ReleaseStock:
    return ReleaseStock(order_number=NUMBER, skus=("A",), fulfilments=(F2,))


def test_an_order_in_review_is_cancelled_at_once() -> None:
    outcome = new(finds("order", finding())).when(take()).after.when(CANCEL, reason="changed my mind")
    outcome.then(*of_order(REQUESTED, CANCELLED)).then_asked()
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "status": "cancelled"})


@pytest.mark.parametrize("stage", ["reserving", "held with its stock"])
def test_stock_that_was_asked_for_is_given_back_before_the_order_is_cancelled(stage: str) -> None:
    scenario = reserving() if stage == "reserving" else after(reserving(), HELD, stock_reserved())
    began = CompensationBegan(order_number=NUMBER, parts=("stock",), skus=("A", "B"))
    outcome = scenario.when(CANCEL, reason="no")
    outcome.then(*of_order(REQUESTED), *of_placement(began)).then_asked(RELEASE)
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "status": "cancelling"})
    deadline = DeadlinePassed(order_number=NUMBER, step=2)
    assert outcome.reminders == (Reminder(NOON + POLICY.compensate_within, deadline),)
    answered = CompensationAnswered(order_number=NUMBER, part="stock")
    outcome.after.when(RELEASED).then(*of_placement(answered), *of_order(CANCELLED))


@pytest.mark.parametrize(
    "stage", ["authorising", "declined", "held with its payment", "held when its payment lapsed"]
)
def test_stock_and_payment_are_taken_back_before_the_order_is_cancelled(stage: str) -> None:
    scenario = {
        "authorising": authorising(),
        "declined": after(authorising(), DECLINED),
        "held with its payment": after(authorising(), HELD, authorised()),
        "held when its payment lapsed": after(authorising(), HELD, authorised(), LAPSED),
    }[stage]
    outcome = scenario.when(CANCEL, reason="no")
    outcome.then(*of_order(REQUESTED), *of_placement(BOTH)).then_asked(RELEASE, VOID)
    stock, payment = (
        of_placement(CompensationAnswered(order_number=NUMBER, part="stock")),
        of_placement(CompensationAnswered(order_number=NUMBER, part="payment")),
    )
    outcome.after.when(RELEASED).then(*stock).after.when(VOIDED).then(*payment, *of_order(CANCELLED))
    outcome.after.when(VOIDED).then(*payment).after.when(RELEASED).then(*stock, *of_order(CANCELLED))


def test_a_second_cancellation_is_answered_and_asks_for_nothing() -> None:
    cancelling = after(authorising(), CANCEL)
    outcome = cancelling.when(CANCEL, reason="again")
    outcome.then_nothing_happened()
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "status": "cancelling"})
    ended = after(cancelling, RELEASED, VOIDED).when(CANCEL)
    ended.then_nothing_happened()
    assert ended.reply == Reply("accepted", {"order_number": NUMBER, "status": "cancelled"})


def test_an_order_whose_change_is_being_undone_is_cancelled_when_that_is_done() -> None:
    changed = take(channel_order(channel_updated_at=NOON, priority=2))
    undoing = after(reserving(), changed)
    outcome = undoing.when(CANCEL, reason="no").then(*of_order(REQUESTED)).then_asked()
    assert outcome.after.when(RELEASED).events[-1] == CANCELLED


def test_shipments_are_called_back_first() -> None:
    outcome = shipping(SPLIT).when(CANCEL, reason="no")
    began = RecallBegan(order_number=NUMBER, fulfilments=(F1, F2))
    outcome.then(*of_order(REQUESTED), *of_placement(began)).then_asked(*recall(F1, F2))
    deadline = DeadlinePassed(order_number=NUMBER, step=3)
    assert outcome.reminders == (Reminder(NOON + POLICY.recall_within, deadline),)


def test_when_nothing_had_left_everything_is_taken_back() -> None:
    once = after(shipping(SPLIT), CANCEL).when(called_back(F1)).then(*of_placement(cancelled(F1)))
    once.then_asked()
    twice = once.after.when(called_back(F2))
    twice.then(*of_placement(cancelled(F2), BOTH)).then_asked(RELEASE, VOID)
    assert after(twice.after, RELEASED).when(VOIDED).events[-1] == CANCELLED


def test_without_a_payment_only_the_stock_is_taken_back_after_a_recall() -> None:
    free = after(new(), take(channel_order(order_discount=VALUE)), stock_reserved(), CANCEL)
    free.when(called_back()).then_asked(RELEASE)


def test_when_a_part_had_left_the_order_goes_on_with_it_and_the_rest_is_given_back() -> None:
    half = after(shipping(SPLIT), dispatched(F1), CANCEL)
    outcome = half.when(called_back(F2))
    outcome.then(
        *of_placement(cancelled(F2)),
        *of_order(CancellationRefused(order_number=NUMBER, dispatched=(F1,)), dropped_f2()),
        *of_placement(RecallEnded(order_number=NUMBER, released=(F2,))),
    ).then_asked(release_f2())
    overdue = ReleaseOverdue(order_number=NUMBER, fulfilments=(F2,))
    assert outcome.reminders == (Reminder(NOON + POLICY.compensate_within, overdue),)


def test_the_rest_of_a_partly_cancelled_order_completes_when_its_stock_and_money_are_given_back() -> None:
    part = after(shipping(SPLIT), dispatched(F1), CANCEL, called_back(F2), captured(F1, 800))
    part.when(delivered(F1)).then_asked()
    part.when(VOIDED).then_nothing_happened()
    arrived = after(part, delivered(F1)).when(ReservationReleased(order_number=NUMBER, fulfilments=(F2,)))
    arrived.then_asked(VOID)
    done = arrived.after.when(PaymentVoided(order_number=NUMBER, amount=500, currency="USD"))
    assert done.events[-1] == OrderCompleted(order_number=NUMBER, charged=800, currency="USD")


def test_a_refused_recall_counts_as_left() -> None:
    refused = after(shipping(SPLIT), CANCEL).when(too_late(F1))
    refused.then(*of_placement(RecallRefused(order_number=NUMBER, fulfilment_id=F1)))
    refused.after.when(too_late(F1)).then_nothing_happened()
    settled = refused.after.when(called_back(F2))
    assert settled.events[1] == CancellationRefused(order_number=NUMBER, dispatched=(F1,))


def test_when_every_recall_is_refused_the_order_goes_on_as_if_nothing_had_been_asked() -> None:
    outcome = after(shipping(), CANCEL).when(too_late())
    outcome.then(
        *of_placement(RecallRefused(order_number=NUMBER, fulfilment_id=F1)),
        *of_order(CancellationRefused(order_number=NUMBER, dispatched=(F1,))),
        *of_placement(RecallEnded(order_number=NUMBER, released=())),
    ).then_asked()
    done = after(outcome.after, dispatched(), captured()).when(delivered())
    assert isinstance(done.events[-1], OrderCompleted)


def test_a_parcel_that_leaves_during_the_recall_is_captured_and_settles_it() -> None:
    outcome = after(shipping(), CANCEL).when(dispatched())
    assert [type(event).__name__ for event in outcome.events] == [
        "FulfilmentProgressed",
        "CancellationRefused",
        "RecallEnded",
    ]
    assert [type(command) for command in outcome.commands] == [CapturePayment]
    outcome.after.when(too_late()).then_nothing_happened()


def test_a_free_parcel_that_leaves_during_the_recall_settles_it_once() -> None:
    free = after(new(), take(channel_order(order_discount=VALUE)), stock_reserved(), CANCEL)
    events = free.when(dispatched()).events
    assert [type(event).__name__ for event in events] == [
        "FulfilmentProgressed",
        "FulfilmentCharged",
        "CancellationRefused",
        "RecallEnded",
    ]


def test_what_happened_to_the_holds_during_a_recall_is_made_up_for_after_it() -> None:
    recalling = after(shipping(SPLIT), CANCEL, called_back(F2))
    held = recalling.when(HELD)
    (refused,) = held.events
    assert isinstance(refused, CommandRefused)
    stopped = after(shipping(SPLIT), HELD, CANCEL, ReleaseHold(order_number=NUMBER, hold_id="H1"), called_back(F2))
    resumed = stopped.when(too_late(F1))
    assert FulfilmentProgressed(order_number=NUMBER, fulfilment_id=F1, status="requested") in resumed.events


def test_a_capture_that_a_person_releases_during_the_recall_is_tried_again() -> None:
    left = after(shipping(SPLIT), dispatched(F1))
    for tries in range(1, POLICY.capture_attempts):
        due = CaptureDue(order_number=NUMBER, fulfilment_id=F1, tries=tries)
        left = after(left, CAPTURE_REFUSED, due)
    alarmed = after(left, CAPTURE_REFUSED, CANCEL)
    outcome = alarmed.when(ReleaseHold(order_number=NUMBER, hold_id="H1"), reason="limit raised")
    outcome.then_asked(CapturePayment(order_number=NUMBER, fulfilment_id=F1, amount=800, currency="USD"))
    again = CaptureOverdue(order_number=NUMBER, fulfilment_id=F1, tries=POLICY.capture_attempts)
    assert outcome.reminders == (Reminder(NOON + POLICY.capture_within, again),)


@pytest.mark.parametrize("gone", ["waiting to leave", "on its way"])
def test_an_overdue_parcel_that_a_person_releases_during_the_recall_is_waited_for_again(gone: str) -> None:
    before = shipping(SPLIT) if gone == "waiting to leave" else after(shipping(SPLIT), dispatched(F1))
    wait, within = (1, POLICY.ship_within) if gone == "waiting to leave" else (2, POLICY.deliver_within)
    overdue = FulfilmentOverdue(order_number=NUMBER, fulfilment_id=F1, wait=wait)
    recalling = after(before, overdue, CANCEL)
    outcome = recalling.when(ReleaseHold(order_number=NUMBER, hold_id="H1"), reason="called them")
    outcome.then_asked()
    assert outcome.reminders == (Reminder(NOON + within, overdue),)
    goes_on = after(outcome.after, too_late(F1), too_late(F2))
    assert isinstance(goes_on.when(overdue).events[0], HoldOpened)


def test_a_changed_order_is_stopped_after_a_refused_recall() -> None:
    changed = take(channel_order(channel_updated_at=NOON, notes="other"))
    recalling = after(shipping(SPLIT), dispatched(F1), CANCEL, changed)
    settled = recalling.when(too_late(F2))
    assert HoldShipment(order_number=NUMBER, fulfilment_id=F2) in settled.commands


def test_a_recall_without_an_answer_is_asked_for_again_under_a_hold() -> None:
    recalling = after(shipping(SPLIT), CANCEL, called_back(F1))
    deadline = DeadlinePassed(order_number=NUMBER, step=3)
    outcome = recalling.when(deadline).then_asked(*recall(F2))
    (hold,) = outcome.events
    assert isinstance(hold, HoldOpened)
    assert (hold.reason, hold.owner) == ("compensation_overdue", "operations")
    assert outcome.reminders == (Reminder(NOON + POLICY.recall_within, deadline),)
    outcome.after.when(deadline).then().then_asked(*recall(F2))
    outcome.after.when(called_back(F2)).then(
        *of_placement(cancelled(F2)), *of_order(ANSWERED), *of_placement(BOTH)
    )


def test_the_deadline_of_a_recall_that_was_settled_does_nothing() -> None:
    deadline = DeadlinePassed(order_number=NUMBER, step=3)
    after(shipping(), CANCEL, too_late()).when(deadline).then_nothing_happened()


def test_stock_of_a_cancelled_part_that_is_not_given_back_is_asked_for_again() -> None:
    part = after(shipping(SPLIT), dispatched(F1), CANCEL, called_back(F2))
    overdue = ReleaseOverdue(order_number=NUMBER, fulfilments=(F2,))
    outcome = part.when(overdue).then_asked(release_f2())
    assert isinstance(outcome.events[0], HoldOpened)
    assert outcome.reminders == (Reminder(NOON + POLICY.compensate_within, overdue),)
    answered = outcome.after.when(ReservationReleased(order_number=NUMBER, fulfilments=(F2,)))
    assert isinstance(answered.events[0], HoldReleased)
    answered.after.when(overdue).then_nothing_happened()
    authorising().when(overdue).then_nothing_happened()


def test_an_order_that_has_left_can_not_be_cancelled() -> None:
    outcome = after(shipping(), dispatched()).when(CANCEL, reason="no")
    outcome.then(*of_order(CancellationRefused(order_number=NUMBER, dispatched=(F1,)))).then_asked()
    told = {"order_number": NUMBER, "detail": "Everything has left already.", "dispatched": [F1]}
    assert outcome.reply == Reply("refused", told)
    part = after(shipping(SPLIT), called_back(F2), dispatched(F1)).when(CANCEL, reason="no")
    part.then(*of_order(CancellationRefused(order_number=NUMBER, dispatched=(F1,)))).then_asked()


def test_a_completed_order_can_not_be_cancelled() -> None:
    done = after(shipping(), dispatched(), captured(), delivered())
    outcome = done.when(CANCEL, reason="no")
    assert [type(event) for event in outcome.events] == [CommandRefused]
    assert outcome.reply is not None
    assert outcome.reply.outcome == "refused"


def test_a_recall_that_is_answered_twice_takes_back_what_was_thought_gone() -> None:
    going_on = after(shipping(SPLIT), CANCEL, too_late(F2), called_back(F1))
    outcome = going_on.when(called_back(F2))
    assert outcome.events == (
        cancelled(F2),
        CancellationRequested(order_number=NUMBER, cause="operator"),
        RecallBegan(order_number=NUMBER, fulfilments=()),
        CompensationBegan(order_number=NUMBER, parts=("stock", "payment"), skus=("A", "B")),
    )
    outcome.then_asked(RELEASE, VOID)


def test_a_shipment_cancelled_late_is_dropped_from_an_order_that_goes_on() -> None:
    going_on = after(shipping(SPLIT), CANCEL, too_late(F1), too_late(F2))
    outcome = going_on.when(called_back(F2))
    outcome.then(
        *of_placement(cancelled(F2)),
        *of_order(dropped_f2()),
        *of_placement(RecallEnded(order_number=NUMBER, released=(F2,))),
    ).then_asked(release_f2())


def test_a_cancelled_shipment_of_a_parcel_that_left_or_is_unknown_changes_nothing() -> None:
    after(shipping(), dispatched()).when(called_back()).then_nothing_happened()
    shipping().when(called_back("unknown")).then_nothing_happened()
    authorising().when(called_back()).then_nothing_happened()
    shipping().when(too_late()).then_nothing_happened()


def ended(scenario: Scenario) -> Scenario:
    return after(scenario, CANCEL, RELEASED, VOIDED)


def test_nothing_revives_an_order_that_was_cancelled() -> None:
    for message in (DECLINED, dispatched(), delivered(), captured(), called_back(), too_late(), RELEASED, VOIDED):
        ended(authorising()).when(message).then_nothing_happened()

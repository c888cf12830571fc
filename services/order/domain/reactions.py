"""What the placement does when the order states a fact, and the other way round, in the same transaction."""

from typing import assert_never

from services.order.domain import capturing, confirming, delivering, keeping, paying, recalling, reserving
from services.order.domain.case import Case
from services.order.domain.compensating import undo
from services.order.domain.holds import ALARMS, stands_still
from services.order.domain.order import Approved, Cancelled, Cancelling, Completed, Confirmed
from services.order.domain.placement import (
    Authorised,
    Authorising,
    AwaitingPayment,
    Backordered,
    Idle,
    Placement,
    Recalling,
    Reserved,
    Reserving,
    Shipping,
    Undoing,
)
from services.order.domain.taking import free_credit
from shared.events.order import (
    CancellationRequested,
    CompensationAnswered,
    FulfilmentCharged,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    KeepRequested,
    OrderApproved,
    OrderCancelled,
    OrderCompleted,
    PaymentSecured,
    RecallBegan,
    RecallEnded,
    RecallRefused,
    StockKept,
)
from shared.eventsourcing.decider import NOTHING, Decision


def proceed(
    case: Case,
    event: OrderApproved
    | HoldReleased
    | CompensationAnswered
    | PaymentSecured
    | KeepRequested
    | StockKept
    | RecallEnded,
) -> Decision:
    """Take the next step, unless a hold is open."""
    match case.order, case.placement:
        case Cancelling(cause=cause), Idle():
            return Decision(case.of_order(OrderCancelled(order_number=case.number, cause=cause)))
        case Approved() as order, placement if not stands_still(order):
            return _next_before_confirmation(case, order, placement)
        case Confirmed() as order, Shipping() as placement:
            return _next_after_confirmation(case, order, placement)
        case _:
            return NOTHING


def hold_opened(case: Case, event: HoldOpened) -> Decision:
    """Shipments that have not left stand still."""
    match case.order, case.placement:
        case Confirmed() as order, Shipping() as placement if event.reason not in ALARMS:
            return delivering.align(case, order, placement)
        case _:
            return NOTHING


def hold_released(case: Case, event: HoldReleased) -> Decision:
    """What stood still goes on; after an alarm or a shortage, what failed is tried again."""
    if event.reason == "shortage":
        return keeping.shortage_released(case) + proceed(case, event)
    if event.reason not in ALARMS:
        return _redirected(case, event) + proceed(case, event)
    match case.order, case.placement:
        case Confirmed() | Cancelling() as order, Shipping(delivery=delivery) | Recalling(delivery=delivery):
            fulfilment = delivery.find(event.fulfilment_id)
            if fulfilment is None:
                return NOTHING
            if event.reason == "shipment_overdue":
                return delivering.wait_again(case, order, fulfilment)
            if event.reason == "capture_refused" and not fulfilment.charged:
                return capturing.capture(case, fulfilment)
            return NOTHING
        case _:
            return NOTHING


def cancellation_requested(case: Case, event: CancellationRequested) -> Decision:
    """Take back what was asked for; where that is nothing, the order ends at once."""
    match case.placement:
        case Idle():
            return Decision(case.of_order(OrderCancelled(order_number=case.number, cause=event.cause)))
        case Shipping() as placement:
            return recalling.recall(case, placement)
        case Recalling() | Undoing():
            return NOTHING
        case Reserving() | Backordered() | Reserved() | Authorising() | AwaitingPayment() | Authorised():
            return undo(case)
        case _:
            assert_never(case.placement)


def delivery_moved(case: Case, event: FulfilmentProgressed | FulfilmentCharged) -> Decision:
    """The last answer to a recall settles it; the last delivery ends the order."""
    status = event.status if isinstance(event, FulfilmentProgressed) else "charged"
    match case.order, case.placement:
        case Cancelling() as order, Recalling() as placement if status != "charged":
            return recalling.settle(case, order, placement)
        case Confirmed() as order, Shipping() as placement if status in ("delivered", "charged"):
            return delivering.complete(case, order, placement)
        case _:
            return NOTHING


def recall_moved(case: Case, event: RecallBegan | RecallRefused) -> Decision:
    """Once no shipment's answer is missing, the recall is settled."""
    order, placement = case.order, case.placement
    assert isinstance(order, Cancelling)
    assert isinstance(placement, Recalling)
    return recalling.settle(case, order, placement)


def recall_ended(case: Case, event: RecallEnded) -> Decision:
    """The order goes on with what had left, and with what happened in the meantime."""
    match case.placement:
        case Shipping(delivery=delivery) if delivery.cover == "authorising":
            return paying.ask_again(case) + proceed(case, event)
        case _:
            return proceed(case, event)


def order_ended(case: Case, event: OrderCancelled | OrderCompleted) -> Decision:
    """The order no longer counts against its customer's limit."""
    match case.order:
        case Cancelled(dossier=dossier) | Completed(dossier=dossier) if dossier.counts_as_credit:
            return Decision(reminders=(free_credit(case, dossier.customer_id),))
        case _:
            return NOTHING


def _redirected(case: Case, event: HoldReleased) -> Decision:
    match case.order, case.placement:
        case Confirmed() as order, Shipping() as placement if event.address is not None:
            return delivering.redirect(case, order, placement)
        case _:
            return NOTHING


def _next_before_confirmation(case: Case, order: Approved, placement: Placement) -> Decision:
    match placement:
        case Idle():
            return reserving.reserve(case, order, placement)
        case Reserved(fulfilments=fulfilments, payment=payment):
            return paying.pay(case, order.content, fulfilments, payment or order.content.payment)
        case Authorised(fulfilments=fulfilments):
            return confirming.confirm(case, order.content, fulfilments)
        case (
            Reserving() | Backordered() | Authorising() | AwaitingPayment() | Shipping() | Recalling() | Undoing()
        ):
            return NOTHING


def _next_after_confirmation(case: Case, order: Confirmed, placement: Shipping) -> Decision:
    delivery = placement.delivery
    if delivery.cover == "lapsed" and delivery.payment is not None and not stands_still(order):
        return paying.pay_for_the_rest(case, order.content, placement, delivery.payment)
    return delivering.align(case, order, placement) + delivering.complete(case, order, placement)

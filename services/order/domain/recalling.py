"""Cancelling an order that is with the warehouse: call back what has not left, and go on with what has."""

from services.order.domain.case import Case
from services.order.domain.compensating import cancel, compensate
from services.order.domain.delivery import Delivery, Fulfilment
from services.order.domain.holds import hold, release_for, release_on
from services.order.domain.messages import DeadlinePassed, ReleaseOverdue
from services.order.domain.order import Cancelling, Confirmed
from services.order.domain.placement import Recalling, Shipping, delivery_of
from shared.events.inventory import ReleaseStock
from shared.events.order import (
    CancellationRefused,
    CompensationPart,
    FulfilmentProgressed,
    LinesDropped,
    RecallBegan,
    RecallEnded,
    RecallRefused,
)
from shared.events.shipping import CancelShipment, ShipmentCancellationRefused, ShipmentCancelled
from shared.events.values import Shortage
from shared.eventsourcing.decider import NOTHING, Decision, Recorded, Reminder


def recall(case: Case, placement: Shipping) -> Decision:
    """Ask for every shipment that has not left to be cancelled."""
    names = tuple(one.fulfilment_id for one in placement.delivery.at_hand)
    began = case.of_placement(RecallBegan(order_number=case.number, fulfilments=names))
    if not names:
        return Decision(began)
    return Decision(began) + _ask(case, names, placement.step + 1)


def recall_overdue(case: Case) -> Decision:
    """Ask again, as often as it takes, and let a person look."""
    assert isinstance(case.placement, Recalling)
    awaiting = case.placement.awaiting
    explanation = f"Shipping has not answered whether {', '.join(awaiting)} could be cancelled."
    return Decision(hold(case, "compensation_overdue", explanation)) + _ask(case, awaiting, case.placement.step)


def shipment_cancelled(case: Case, message: ShipmentCancelled) -> Decision:
    """The shipment will not leave, and what held it has nothing to stop any more."""
    delivery = delivery_of(case.placement)
    fulfilment = delivery.find(message.fulfilment_id)
    if fulfilment is None or not fulfilment.at_hand:
        return NOTHING
    progressed = FulfilmentProgressed(
        order_number=case.number, fulfilment_id=fulfilment.fulfilment_id, status="cancelled"
    )
    happened = Decision(case.of_placement(progressed))
    # Released last: the order goes on once it knows what is given back.
    released = Decision(release_on(case, fulfilment.fulfilment_id))
    match case.order, case.placement:
        case Confirmed() as order, Shipping():
            # An answer to a recall that was asked twice may come when the order goes on already.
            others = [one for one in delivery.fulfilments if one is not fulfilment]
            if all(one.status == "cancelled" for one in others):
                return happened + cancel(case, "operator") + released
            return happened + _drop(case, order, (fulfilment,)) + released
        case _:
            return happened + released


def cancellation_refused(case: Case, message: ShipmentCancellationRefused) -> Decision:
    """The shipment has left, or is being handed over."""
    match case.placement:
        case Recalling(awaiting=awaiting) if message.fulfilment_id in awaiting:
            refused = RecallRefused(order_number=case.number, fulfilment_id=message.fulfilment_id)
            return Decision(case.of_placement(refused))
        case _:
            return NOTHING


def settle(case: Case, order: Cancelling, placement: Recalling) -> Decision:
    """Once all have answered: take everything back if nothing had left, else go on with what had."""
    if placement.awaiting:
        return NOTHING
    delivery = placement.delivery
    gone = tuple(one.fulfilment_id for one in delivery.fulfilments if one.status != "cancelled")
    dropped = tuple(
        one
        for one in delivery.fulfilments
        if one.status == "cancelled" and one.lines and one.fulfilment_id not in delivery.releasing
    )
    if not gone:
        paid = delivery.authorised > 0 or delivery.cover == "authorising"
        parts: tuple[CompensationPart, ...] = ("stock", "payment") if paid else ("stock",)
        return Decision(_answered(case, delivery)) + compensate(case, parts, _skus(delivery.fulfilments))
    refused = CancellationRefused(order_number=case.number, dispatched=gone)
    return Decision(_answered(case, delivery) + case.of_order(refused)) + _drop(case, order, dropped)


def release_overdue(case: Case, message: ReleaseOverdue) -> Decision:
    """Ask again, as often as it takes, and let a person look."""
    delivery = delivery_of(case.placement)
    waiting = tuple(
        one
        for one in delivery.fulfilments
        if one.fulfilment_id in message.fulfilments and one.fulfilment_id in delivery.releasing
    )
    if not waiting:
        return NOTHING
    explanation = "Inventory has not given back the stock of what was cancelled; it is asked again."
    return Decision(hold(case, "compensation_overdue", explanation)) + _release(case, waiting)


def _answered(case: Case, delivery: Delivery) -> tuple[Recorded, ...]:
    """The alarm ends with the recall, unless stock that is still being given back needs it as well."""
    return () if delivery.releasing else release_for(case, "compensation_overdue")


def _drop(case: Case, order: Confirmed | Cancelling, dropped: tuple[Fulfilment, ...]) -> Decision:
    ended = case.of_placement(
        RecallEnded(order_number=case.number, released=tuple(one.fulfilment_id for one in dropped))
    )
    if not dropped:
        return Decision(ended)
    lines = LinesDropped(
        order_number=case.number,
        dropped=tuple(
            Shortage(line_id=line.line_id, sku=line.sku, missing=line.quantity)
            for one in dropped
            for line in one.lines
        ),
        amount=sum(one.amount for one in dropped),
        currency=order.content.currency,
        cause="cancelled",
    )
    return Decision(case.of_order(lines) + ended) + _release(case, dropped)


def _release(case: Case, fulfilments: tuple[Fulfilment, ...]) -> Decision:
    names = tuple(one.fulfilment_id for one in fulfilments)
    release = ReleaseStock(order_number=case.number, skus=_skus(fulfilments), fulfilments=names)
    overdue = ReleaseOverdue(order_number=case.number, fulfilments=names)
    return Decision(
        commands=(release,),
        reminders=(Reminder(case.context.now + case.policy.compensate_within, overdue),),
    )


def _ask(case: Case, names: tuple[str, ...], step: int) -> Decision:
    asks = tuple(CancelShipment(order_number=case.number, fulfilment_id=name) for name in names)
    deadline = DeadlinePassed(order_number=case.number, step=step)
    return Decision(commands=asks, reminders=(Reminder(case.context.now + case.policy.recall_within, deadline),))


def _skus(fulfilments: tuple[Fulfilment, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.sku for one in fulfilments for line in one.lines))

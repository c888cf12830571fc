"""What the carrier reports of a parcel, in any order: all is recorded, and judged by when it occurred."""

from datetime import datetime

from services.shipping.domain.asking import facts
from services.shipping.domain.messages import ParcelTracked
from services.shipping.domain.next_step import left_with_carrier
from services.shipping.domain.policy import Policy
from services.shipping.domain.shipment import (
    Cancelled,
    Dispatched,
    HandingOver,
    Labelled,
    Shipment,
    Unknown,
    Voiding,
    evolve,
    later,
)
from shared.events.payload import Event
from shared.events.shipping import (
    DeliveryDelayed,
    ShipmentDelivered,
    ShipmentExceptionRaised,
    TrackingReceived,
)
from shared.eventsourcing.decider import Context, Decision, Reply

ACCEPTED = Reply("accepted", {"known": True})
UNKNOWN = Reply("accepted", {"known": False})

LEFT_AFTER_ALL = "The shipment was cancelled, and the carrier has its parcel {} all the same."


def track(shipment: Shipment, message: ParcelTracked, context: Context, policy: Policy) -> Decision:
    """Record a report and what follows from it; a report on a parcel that we never sent is ignored.

    A carrier that reports on the parcel has it, whether or not its answer to the hand-over came.
    """
    if isinstance(shipment, Unknown):
        return Decision(reply=UNKNOWN)
    left: tuple[Event, ...] = ()
    match shipment:
        case Labelled(label=label) | Voiding(label=label) | HandingOver(label=label) if (
            label.tracking_number == message.tracking_number
        ):
            left = left_with_carrier(shipment)
    for fact in left:
        shipment = evolve(shipment, fact)
    told = (_received(message), *_consequences(shipment, message))
    return facts(message.fulfilment_id, *left, *told, reply=ACCEPTED)


def _received(message: ParcelTracked) -> TrackingReceived:
    return TrackingReceived(
        order_number=message.order_number,
        fulfilment_id=message.fulfilment_id,
        tracking_number=message.tracking_number,
        status=message.status,
        occurred_at=message.occurred_at,
        location=message.location,
        estimated_delivery=message.estimated_at,
    )


def _consequences(shipment: Shipment, message: ParcelTracked) -> tuple[Event, ...]:
    match shipment:
        case Cancelled(left_after_all=False):
            return (_exception(message, LEFT_AFTER_ALL.format(message.tracking_number)),)
        case Dispatched(tracking_number=number) if number == message.tracking_number:
            if message.status == "delivered":
                return (_delivered(message),)
            return _delay(shipment, message) + _trouble(shipment, message)
        case _:
            return ()


def _delay(shipment: Dispatched, message: ParcelTracked) -> tuple[Event, ...]:
    """Any report may bring the newest estimate; the customer is told of one that is worse than the last."""
    estimate = message.estimated_at
    if estimate is None or not later(message.occurred_at, shipment.estimate_made_at):
        return ()
    return (_delayed(message, estimate),) if later(estimate, shipment.estimated_delivery) else ()


def _trouble(shipment: Dispatched, message: ParcelTracked) -> tuple[Event, ...]:
    """What went wrong before the parcel moved on has been mended."""
    newest = later(message.occurred_at, shipment.exception_at) and later(message.occurred_at, shipment.moved_at)
    if message.status != "exception" or not newest:
        return ()
    return (_exception(message, message.explanation or "the carrier reports an exception"),)


def _delivered(message: ParcelTracked) -> ShipmentDelivered:
    return ShipmentDelivered(
        order_number=message.order_number,
        fulfilment_id=message.fulfilment_id,
        delivered_at=message.occurred_at,
    )


def _delayed(message: ParcelTracked, estimated_at: datetime) -> DeliveryDelayed:
    return DeliveryDelayed(
        order_number=message.order_number,
        fulfilment_id=message.fulfilment_id,
        estimated_delivery=estimated_at,
    )


def _exception(message: ParcelTracked, explanation: str) -> ShipmentExceptionRaised:
    return ShipmentExceptionRaised(
        order_number=message.order_number,
        fulfilment_id=message.fulfilment_id,
        explanation=explanation,
        occurred_at=message.occurred_at,
    )

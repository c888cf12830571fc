"""Hold, resume, cancel: what may stop a shipment on its road."""

from services.shipping.domain.asking import facts
from services.shipping.domain.next_step import cancellation_refused, cancelled
from services.shipping.domain.policy import Policy
from services.shipping.domain.shipment import (
    Cancelled,
    Delivered,
    Dispatched,
    HandingOver,
    Labelled,
    Labelling,
    Packed,
    Picked,
    Picking,
    Rated,
    Refused,
    Requested,
    Shipment,
    Unknown,
    Voiding,
)
from shared.events.shipping import (
    CancelShipment,
    HoldShipment,
    ResumeShipment,
    ShipmentCancellationRequested,
    ShipmentHeld,
    ShipmentResumed,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision


def hold(shipment: Shipment, message: HoldShipment, context: Context, policy: Policy) -> Decision:
    """Stop before the next outward step; too late once the carrier has the parcel, pointless on a cancellation.

    The hand-over that is under way may still fail: what follows it then waits.
    """
    match shipment:
        case Dispatched() | Delivered() | Cancelled() | Unknown(held=True):
            return NOTHING
        case Unknown():
            pass
        case _ if shipment.parcel.held or shipment.parcel.cancel_requested:
            return NOTHING
    held = ShipmentHeld(order_number=message.order_number, fulfilment_id=message.fulfilment_id)
    return facts(message.fulfilment_id, held)


def resume(shipment: Shipment, message: ResumeShipment, context: Context, policy: Policy) -> Decision:
    """Go on where the shipment stood, to the given address."""
    match shipment:
        case Dispatched() | Delivered() | Cancelled() | Unknown(held=False):
            return NOTHING
        case Unknown() | Refused():
            pass
        case _ if not shipment.parcel.held:
            return NOTHING
    resumed = ShipmentResumed(
        order_number=message.order_number, fulfilment_id=message.fulfilment_id, address=message.address
    )
    return facts(message.fulfilment_id, resumed)


def cancel(shipment: Shipment, message: CancelShipment, context: Context, policy: Policy) -> Decision:
    """Answer at once where no label is; else lock the shipment until the label is taken back."""
    match shipment:
        case HandingOver() | Dispatched() | Delivered():
            answer = cancellation_refused(message.order_number, message.fulfilment_id)
            return facts(message.fulfilment_id, answer)
        case Labelling() | Labelled() | Voiding():
            if shipment.parcel.cancel_requested:
                return NOTHING
            requested = ShipmentCancellationRequested(
                order_number=message.order_number, fulfilment_id=message.fulfilment_id
            )
            return facts(message.fulfilment_id, requested)
        case Requested() | Rated() | Picking() | Picked() | Packed() | Refused() | Unknown() | Cancelled():
            return facts(message.fulfilment_id, cancelled(message.order_number, message.fulfilment_id))

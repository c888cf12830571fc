"""What people confirm: picked, packed, handed over, delivered where the carrier is silent. All but the last
the service does in their place in an automatic warehouse."""

from services.shipping.domain.asking import ask_handover, facts
from services.shipping.domain.messages import FinishPicking
from services.shipping.domain.next_step import hand_to_customer, items_picked, parcel_packed
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
    Refused,
    Shipment,
    Unknown,
    Voiding,
)
from shared.events.shipping import (
    ConfirmDelivered,
    ConfirmPacked,
    ConfirmPicked,
    DispatchParcel,
    ShipmentDelivered,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision, Reply


def confirm_picked(shipment: Shipment, message: ConfirmPicked, context: Context, policy: Policy) -> Decision:
    """Everything is off the shelves; what was done stands, also on a hold."""
    match shipment:
        case Picking(parcel=parcel):
            done = Reply("accepted", {"fulfilment_id": message.fulfilment_id, "status": "picked"})
            return facts(message.fulfilment_id, items_picked(parcel), reply=done)
        case Picked() | Packed() | Labelling() | Labelled() | Voiding():
            return _as_it_stands(shipment, message.fulfilment_id)
        case HandingOver() | Dispatched() | Delivered():
            return _as_it_stands(shipment, message.fulfilment_id)
        case Refused(parcel=parcel) if parcel.service:
            return _as_it_stands(shipment, message.fulfilment_id)
        case _:
            return _refused(shipment, message.fulfilment_id, "there is no open pick list for it")


def finish_picking(shipment: Shipment, message: FinishPicking, context: Context, policy: Policy) -> Decision:
    """The automatic warehouse has had its time."""
    match shipment:
        case Picking(parcel=parcel):
            return facts(message.fulfilment_id, items_picked(parcel))
        case _:
            return NOTHING


def confirm_packed(shipment: Shipment, message: ConfirmPacked, context: Context, policy: Policy) -> Decision:
    """The parcel is closed and weighed; what was done stands, also on a hold."""
    match shipment:
        case Picked(parcel=parcel):
            done = Reply("accepted", {"fulfilment_id": message.fulfilment_id, "status": "packed"})
            return facts(message.fulfilment_id, parcel_packed(parcel, message.weight_grams), reply=done)
        case Packed() | Labelling() | Labelled() | Voiding() | HandingOver() | Dispatched() | Delivered():
            return _as_it_stands(shipment, message.fulfilment_id)
        case Refused(parcel=parcel) if parcel.service:
            return _as_it_stands(shipment, message.fulfilment_id)
        case _:
            return _refused(shipment, message.fulfilment_id, "it is not picked")


def dispatch(shipment: Shipment, message: DispatchParcel, context: Context, policy: Policy) -> Decision:
    """Hand the parcel to the carrier, or the goods to the customer who collects; not on a hold."""
    match shipment:
        case HandingOver() | Dispatched() | Delivered():
            return _as_it_stands(shipment, message.fulfilment_id)
        case Packed(parcel=parcel) | Labelled(parcel=parcel) if parcel.held:
            return _refused(shipment, message.fulfilment_id, "work on it is held")
        case Packed(parcel=parcel) if parcel.delivery == "collect":
            done = Reply("accepted", {"fulfilment_id": message.fulfilment_id, "status": "delivered"})
            return hand_to_customer(parcel, context) + Decision(reply=done)
        case Labelled(parcel=parcel, label=label):
            done = Reply("accepted", {"fulfilment_id": message.fulfilment_id, "status": "handing_over"})
            return ask_handover(parcel, label, context.now, policy) + Decision(reply=done)
        case _:
            return _refused(shipment, message.fulfilment_id, "it is not ready to leave")


def confirm_delivered(shipment: Shipment, message: ConfirmDelivered, context: Context, policy: Policy) -> Decision:
    """A parcel that left has arrived, by a person's account; the carrier's own report changes nothing after it."""
    match shipment:
        case Delivered():
            return _as_it_stands(shipment, message.fulfilment_id)
        case Dispatched() if message.delivered_at is not None and message.delivered_at > context.now:
            return _refused(shipment, message.fulfilment_id, "a delivery is confirmed once it has happened")
        case Dispatched():
            delivered = ShipmentDelivered(
                order_number=message.order_number,
                fulfilment_id=message.fulfilment_id,
                delivered_at=message.delivered_at or context.now,
            )
            done = Reply("accepted", {"fulfilment_id": message.fulfilment_id, "status": "delivered"})
            return facts(message.fulfilment_id, delivered, reply=done)
        case _:
            return _refused(shipment, message.fulfilment_id, "it has not left")


def _as_it_stands(shipment: Shipment, fulfilment_id: str) -> Decision:
    """Confirmed before: the same again changes nothing."""
    return Decision(reply=Reply("accepted", {"fulfilment_id": fulfilment_id, "status": shipment.status}))


def _refused(shipment: Shipment, fulfilment_id: str, explanation: str) -> Decision:
    match shipment:
        case Unknown():
            return Decision(reply=Reply("not_found", {"fulfilment_id": fulfilment_id}))
        case Cancelled():
            explanation = "it is cancelled"
        case _:
            pass
    body = {"fulfilment_id": fulfilment_id, "status": shipment.status, "explanation": explanation}
    return Decision(reply=Reply("conflict", body))

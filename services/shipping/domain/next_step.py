"""The next step of a shipment that waits for no one; decided after every fact that may open the way."""

from typing import assert_never

from services.shipping.domain.asking import ask_handover, ask_label, ask_quotes, ask_void, facts
from services.shipping.domain.messages import FinishPicking
from services.shipping.domain.policy import Policy
from services.shipping.domain.shipment import (
    Cancelled,
    Delivered,
    Dispatched,
    HandingOver,
    Label,
    Labelled,
    Labelling,
    Open,
    Packed,
    Parcel,
    Picked,
    Picking,
    Rated,
    Refused,
    Requested,
    Shipment,
    Unknown,
    Voiding,
)
from shared.events.payload import Event
from shared.events.shipping import (
    ItemsPicked,
    LabelBought,
    LabelRefused,
    LabelVoided,
    ParcelPacked,
    PickListIssued,
    RateChosen,
    ShipmentCancellationRefused,
    ShipmentCancellationRequested,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentRequested,
    ShipmentResumed,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision, Reminder

FOLLOWED: tuple[type[Event], ...] = (
    ShipmentRequested,
    RateChosen,
    PickListIssued,
    ItemsPicked,
    ParcelPacked,
    LabelBought,
    LabelRefused,
    LabelVoided,
    ShipmentResumed,
    ShipmentCancellationRequested,
)
"""The facts after which a shipment may go on by itself."""


def go_on(shipment: Shipment, context: Context, policy: Policy) -> Decision:
    """Take the next step, if one can be taken now; on a hold none is."""
    match shipment:
        case Unknown() | Dispatched() | Delivered() | Cancelled():
            return NOTHING
        case _ if shipment.parcel.cancel_requested:
            return _towards_cancellation(shipment, context, policy)
        case _ if shipment.parcel.held:
            return NOTHING
        case Requested(parcel=parcel) if parcel.delivery == "ship":
            return ask_quotes(parcel, context.now, policy)
        case Requested(parcel=parcel) | Rated(parcel=parcel):
            return facts(parcel.fulfilment_id, _pick_list(parcel))
        case Labelled(parcel=parcel, label=label) if label.address != parcel.address:
            return ask_void(parcel, label, context.now, policy)
        case Packed(parcel=parcel) if parcel.delivery == "ship":
            return go_for_label(parcel, context, policy, requoting=shipment.requoting)
        case Picking() | Picked() | Packed() | Labelled():
            return _automatic_step(shipment, context, policy) if policy.warehouse == "automatic" else NOTHING
        case Labelling() | Voiding() | HandingOver() | Refused():
            return NOTHING
        case _:
            assert_never(shipment)


def go_for_label(parcel: Parcel, context: Context, policy: Policy, *, requoting: bool = False) -> Decision:
    """Ask for a label, and before it for the rates anew where the service was chosen for another address."""
    if requoting or parcel.rated_for not in (None, parcel.address):
        return ask_quotes(parcel, context.now, policy)
    return ask_label(parcel, context.now, policy)


def hand_to_customer(parcel: Parcel, context: Context) -> Decision:
    """Goods that the customer collects leave and arrive in one moment."""
    delivered = ShipmentDelivered(
        order_number=parcel.order_number, fulfilment_id=parcel.fulfilment_id, delivered_at=context.now
    )
    return facts(parcel.fulfilment_id, _dispatched(parcel, None), delivered)


def left_with_carrier(shipment: Labelled | Voiding | HandingOver) -> tuple[Event, ...]:
    """The carrier has the parcel; a cancellation that was still hoped for is refused."""
    parcel = shipment.parcel
    dispatched = _dispatched(parcel, shipment.label)
    if not parcel.cancel_requested:
        return (dispatched,)
    return (dispatched, cancellation_refused(parcel.order_number, parcel.fulfilment_id))


def items_picked(parcel: Parcel) -> ItemsPicked:
    """The pick list is done."""
    return ItemsPicked(order_number=parcel.order_number, fulfilment_id=parcel.fulfilment_id)


def parcel_packed(parcel: Parcel, weight_grams: int) -> ParcelPacked:
    """The parcel is closed."""
    return ParcelPacked(
        order_number=parcel.order_number, fulfilment_id=parcel.fulfilment_id, weight_grams=weight_grams
    )


def cancelled(order_number: str, fulfilment_id: str) -> ShipmentCancelled:
    """The answer that it will not leave."""
    return ShipmentCancelled(order_number=order_number, fulfilment_id=fulfilment_id)


def cancellation_refused(order_number: str, fulfilment_id: str) -> ShipmentCancellationRefused:
    """The answer that it is too late."""
    return ShipmentCancellationRefused(order_number=order_number, fulfilment_id=fulfilment_id)


def _towards_cancellation(shipment: Open, context: Context, policy: Policy) -> Decision:
    """A label is taken back; without one the shipment ends; an open question is waited for."""
    parcel = shipment.parcel
    match shipment:
        case Labelled(label=label):
            return ask_void(parcel, label, context.now, policy)
        case Labelling() | Voiding() | HandingOver():
            return NOTHING
        case Requested() | Rated() | Picking() | Picked() | Packed() | Refused():
            return facts(parcel.fulfilment_id, cancelled(parcel.order_number, parcel.fulfilment_id))


def _automatic_step(shipment: Picking | Picked | Packed | Labelled, context: Context, policy: Policy) -> Decision:
    parcel = shipment.parcel
    match shipment:
        case Picking() if policy.picking_takes:
            finish = FinishPicking(order_number=parcel.order_number, fulfilment_id=parcel.fulfilment_id)
            return Decision(reminders=(Reminder(context.now + policy.picking_takes, finish),))
        case Picking():
            return facts(parcel.fulfilment_id, items_picked(parcel))
        case Picked():
            return facts(parcel.fulfilment_id, parcel_packed(parcel, parcel.weight_grams))
        case Packed():
            return hand_to_customer(parcel, context)
        case Labelled(label=label):
            return ask_handover(parcel, label, context.now, policy)


def _pick_list(parcel: Parcel) -> PickListIssued:
    return PickListIssued(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        location=parcel.location,
        lines=parcel.lines,
    )


def _dispatched(parcel: Parcel, label: Label | None) -> ShipmentDispatched:
    return ShipmentDispatched(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        location=parcel.location,
        lines=parcel.lines,
        carrier_service=parcel.service,
        tracking_number=label.tracking_number if label else "",
        estimated_delivery=label.promised_at if label else None,
    )

"""The shipment of one fulfilment: its statuses, and how each fact changes them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from shared.events.payload import Event
from shared.events.shipping import (
    DeliveryDelayed,
    HandoverRequested,
    ItemsPicked,
    LabelBought,
    LabelRefused,
    LabelRequested,
    LabelVoided,
    LabelVoidRequested,
    ParcelPacked,
    PickListIssued,
    QuotesRequested,
    RateChosen,
    ShipmentCancellationRequested,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentExceptionRaised,
    ShipmentHeld,
    ShipmentRequested,
    ShipmentResumed,
    TrackingReceived,
    TrackingStatus,
)
from shared.events.values import Address, RequestedLine
from shared.eventsourcing.decider import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is to be shipped, and what all work on it has to know."""

    order_number: str
    fulfilment_id: str
    location: str
    lines: tuple[RequestedLine, ...]
    weight_grams: int
    address: Address
    """Where it goes as of now; a label keeps the address it was asked for."""
    delivery: Literal["ship", "collect"]
    deliver_by: datetime | None
    held: bool = False
    cancel_requested: bool = False
    """The semantic lock: no way forward but to take the label back and cancel."""
    service: str = ""
    """The carrier's service, once chosen."""
    rated_for: Address | None = None
    """Where the parcel went when its service was chosen; None: it was not, or that is not known any more."""
    quotes_asked: int = 0
    labels_asked: int = 0
    """How many labels were asked for, each under a key of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label that is paid for and not taken back."""

    label_id: str
    tracking_number: str
    promised_at: datetime
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nothing was asked yet; a hold may come first."""

    held: bool = False
    status: Literal["unknown"] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The carrier is asked for its rates."""

    parcel: Parcel
    status: Literal["requested"] = "requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """The carrier's service is chosen."""

    parcel: Parcel
    status: Literal["rated"] = "rated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picking:
    """The warehouse has the pick list."""

    parcel: Parcel
    status: Literal["picking"] = "picking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """Everything is off the shelves."""

    parcel: Parcel
    status: Literal["picked"] = "picked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The parcel is closed and has no label; what is collected waits here for the customer."""

    parcel: Parcel
    requoting: bool = False
    """The carrier is asked for its rates anew, for the parcel goes elsewhere than they were for."""
    status: Literal["packed"] = "packed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """The carrier is asked for a label."""

    parcel: Parcel
    address: Address
    """What was asked: the same under the same key, whatever the parcel's address is by now."""
    asked: int
    status: Literal["labelling"] = "labelling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The parcel is ready to leave."""

    parcel: Parcel
    label: Label
    status: Literal["labelled"] = "labelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voiding:
    """The carrier is asked to take the label back, to cancel or to buy another one for a new address."""

    parcel: Parcel
    label: Label
    asked: int
    status: Literal["voiding"] = "voiding"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandingOver:
    """The carrier is told that the parcel is handed over: it can't be called back."""

    parcel: Parcel
    label: Label
    asked: int
    status: Literal["handing_over"] = "handing_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The carrier will not take the parcel; a person decides."""

    parcel: Parcel
    refusal_code: str
    explanation: str
    status: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """The parcel is on its way."""

    tracking_number: str
    estimated_delivery: datetime | None
    estimate_made_at: datetime | None = None
    """The carrier's time of the report that the estimate is from; None: it was promised with the label."""
    exception_at: datetime | None = None
    """The carrier's time of the newest exception."""
    moved_at: datetime | None = None
    """The carrier's time of the newest report that shows the parcel moving on."""
    status: Literal["dispatched"] = "dispatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The customer has the goods."""

    status: Literal["delivered"] = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """It will not leave, and no label stays behind; remembered, so that a late request finds it."""

    left_after_all: bool = False
    """The carrier has its parcel nevertheless, and that was told."""
    status: Literal["cancelled"] = "cancelled"


Unlabelled: TypeAlias = Requested | Rated | Picking | Picked | Packed | Refused
Open: TypeAlias = Unlabelled | Labelling | Labelled | Voiding | HandingOver
Shipment: TypeAlias = Unknown | Open | Dispatched | Delivered | Cancelled


MOVING: frozenset[TrackingStatus] = frozenset({"accepted", "in_transit", "out_for_delivery"})
"""Reports that show a parcel moving on: what went wrong before has been mended."""


def later(moment: datetime, than: datetime | None) -> bool:
    """Whether a moment is newer than one that may not have come yet."""
    return than is None or moment > than


def evolve(shipment: Shipment, event: Event) -> Shipment:
    """The shipment after a fact; one that only tells (a silent carrier, tracking) leaves it as it is."""
    match event:
        case ShipmentCancelled():
            return shipment if isinstance(shipment, Cancelled) else Cancelled()
        case ShipmentDelivered():
            return Delivered()
        case ShipmentDispatched(tracking_number=number, estimated_delivery=estimated):
            return Dispatched(tracking_number=number, estimated_delivery=estimated)
    match shipment:
        case Unknown():
            return _evolve_unknown(shipment, event)
        case Dispatched():
            return _evolve_dispatched(shipment, event)
        case Cancelled() if isinstance(event, ShipmentExceptionRaised):
            return Cancelled(left_after_all=True)
        case Delivered() | Cancelled():
            return shipment
        case _:
            return _evolve_open(shipment, event)


def order_number_of(fulfilment_id: str) -> str:
    """The order of a fulfilment, whose id is `<order number>-F<n>`."""
    return fulfilment_id.rpartition("-F")[0] or fulfilment_id


def _evolve_unknown(shipment: Unknown, event: Event) -> Unknown | Requested:
    match event:
        case ShipmentHeld():
            return Unknown(held=True)
        case ShipmentResumed():
            return Unknown()
        case ShipmentRequested():
            return Requested(parcel=_parcel(event, held=shipment.held))
        case _:
            return shipment


def _evolve_dispatched(shipment: Dispatched, event: Event) -> Dispatched:
    match event:
        case DeliveryDelayed():
            return replace(shipment, estimated_delivery=event.estimated_delivery)
        case TrackingReceived(tracking_number=number) if number == shipment.tracking_number:
            return _tracked(shipment, event)
        case _:
            return shipment


def _tracked(shipment: Dispatched, report: TrackingReceived) -> Dispatched:
    moment = report.occurred_at
    if report.estimated_delivery is not None and later(moment, shipment.estimate_made_at):
        shipment = replace(shipment, estimated_delivery=report.estimated_delivery, estimate_made_at=moment)
    if report.status in MOVING and later(moment, shipment.moved_at):
        return replace(shipment, moved_at=moment)
    if report.status == "exception" and later(moment, shipment.exception_at):
        return replace(shipment, exception_at=moment)
    return shipment


def _parcel(requested: ShipmentRequested, *, held: bool) -> Parcel:
    return Parcel(
        order_number=requested.order_number,
        fulfilment_id=requested.fulfilment_id,
        location=requested.location,
        lines=requested.lines,
        weight_grams=requested.weight_grams,
        address=requested.address,
        delivery=requested.delivery,
        deliver_by=requested.deliver_by,
        held=held,
    )


def _evolve_open(shipment: Open, event: Event) -> Shipment:
    parcel = shipment.parcel
    match shipment, event:
        case Requested(), QuotesRequested():
            return Requested(parcel=replace(parcel, quotes_asked=event.asked))
        case Requested(), RateChosen():
            return Rated(parcel=replace(parcel, service=event.service, rated_for=parcel.address))
        case _, QuotesRequested():
            return Packed(parcel=replace(parcel, quotes_asked=event.asked), requoting=True)
        case Packed(), RateChosen():
            return Packed(parcel=replace(parcel, service=event.service, rated_for=parcel.address))
        case _, PickListIssued():
            return Picking(parcel=parcel)
        case _, ItemsPicked():
            return Picked(parcel=parcel)
        case _, ParcelPacked():
            return Packed(parcel=replace(parcel, weight_grams=event.weight_grams))
        case _, LabelRequested():
            first = event.asked == 1
            numbered = replace(parcel, labels_asked=parcel.labels_asked + 1) if first else parcel
            return Labelling(parcel=numbered, address=event.address, asked=event.asked)
        case Labelling(address=address), LabelBought():
            return Labelled(parcel=parcel, label=_label(event, address))
        case _, LabelRefused():
            return Refused(parcel=parcel, refusal_code=event.refusal_code, explanation=event.explanation)
        case Labelled(label=label) | Voiding(label=label), LabelVoidRequested():
            return Voiding(parcel=parcel, label=label, asked=event.asked)
        case _, LabelVoided():
            return Packed(parcel=parcel)
        case Labelled(label=label) | HandingOver(label=label), HandoverRequested():
            return HandingOver(parcel=parcel, label=label, asked=event.asked)
        case _, ShipmentHeld():
            return replace(shipment, parcel=replace(parcel, held=True))
        case _, ShipmentCancellationRequested():
            return replace(shipment, parcel=replace(parcel, held=False, cancel_requested=True))
        case _, ShipmentResumed():
            return _resumed(shipment, replace(parcel, held=False, address=event.address))
        case _:
            return shipment


def _label(bought: LabelBought, address: Address) -> Label:
    return Label(
        label_id=bought.label_id,
        tracking_number=bought.tracking_number,
        promised_at=bought.promised_at,
        address=address,
    )


def _resumed(shipment: Open, parcel: Parcel) -> Open:
    """What was refused stands again where it was before the carrier was asked."""
    match shipment:
        case Refused() if parcel.service:
            return Packed(parcel=parcel)
        case Refused():
            return Requested(parcel=parcel)
        case _:
            return replace(shipment, parcel=parcel)


SHIPMENT: Category[Shipment] = Category(
    name="shipment",
    state_type=Shipment,
    initial=Unknown(),
    evolve=evolve,
)

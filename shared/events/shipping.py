"""Facts and requests of the shipping service."""

from datetime import datetime
from typing import Literal

from shared.events.payload import (
    Command,
    CurrencyCode,
    Days,
    Event,
    FulfilmentId,
    Grams,
    IdempotencyKey,
    Instant,
    Location,
    MinorUnits,
    Name,
    OrderNumber,
    Ordinal,
    Text,
    Value,
)
from shared.events.values import Address, RequestedLine

TrackingStatus = Literal["accepted", "in_transit", "out_for_delivery", "delayed", "exception", "delivered"]
"""What a carrier says of a parcel."""


class CarrierQuote(Value):
    """What one service of the carrier costs, and how long it takes."""

    service: Name
    amount: MinorUnits
    currency: CurrencyCode
    days: Days
    """Days from hand-over to delivery."""


class ShipmentRequested(Event, name="shipping.shipment-requested", version=1):
    """A fulfilment is to be shipped; the carrier is to be asked for its rates."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    location: Location
    lines: tuple[RequestedLine, ...]
    """What is to be shipped."""
    weight_grams: Grams
    address: Address
    delivery: Literal["ship", "collect"]
    """`ship` to the address, or `collect` by the customer."""
    deliver_by: Instant | None


class PickListIssued(Event, name="shipping.pick-list-issued", version=1):
    """The warehouse is to pick these lines."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    location: Location
    lines: tuple[RequestedLine, ...]
    """What to take from the shelves."""


class ItemsPicked(Event, name="shipping.items-picked", version=1):
    """Everything on the pick list was taken from the shelves."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ParcelPacked(Event, name="shipping.parcel-packed", version=1):
    """The parcel is closed and weighed."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    weight_grams: Grams


class QuotesRequested(Event, name="shipping.quotes-requested", version=1):
    """The carrier is to be asked what its services cost."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    location: Location
    address: Address
    weight_grams: Grams
    asked: Ordinal


class RateChosen(Event, name="shipping.rate-chosen", version=1):
    """The cheapest service that keeps the promise, or the fastest where none does."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    service: Name
    amount: MinorUnits
    currency: CurrencyCode
    days: Days
    keeps_promise: bool
    """False when no service arrives in time."""


class LabelRequested(Event, name="shipping.label-requested", version=1):
    """The carrier is to be asked for a label; asked again under the same key until the outcome is known."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    service: Name
    location: Location
    address: Address
    weight_grams: Grams
    idempotency_key: IdempotencyKey
    asked: Ordinal


class LabelBought(Event, name="shipping.label-bought", version=1):
    """The parcel has a label."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    label_id: Name
    tracking_number: Name
    amount: MinorUnits
    currency: CurrencyCode
    promised_at: Instant


class LabelRefused(Event, name="shipping.label-refused", version=1):
    """The carrier will not take the parcel; a person decides."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    refusal_code: Name
    explanation: Text


class CarrierOutcomeUnknown(Event, name="shipping.carrier-outcome-unknown", version=1):
    """The carrier gave no clear answer; it will be asked again under the same key."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    explanation: Text
    ask_again_at: Instant


class LabelVoidRequested(Event, name="shipping.label-void-requested", version=1):
    """The carrier is to be asked to take a label back."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    label_id: Name
    idempotency_key: IdempotencyKey
    asked: Ordinal


class LabelVoided(Event, name="shipping.label-voided", version=1):
    """The label is no longer valid."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    label_id: Name


class HandoverRequested(Event, name="shipping.handover-requested", version=1):
    """The carrier is to be told that the parcel is handed over; from here on it can't be called back."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    label_id: Name
    idempotency_key: IdempotencyKey
    asked: Ordinal


class ShipmentDispatched(Event, name="shipping.dispatched", version=1):
    """The parcel left the location."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    location: Location
    lines: tuple[RequestedLine, ...]
    """What left."""
    carrier_service: str
    """Empty when the customer collects."""
    tracking_number: str
    """Empty when the customer collects."""
    estimated_delivery: Instant | None


class TrackingReceived(Event, name="shipping.tracking-received", version=1):
    """The carrier reported on the parcel."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    tracking_number: Name
    status: TrackingStatus
    """What the carrier says of the parcel."""
    occurred_at: Instant
    location: str = ""
    """Where the parcel was, as the carrier wrote it."""
    estimated_delivery: Instant | None = None
    """When the parcel was expected to arrive at that time, where the carrier says so."""

    def happened_at(self) -> datetime:
        return self.occurred_at


class DeliveryDelayed(Event, name="shipping.delivery-delayed", version=1):
    """The parcel will come later than was expected so far."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    estimated_delivery: Instant


class ShipmentExceptionRaised(Event, name="shipping.exception-raised", version=1):
    """Something went wrong on the way, or a parcel is on its way that was cancelled; a person looks after it."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    explanation: Text
    occurred_at: Instant | None = None
    """When it went wrong, by the carrier's account."""

    def happened_at(self) -> datetime | None:
        return self.occurred_at


class ShipmentDelivered(Event, name="shipping.delivered", version=1):
    """The customer has the goods."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    delivered_at: Instant

    def happened_at(self) -> datetime:
        return self.delivered_at


class ShipmentHeld(Event, name="shipping.held", version=1):
    """Work on the shipment stands still."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ShipmentResumed(Event, name="shipping.resumed", version=1):
    """Work on the shipment goes on."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    address: Address


class ShipmentCancellationRequested(Event, name="shipping.cancellation-requested", version=1):
    """A shipment with a label, or with one being bought, is to be cancelled once no label is left."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ShipmentCancelled(Event, name="shipping.cancelled", version=1):
    """The shipment will not leave, and no label stays behind."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ShipmentCancellationRefused(Event, name="shipping.cancellation-refused", version=1):
    """The shipment has left, or is being handed over."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class RequestShipment(Command, name="shipping.request-shipment", version=1):
    """Pick, pack and dispatch one fulfilment."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    location: Location
    lines: tuple[RequestedLine, ...]
    """What is to be shipped."""
    weight_grams: Grams
    address: Address
    delivery: Literal["ship", "collect"]
    """`ship` to the address, or `collect` by the customer."""
    deliver_by: Instant | None = None


class HoldShipment(Command, name="shipping.hold-shipment", version=1):
    """Stop work on a shipment that has not left."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ResumeShipment(Command, name="shipping.resume-shipment", version=1):
    """Go on with a shipment that was held or whose label was refused, to this address."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    address: Address


class CancelShipment(Command, name="shipping.cancel-shipment", version=1):
    """Cancel a shipment that has not left; also answers for one it never heard of."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ConfirmPicked(Command, name="shipping.confirm-picked", version=1):
    """The warehouse has picked everything on the list."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ConfirmPacked(Command, name="shipping.confirm-packed", version=1):
    """The warehouse has closed and weighed the parcel."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    weight_grams: Grams


class DispatchParcel(Command, name="shipping.dispatch-parcel", version=1):
    """The warehouse hands the parcel to the carrier, or the goods to the customer who collects."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ConfirmDelivered(Command, name="shipping.confirm-delivered", version=1):
    """A person knows that a dispatched parcel has arrived, though the carrier's report never came."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    delivered_at: Instant | None = None
    """When the customer got the goods; the moment of the confirmation where that is not known."""

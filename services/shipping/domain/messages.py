"""What the service tells itself: answers of the carrier, its webhooks, and reminders."""

from shared.events.payload import Command, CurrencyCode, Instant, MinorUnits, Name, Payload, Quantity, Text
from shared.events.shipping import CarrierQuote, TrackingStatus


class QuotesAnswered(Command, name="shipping.quotes-answered", version=1):
    """The carrier named its rates."""

    order_number: Name
    fulfilment_id: Name
    asked: Quantity
    """Which question this answers: an address may have changed since an earlier one."""
    quotes: tuple[CarrierQuote, ...]


class QuotesDeclined(Command, name="shipping.quotes-declined", version=1):
    """The carrier has no rate for such a parcel."""

    order_number: Name
    fulfilment_id: Name
    asked: Quantity
    refusal_code: Name
    explanation: Text


class LabelAnswered(Command, name="shipping.label-answered", version=1):
    """The carrier sold a label."""

    order_number: Name
    fulfilment_id: Name
    idempotency_key: Name
    label_id: Name
    tracking_number: Name
    amount: MinorUnits
    currency: CurrencyCode
    promised_at: Instant


class LabelDeclined(Command, name="shipping.label-declined", version=1):
    """The carrier refused a label."""

    order_number: Name
    fulfilment_id: Name
    idempotency_key: Name
    refusal_code: Name
    explanation: Text


class VoidAnswered(Command, name="shipping.void-answered", version=1):
    """The carrier took a label back."""

    order_number: Name
    fulfilment_id: Name
    label_id: Name


class VoidDeclined(Command, name="shipping.void-declined", version=1):
    """The carrier has the parcel already and does not take its label back."""

    order_number: Name
    fulfilment_id: Name
    label_id: Name


class HandoverAnswered(Command, name="shipping.handover-answered", version=1):
    """The carrier has the parcel."""

    order_number: Name
    fulfilment_id: Name
    label_id: Name


class HandoverDeclined(Command, name="shipping.handover-declined", version=1):
    """The carrier does not take the parcel, for its label was voided elsewhere."""

    order_number: Name
    fulfilment_id: Name
    label_id: Name


class CarrierSilent(Command, name="shipping.carrier-silent", version=1):
    """The carrier gave no clear answer: whether the request took effect is unknown."""

    order_number: Name
    fulfilment_id: Name
    idempotency_key: Name
    asked: Quantity
    explanation: Text


class AskCarrierAgain(Command, name="shipping.ask-carrier-again", version=1):
    """A reminder: if this is still the open question, ask it once more."""

    order_number: Name
    fulfilment_id: Name
    idempotency_key: Name
    asked: Quantity


class FinishPicking(Command, name="shipping.finish-picking", version=1):
    """A reminder of the automatic warehouse: by now everything is picked."""

    order_number: Name
    fulfilment_id: Name


class ParcelTracked(Command, name="shipping.parcel-tracked", version=1):
    """The carrier reports on a parcel, perhaps late, twice or out of order."""

    order_number: Name
    fulfilment_id: Name
    tracking_number: Name
    status: TrackingStatus
    occurred_at: Instant
    location: str = ""
    estimated_at: Instant | None = None
    explanation: Text = ""


INTERNAL: tuple[type[Payload], ...] = (
    QuotesAnswered,
    QuotesDeclined,
    LabelAnswered,
    LabelDeclined,
    VoidAnswered,
    VoidDeclined,
    HandoverAnswered,
    HandoverDeclined,
    CarrierSilent,
    AskCarrierAgain,
    FinishPicking,
    ParcelTracked,
)

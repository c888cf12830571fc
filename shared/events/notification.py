"""Facts of the notification service."""

from typing import Literal

from pydantic import Field

from shared.events.payload import Attributes, Event, Instant, Name, OrderNumber, Ordinal, Text

NoticeKind = Literal["confirmation", "delay", "dispatch", "delivered", "cancelled", "payment_failed"]
"""What a customer is told."""

NoticeFailure = Literal["no_address", "address_refused", "refused", "too_late"]
"""What stands in a notice's way: there is no address, the mail server refused the address or the mail, or the time
that it speaks of is over."""


class ContactNoted(Event, name="notification.contact-noted", version=1):
    """Where an order's notices go, and in which language."""

    order_number: OrderNumber
    name: str
    """How the customer is addressed."""
    email: str
    """Where notices go; empty when there is no address."""
    language: Literal["en", "zh"]
    """The language of the notices."""
    payment: Literal["card", "prepaid", "none"] = "card"
    """What notices say of money: `card` is charged, `prepaid` was paid in the channel, `none`: nothing to pay."""
    delivery: Literal["ship", "collect"] = "ship"
    """Whether notices speak of a parcel, or of goods that the customer collects."""


class NoticeOwed(Event, name="notification.notice-owed", version=1):
    """A notice is due before its recipient is known."""

    order_number: OrderNumber
    kind: NoticeKind
    """What the customer is to be told."""
    subject_id: str
    """The fulfilment that it is about; empty for the whole order."""
    facts: Attributes


class NoticeRequested(Event, name="notification.notice-requested", version=1):
    """The mail server is to be given this notice."""

    order_number: OrderNumber
    notice_id: Name
    """`<order number>-<kind>`, with the fulfilment where each one is told of; no notice is sent twice."""
    kind: NoticeKind
    """What the customer is told."""
    email: str
    """Where it goes."""
    name: str
    """How the customer is addressed."""
    language: Literal["en", "zh"]
    """The language of the notice."""
    facts: Attributes
    """What the template fills in."""
    asked: Ordinal


class NoticeSent(Event, name="notification.notice-sent", version=1):
    """The mail server took the notice."""

    order_number: OrderNumber
    notice_id: Name
    kind: NoticeKind
    """What the customer was told."""


class NoticeDelayed(Event, name="notification.notice-delayed", version=1):
    """The mail server did not take the notice; it will be offered again."""

    order_number: OrderNumber
    notice_id: Name
    explanation: Text
    ask_again_at: Instant


class NoticeFailed(Event, name="notification.notice-failed", version=1):
    """The notice can't be sent: no address, refused, or too late; a person or another address may ask anew."""

    order_number: OrderNumber
    notice_id: Name
    explanation: Text
    kind: NoticeKind | None = None
    """Told here as well because a notice without an address was never requested."""
    cause: NoticeFailure = "refused"
    """What stood in its way."""
    facts: Attributes = Field(default={})
    """What the template would have filled in; empty where the notice had been requested."""

"""Facts of the notification service."""

from typing import Literal

from shared.events.payload import Event, Instant, Name, Quantity, Text

NoticeKind = Literal["confirmation", "delay", "dispatch", "delivered", "cancelled", "payment_failed"]
"""What a customer is told."""


class ContactNoted(Event, name="notification.contact-noted", version=1):
    """Where an order's notices go, and in which language."""

    order_number: Name
    name: str
    email: str
    language: Literal["en", "zh"]


class NoticeOwed(Event, name="notification.notice-owed", version=1):
    """A notice is due before its recipient is known."""

    order_number: Name
    kind: NoticeKind
    subject_id: str
    facts: dict[str, str]


class NoticeRequested(Event, name="notification.notice-requested", version=1):
    """The mail server is to be given this notice."""

    order_number: Name
    notice_id: Name
    """`<order number>-<kind>`, with the fulfilment where each one is told of; no notice is sent twice."""
    kind: NoticeKind
    email: str
    name: str
    language: Literal["en", "zh"]
    facts: dict[str, str]
    """What the template fills in."""
    asked: Quantity


class NoticeSent(Event, name="notification.notice-sent", version=1):
    """The mail server took the notice."""

    order_number: Name
    notice_id: Name
    kind: NoticeKind


class NoticeDelayed(Event, name="notification.notice-delayed", version=1):
    """The mail server did not take the notice; it will be offered again."""

    order_number: Name
    notice_id: Name
    explanation: Text
    ask_again_at: Instant


class NoticeFailed(Event, name="notification.notice-failed", version=1):
    """The notice can't be delivered: no address, or refused for good."""

    order_number: Name
    notice_id: Name
    explanation: Text
    kind: NoticeKind | None = None
    """Told here as well because a notice without an address was never requested."""

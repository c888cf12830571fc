"""The mail server's answer, the reminder to offer a notice again, and what a person asks for."""

from typing import Literal

from shared.events.payload import Command, Name, Payload, Quantity, Text

Outcome = Literal["sent", "refused", "address_refused", "too_late", "unknown"]


class MailAnswered(Command, name="notification.mail-answered", version=1):
    """What became of one offer to the mail server; `unknown` is anything but a clear answer."""

    order_number: Name
    notice_id: Name
    asked: Quantity
    """Which offer this answers."""
    outcome: Outcome
    explanation: Text = ""


class OfferAgain(Command, name="notification.offer-again", version=1):
    """The wait after offer number `asked` is over."""

    order_number: Name
    notice_id: Name
    asked: Quantity


class SendNotice(Command, name="notification.send-notice", version=1):
    """Offer a notice that failed to the mail server again."""

    order_number: Name
    notice_id: Name


INTERNAL: tuple[type[Payload], ...] = (MailAnswered, OfferAgain, SendNotice)
"""The service's messages to itself, and what comes over HTTP."""

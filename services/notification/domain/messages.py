"""What the service says to itself: the mail server's answer, and the reminder to offer a notice again."""

from typing import Literal

from shared.events.payload import Command, Name, Payload, Quantity, Text


class MailAnswered(Command, name="notification.mail-answered", version=1):
    """What became of one offer to the mail server; `unknown` is anything but a clear answer."""

    order_number: Name
    notice_id: Name
    asked: Quantity
    """Which offer this answers."""
    outcome: Literal["sent", "refused", "unknown"]
    explanation: Text = ""


class OfferAgain(Command, name="notification.offer-again", version=1):
    """The wait after offer number `asked` is over."""

    order_number: Name
    notice_id: Name
    asked: Quantity


INTERNAL: tuple[type[Payload], ...] = (MailAnswered, OfferAgain)
"""The service's messages to itself."""

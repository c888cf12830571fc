"""What the order service says to itself: what the intake made of a record, and reminders."""

from pydantic import Field

from shared.events.channel import ChannelOrderReceived, RejectionCode
from shared.events.payload import Command, Count, Name, Payload, Quantity, Text


class TakeChannelOrder(Command, name="order.take-channel-order", version=1):
    """Take an order as its channel states it; it has passed the intake's checks."""

    order_number: Name
    order: ChannelOrderReceived
    source: str
    """`topic/partition/offset`, or the HTTP route."""
    headers: dict[str, str] = Field(default={})
    original_base64: str = ""
    """The bytes as they came; empty where the caller waits and is answered a refusal instead."""


class RefuseIntake(Command, name="order.refuse-intake", version=1):
    """Keep what the intake could not take."""

    intake_id: Name
    code: RejectionCode
    explanation: Text
    channel: str = ""
    channel_order_id: str = ""
    source: str
    headers: dict[str, str] = Field(default={})
    original_base64: str


class DeadlinePassed(Command, name="order.deadline-passed", version=1):
    """The order's placement has waited long enough for its current step."""

    order_number: Name
    step: Count


class FulfilmentOverdue(Command, name="order.fulfilment-overdue", version=1):
    """A fulfilment should have left, or arrived, by now."""

    order_number: Name
    fulfilment_id: Name
    wait: Count


class KeepOverdue(Command, name="order.keep-overdue", version=1):
    """Inventory should have said by now whether the reservation is kept."""

    order_number: Name
    ask: Quantity


class ReleaseOverdue(Command, name="order.release-overdue", version=1):
    """The stock of cancelled fulfilments should have been given back by now."""

    order_number: Name
    fulfilments: tuple[Name, ...]


class CaptureDue(Command, name="order.capture-due", version=1):
    """Time to try a capture again."""

    order_number: Name
    fulfilment_id: Name
    tries: Quantity


class CaptureOverdue(Command, name="order.capture-overdue", version=1):
    """A capture should have been answered by now."""

    order_number: Name
    fulfilment_id: Name
    tries: Count


class FreeCredit(Command, name="order.free-credit", version=1):
    """An order of a customer with a credit limit has ended, or has another customer now."""

    customer_id: Name
    order_number: Name


INTERNAL: tuple[type[Payload], ...] = (
    TakeChannelOrder,
    RefuseIntake,
    DeadlinePassed,
    FulfilmentOverdue,
    KeepOverdue,
    ReleaseOverdue,
    CaptureDue,
    CaptureOverdue,
    FreeCredit,
)

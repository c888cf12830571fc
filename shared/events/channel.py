"""The public intake: what channel adapters publish, and what comes back when it can't be taken."""

from typing import Annotated, Literal

from pydantic import FailFast, Field

from shared.events.payload import (
    CurrencyCode,
    Event,
    Instant,
    LineId,
    MinorUnits,
    Name,
    Priority,
    Quantity,
    Sku,
    Text,
    Value,
)
from shared.events.values import Address, Customer, PaymentMethod

RejectionCode = Literal[
    "malformed",
    "too_large",
    "unknown_type",
    "no_lines",
    "duplicate_line",
    "quantity_not_positive",
    "totals_do_not_add_up",
    "unknown_currency",
    "unknown_country",
    "payment_incomplete",
    "conflicting_restatement",
    "number_collision",
    "order_ended",
]
"""Stable reasons why an order was not taken."""

MOST_BYTES = 1024 * 1024
"""Of an order that is taken."""
MOST_LINES = 5_000
MOST_ATTRIBUTES = 100


class ChannelOrderLine(Value):
    """One line as the channel states it."""

    line_id: LineId
    sku: Sku
    name: str = Field(default="", max_length=500)
    """What the customer sees; empty when the channel gives none."""
    quantity: Quantity
    """Whole units ordered."""
    unit_price: MinorUnits
    """Price of one unit before discount and tax, in minor units."""
    discount: MinorUnits = 0
    """Discount on the whole line, in minor units."""
    tax: MinorUnits = 0
    """Tax on the whole line, in minor units."""


class ChannelOrderReceived(Event, name="channel.order-received", version=1):
    """An order as its channel states it now, whole: the newest `channel_updated_at` wins.

    `total` must equal the sum over the lines of quantity x unit price - discount + tax, minus the order
    discount, plus shipping charge and order tax.
    """

    channel: Name
    """Which channel, for example `web`, `store-367`, `marketplace`."""
    channel_order_id: Name
    """The order's identifier in that channel."""
    channel_updated_at: Instant
    """When the channel last changed the order; orders the restatements."""
    placed_at: Instant
    """When the customer ordered."""
    customer: Customer
    shipping_address: Address
    billing_address: Address | None = None
    """None: the same as the shipping address."""
    currency: CurrencyCode
    lines: Annotated[tuple[ChannelOrderLine, ...], FailFast()] = Field(max_length=MOST_LINES)
    """At least one line, each `line_id` once."""
    order_discount: MinorUnits = 0
    """Discount on the order that stands on no line, in minor units."""
    shipping_charge: MinorUnits = 0
    """What the customer pays for delivery, in minor units."""
    tax: MinorUnits = 0
    """Tax on the order that stands on no line, in minor units."""
    total: MinorUnits
    """What the customer pays for the whole order, in minor units."""
    payment: PaymentMethod
    requested_delivery: Instant | None = None
    """When the customer wants the goods; none: as soon as can be."""
    priority: Priority = 0
    delivery: Literal["ship", "collect"] = "ship"
    """`ship` to the address, or `collect` by the customer."""
    allow_partial: bool = False
    """Ship what there is and cancel the rest."""
    allow_backorder: bool = False
    """Wait for stock that is missing."""
    notes: Text = ""
    """What the customer wrote with the order."""
    attributes: dict[Name, str] = Field(default={}, max_length=MOST_ATTRIBUTES)
    """Anything else the channel wants to keep with the order."""


class ChannelOrderRejected(Event, name="channel.order-rejected", version=1):
    """A message that could not be taken, with its original bytes; nothing sent to the intake is ever lost."""

    code: RejectionCode
    """A stable reason for programs. `order_ended`: a change of an order that is completed or cancelled, or is
    being cancelled and was never confirmed."""
    explanation: Text
    """A sentence for a person."""
    channel: str = ""
    """Empty when the bytes did not tell."""
    channel_order_id: str = ""
    """Empty when the bytes did not tell."""
    source: str
    """Where it came from: `topic/partition/offset`, or the HTTP route."""
    headers: dict[str, str] = Field(default={})
    """The original headers, as far as they are text."""
    original: str
    """The original bytes, base64; of a message over 2 MiB the first 2 MiB."""

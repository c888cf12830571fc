"""Values that several services speak of: addresses, lines, fulfilments, amounts."""

from typing import Literal

from pydantic import Field

from shared.events.payload import (
    Attributes,
    CountryCode,
    CurrencyCode,
    FulfilmentId,
    Instant,
    LineId,
    Location,
    MinorUnits,
    Name,
    Priority,
    Quantity,
    Sku,
    Text,
    Value,
)


class Address(Value):
    """A postal address."""

    name: Name
    """Who receives there."""
    street: Text = ""
    """Street and number; several lines are joined by a line feed. Empty where it is not known."""
    city: str = Field(default="", max_length=200)
    """Empty where it is not known."""
    postal_code: str = ""
    """Empty where the country has none."""
    region: str = ""
    """State, province or county, as written locally."""
    country: CountryCode


class Customer(Value):
    """Who ordered."""

    id: Name
    """The customer's identifier in the channel or the shop."""
    name: Name
    email: str = ""
    """Where notices go; empty when the customer gave none."""
    phone: str = ""
    """As the customer wrote it."""
    language: Literal["en", "zh"] = "en"
    """The language of the notices."""


class PaymentMethod(Value):
    """How the customer pays."""

    kind: Literal["card", "prepaid"]
    """`card` is authorised at the gateway; `prepaid` was paid in the channel already."""
    token: str = ""
    """The gateway's token for a card."""
    reference: str = ""
    """The channel's reference of a payment already made."""


class OrderLine(Value):
    """One line as placed; its money is frozen here and never prorated again."""

    line_id: LineId
    sku: Sku
    name: str
    """What the customer sees; may be empty."""
    quantity: Quantity
    """Whole units ordered."""
    unit_price: MinorUnits
    """Price of one unit before discount and tax, in minor units."""
    discount: MinorUnits
    """Discount on the whole line, in minor units."""
    tax: MinorUnits
    """Tax on the whole line, in minor units."""
    value: MinorUnits
    """What the customer pays for the whole line, with its shares of order discount, shipping charge and order tax,
    in minor units. The values of all lines add up to the order's total."""


class OrderContent(Value):
    """What was ordered, frozen when placed."""

    channel: Name
    channel_order_id: Name
    channel_updated_at: Instant
    placed_at: Instant
    customer: Customer
    shipping_address: Address
    billing_address: Address | None = None
    """None: the same as the shipping address."""
    currency: CurrencyCode
    lines: tuple[OrderLine, ...]
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
    priority: Priority = 0
    delivery: Literal["ship", "collect"] = "ship"
    """`ship` to the address, or `collect` by the customer."""
    allow_partial: bool = False
    """Ship what there is and cancel the rest."""
    allow_backorder: bool = False
    """Wait for stock that is missing."""
    notes: Text = ""
    attributes: Attributes = Field(default={})


class RequestedLine(Value):
    """How many units of a line are wanted."""

    line_id: LineId
    sku: Sku
    quantity: Quantity


class FulfilmentPlan(Value):
    """Some quantities of some lines, sourced from one location."""

    fulfilment_id: FulfilmentId
    """`<order number>-F<n>`, unique within the order."""
    location: Location
    lines: tuple[RequestedLine, ...]
    """What leaves from the location."""


class Shortage(Value):
    """What can't be served from stock."""

    line_id: LineId
    sku: Sku
    missing: Quantity
    """Units that are not available."""

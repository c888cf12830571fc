"""Values that several services speak of: addresses, lines, fulfilments, amounts."""

from typing import Literal

from pydantic import Field

from shared.events.payload import (
    CountryCode,
    CurrencyCode,
    Instant,
    MinorUnits,
    Name,
    Quantity,
    Text,
    Value,
)


class Address(Value):
    """A postal address."""

    name: Name
    """Who receives there."""
    street: Text
    """Street and number; several lines are joined by a line feed."""
    city: Name
    postal_code: str = ""
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

    line_id: Name
    sku: Name
    name: str
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
    currency: CurrencyCode
    lines: tuple[OrderLine, ...]
    order_discount: MinorUnits = 0
    shipping_charge: MinorUnits = 0
    tax: MinorUnits = 0
    """Tax on the order that stands on no line, in minor units."""
    total: MinorUnits
    payment: PaymentMethod
    requested_delivery: Instant | None = None
    priority: int = 0
    """Higher goes first."""
    delivery: Literal["ship", "collect"] = "ship"
    allow_partial: bool = False
    allow_backorder: bool = False
    notes: Text = ""
    attributes: dict[str, str] = Field(default={})


class RequestedLine(Value):
    """How many units of a line are wanted."""

    line_id: Name
    sku: Name
    quantity: Quantity


class FulfilmentPlan(Value):
    """Some quantities of some lines, sourced from one location."""

    fulfilment_id: Name
    """`<order number>-F<n>`, unique within the order."""
    location: Name
    lines: tuple[RequestedLine, ...]


class Shortage(Value):
    """What can't be served from stock."""

    line_id: Name
    sku: Name
    missing: Quantity
    """Units that are not available."""

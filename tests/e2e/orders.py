"""Orders as a channel states them, each with ids of its own so that no test disturbs another."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from services.order.domain.number import order_number
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.values import Address, Customer, PaymentMethod

_RUN = uuid.uuid4().hex[:6]
_numbers = itertools.count(1)

BOSTON = Address(
    name="Ada Byron", street="5 Main St", city="Boston", postal_code="02108", region="MA", country="US"
)
VISA = "tok_visa"
NOWHERE = BOSTON.model_copy(update={"city": "Nowhere"})
"""The carrier refuses it."""


def fresh(kind: str) -> str:
    """A name that nobody else has."""
    return f"{kind}-{_RUN}-{next(_numbers)}"


def card(token: str = VISA) -> PaymentMethod:
    """A card; the gateway has tokens that force an outcome."""
    return PaymentMethod(kind="card", token=token)


def a_line(sku: str, quantity: int = 1, *, line_id: str = "1", **changes: Any) -> ChannelOrderLine:
    """A line; a unit costs 10.00 unless stated otherwise."""
    return ChannelOrderLine(line_id=line_id, sku=sku, quantity=quantity, **{"unit_price": 1_000, **changes})


def an_order(*lines: ChannelOrderLine, **changes: Any) -> ChannelOrderReceived:
    """An order of these lines whose total adds up; `changes` are fields of the message."""
    name = fresh("order")
    now = datetime.now(UTC)
    total = sum(line.quantity * line.unit_price - line.discount + line.tax for line in lines)
    total += changes.get("shipping_charge", 0) + changes.get("tax", 0) - changes.get("order_discount", 0)
    stated: dict[str, Any] = {
        "channel": "web",
        "channel_order_id": name,
        "channel_updated_at": now,
        "placed_at": now,
        "customer": Customer(id=f"customer-of-{name}", name="Ada Byron", email=f"{name}@example.com"),
        "shipping_address": BOSTON,
        "currency": "USD",
        "lines": lines,
        "total": total,
        "payment": card(),
    }
    return ChannelOrderReceived(**{**stated, **changes})


def restated(order: ChannelOrderReceived, *, minutes: float, **changes: Any) -> ChannelOrderReceived:
    """The same order as its channel states it so many minutes later, or earlier."""
    return order.model_copy(
        update={"channel_updated_at": order.channel_updated_at + timedelta(minutes=minutes), **changes}
    )


def number_of(order: ChannelOrderReceived) -> str:
    """The number that the order has or will have; everyone can compute it."""
    return order_number(order.channel, order.channel_order_id)

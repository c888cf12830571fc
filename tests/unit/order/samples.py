"""Orders to test with."""

from datetime import UTC, datetime
from typing import Any

from services.order.domain.messages import TakeChannelOrder
from services.order.domain.number import order_number
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.values import Address, Customer, FulfilmentPlan, PaymentMethod, RequestedLine

NUMBER = order_number("web", "1001")
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CARD = PaymentMethod(kind="card", token="tok_1")
OTHER_CARD = PaymentMethod(kind="card", token="tok_2")
ADDRESS = Address(name="Ada Byron", street="1 Main Street", city="Springfield", postal_code="12345", country="US")


def line(line_id: str = "L1", sku: str = "A", quantity: int = 2, unit_price: int = 500, **changes: Any) -> Any:
    """One line of a channel's order."""
    return ChannelOrderLine(line_id=line_id, sku=sku, quantity=quantity, unit_price=unit_price, **changes)


def channel_order(**changes: Any) -> ChannelOrderReceived:
    """Two units of A at 5.00 and one of B at 3.00."""
    lines = changes.pop("lines", (line(), line("L2", "B", 1, 300)))
    total = sum(one.quantity * one.unit_price - one.discount + one.tax for one in lines)
    total += changes.get("shipping_charge", 0) + changes.get("tax", 0) - changes.get("order_discount", 0)
    fields: dict[str, Any] = {
        "channel": "web",
        "channel_order_id": "1001",
        "channel_updated_at": T0,
        "placed_at": T0,
        "customer": Customer(id="C1", name="Ada Byron", email="ada@example.org"),
        "shipping_address": ADDRESS,
        "currency": "USD",
        "lines": lines,
        "total": total,
        "payment": CARD,
    }
    return ChannelOrderReceived(**(fields | changes))


def take(order: ChannelOrderReceived | None = None, original: str = "e30=", **changes: Any) -> TakeChannelOrder:
    """The intake's message for an order."""
    return TakeChannelOrder(
        order_number=NUMBER,
        order=order or channel_order(**changes),
        source="channel.orders/0/7",
        headers={"ce_id": "1"},
        original_base64=original,
    )


def plan(number: int, *lines: tuple[str, str, int], location: str = "EAST") -> FulfilmentPlan:
    """A fulfilment of (line id, SKU, quantity)."""
    return FulfilmentPlan(
        fulfilment_id=f"{NUMBER}-F{number}",
        location=location,
        lines=tuple(RequestedLine(line_id=one, sku=sku, quantity=quantity) for one, sku, quantity in lines),
    )


F1, F2 = f"{NUMBER}-F1", f"{NUMBER}-F2"
WHOLE = (plan(1, ("L1", "A", 2), ("L2", "B", 1)),)
"""Everything in one fulfilment."""
SPLIT = (plan(1, ("L1", "A", 1), ("L2", "B", 1)), plan(2, ("L1", "A", 1), location="WEST"))
"""One unit of line L1 in each of two fulfilments."""

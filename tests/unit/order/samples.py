"""Orders to test with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.order.domain.messages import TakeChannelOrder
from services.order.domain.model import model
from services.order.domain.number import order_number
from services.order.domain.policy import Policy
from services.order.domain.review import Finding, Review, no_findings
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.inventory import ReservationKept, StockReserved
from shared.events.order import HoldReason, PayAgain
from shared.events.payload import Event, Payload
from shared.events.payment import PaymentAuthorised, PaymentCaptured, PaymentDeclined
from shared.events.shipping import ShipmentDelivered, ShipmentDispatched, ShipmentExceptionRaised
from shared.events.values import (
    Address,
    Customer,
    FulfilmentPlan,
    PaymentMethod,
    RequestedLine,
    Shortage,
)
from shared.eventsourcing.decider import Recorded
from shared.eventsourcing.testing import NOON, Scenario

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


ORDER_STREAM, PLACEMENT_STREAM = f"order-{NUMBER}", f"placement-{NUMBER}"
POLICY = Policy()
EXPIRES = POLICY.reservation_expires_at(NOON, allow_backorder=False)
KEPT = ReservationKept(order_number=NUMBER)
WINDOW_END = NOON + POLICY.payment_window
VALUE = 1300
"""Of the sample order, in minor units."""
PAY = PayAgain(order_number=NUMBER, payment=OTHER_CARD)


def of_order(*events: Event) -> tuple[Recorded, ...]:
    """Facts of the order's stream."""
    return tuple(Recorded(ORDER_STREAM, event) for event in events)


def of_placement(*events: Event) -> tuple[Recorded, ...]:
    """Facts of the placement's stream."""
    return tuple(Recorded(PLACEMENT_STREAM, event) for event in events)


def finding(reason: HoldReason = "amount_over_limit") -> Finding:
    return Finding(reason=reason, owner="sales", explanation="Look at it.")


def finds(occasion: str, *findings: Finding) -> Review:
    """A review that has something to say on one occasion."""
    return lambda facts: findings if facts.occasion == occasion else ()


def stock_reserved(
    plans: tuple[FulfilmentPlan, ...] = WHOLE, expires_at: datetime = EXPIRES, short: tuple[Shortage, ...] = ()
) -> StockReserved:
    return StockReserved(order_number=NUMBER, fulfilments=plans, short=short, expires_at=expires_at)


def authorised(attempt: int = 1, amount: int = VALUE) -> PaymentAuthorised:
    return PaymentAuthorised(
        order_number=NUMBER,
        attempt=attempt,
        amount=amount,
        currency="USD",
        authorisation_id=f"a{attempt}",
        expires_at=NOON + timedelta(days=7),
    )


def declined(attempt: int = 1) -> PaymentDeclined:
    return PaymentDeclined(order_number=NUMBER, attempt=attempt, decline_code="no_funds")


def dispatched(fulfilment_id: str = F1) -> ShipmentDispatched:
    return ShipmentDispatched(
        order_number=NUMBER,
        fulfilment_id=fulfilment_id,
        location="EAST",
        lines=(),
        carrier_service="ground",
        tracking_number="T1",
        estimated_delivery=None,
    )


def delivered(fulfilment_id: str = F1) -> ShipmentDelivered:
    return ShipmentDelivered(order_number=NUMBER, fulfilment_id=fulfilment_id, delivered_at=NOON)


def exception_raised(fulfilment_id: str = F1) -> ShipmentExceptionRaised:
    return ShipmentExceptionRaised(order_number=NUMBER, fulfilment_id=fulfilment_id, explanation="nobody at home")


def captured(fulfilment_id: str = F1, amount: int = VALUE) -> PaymentCaptured:
    return PaymentCaptured(
        order_number=NUMBER, fulfilment_id=fulfilment_id, capture_id="c1", amount=amount, currency="USD"
    )


def after(scenario: Scenario, *messages: Payload) -> Scenario:
    """The scenario after these messages, each of which a person may have sent."""
    for message in messages:
        scenario = scenario.when(message, actor="ann", reason="because").after
    return scenario


def new(review: Review = no_findings) -> Scenario:
    """Nothing ordered yet."""
    return Scenario(model(POLICY, review))


def reserving(review: Review = no_findings, **changes: Any) -> Scenario:
    """Approved, and waiting for the stock."""
    return after(new(review), take(**changes))


def authorising(
    plans: tuple[FulfilmentPlan, ...] = WHOLE, review: Review = no_findings, **changes: Any
) -> Scenario:
    """With its stock, and waiting for the payment."""
    return after(reserving(review, **changes), stock_reserved(plans))


def confirmed(plans: tuple[FulfilmentPlan, ...] = WHOLE, review: Review = no_findings, **changes: Any) -> Scenario:
    """Confirmed, and waiting until its stock is kept."""
    return after(authorising(plans, review, **changes), authorised())


def shipping(plans: tuple[FulfilmentPlan, ...] = WHOLE, review: Review = no_findings, **changes: Any) -> Scenario:
    """Confirmed, and with shipping."""
    return after(confirmed(plans, review, **changes), KEPT)

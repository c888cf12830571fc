"""Facts of one order as other services state them."""

from datetime import UTC, datetime
from typing import Literal

from shared.events.notification import ContactNoted, NoticeRequested
from shared.events.order import (
    OrderBackordered,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
    OrderReplaced,
    PaymentWindowOpened,
)
from shared.events.shipping import DeliveryDelayed, ShipmentDelivered, ShipmentDispatched
from shared.events.values import (
    Address,
    Customer,
    FulfilmentPlan,
    OrderContent,
    OrderLine,
    PaymentMethod,
    RequestedLine,
    Shortage,
)

NUMBER = "SO-7"
STREAM = "notice-SO-7"
THURSDAY = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
CARD = PaymentMethod(kind="card", token="tok_visa")
PREPAID = PaymentMethod(kind="prepaid", reference="paypal-77")
WANTED = RequestedLine(line_id="1", sku="TEA", quantity=3)


def content(
    *,
    email: str = "ada@example.com",
    name: str = "Ada Byron",
    language: str = "en",
    payment: PaymentMethod = CARD,
    delivery: Literal["ship", "collect"] = "ship",
    total: int = 1_500,
) -> OrderContent:
    address = Address(name=name, street="5 Main St", city="Boston", country="US")
    line = OrderLine(
        line_id="1", sku="TEA", name="Tea", quantity=3, unit_price=500, discount=1_500 - total, tax=0, value=total
    )
    return OrderContent(
        channel="web",
        channel_order_id="W-1",
        channel_updated_at=THURSDAY,
        placed_at=THURSDAY,
        customer=Customer.model_validate({"id": "C-1", "name": name, "email": email, "language": language}),
        shipping_address=address,
        currency="USD",
        lines=(line,),
        total=total,
        payment=payment,
        delivery=delivery,
    )


PLACED = OrderPlaced(order_number=NUMBER, content=content())
REPLACED = OrderReplaced(order_number=NUMBER, content=content(email="ada@example.org"))
WITHOUT_ADDRESS = OrderPlaced(order_number=NUMBER, content=content(email=""))
CONFIRMED = OrderConfirmed(
    order_number=NUMBER,
    amount=1_500,
    currency="USD",
    fulfilments=(FulfilmentPlan(fulfilment_id="SO-7-F1", location="EAST", lines=(WANTED,)),),
)
BACKORDERED = OrderBackordered(
    order_number=NUMBER,
    waiting=(Shortage(line_id="1", sku="TEA", missing=2), Shortage(line_id="2", sku="POT", missing=1)),
)
CANCELLED = OrderCancelled(order_number=NUMBER, cause="shortage")
DECLINED = PaymentWindowOpened(order_number=NUMBER, decline_code="do_not_honour", until=THURSDAY)
DELAYED = DeliveryDelayed(order_number=NUMBER, fulfilment_id="SO-7-F1", estimated_delivery=THURSDAY)
DELIVERED = ShipmentDelivered(order_number=NUMBER, fulfilment_id="SO-7-F1", delivered_at=THURSDAY)


def dispatched(fulfilment_id: str = "SO-7-F1", estimated: datetime | None = THURSDAY) -> ShipmentDispatched:
    return ShipmentDispatched(
        order_number=NUMBER,
        fulfilment_id=fulfilment_id,
        location="EAST",
        lines=(WANTED,),
        carrier_service="economy",
        tracking_number="CR123",
        estimated_delivery=estimated,
    )


CONTACT = ContactNoted(order_number=NUMBER, name="Ada Byron", email="ada@example.com", language="en")


CONFIRMATION_FACTS = {"amount": "1500", "currency": "USD", "parcels": "1"}


def requested(asked: int = 1, email: str = "ada@example.com", name: str = "Ada Byron") -> NoticeRequested:
    """The confirmation of the order, offered to the mail server."""
    return NoticeRequested(
        order_number=NUMBER,
        notice_id="SO-7-confirmation",
        kind="confirmation",
        email=email,
        name=name,
        language="en",
        facts={**CONFIRMATION_FACTS, "payment": "card", "delivery": "ship"},
        asked=asked,
    )

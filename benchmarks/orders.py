"""Orders for the benchmarks: three lines each, nothing in them that leaves the five services unless asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from channels.publishing import IntakeMessage, intake_message
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.inventory import ReceiveStock
from shared.events.values import Address, Customer, PaymentMethod

SKUS = 300
PLENTY = 100_000_000
TOKEN = "tok_bench"


def stock(skus: int = SKUS, quantity: int = PLENTY) -> list[ReceiveStock]:
    """So much that nothing ever runs out."""
    return [ReceiveStock(sku=f"bench-{one}", location="WH-EAST", quantity=quantity) for one in range(skus)]


def orders(
    count: int, *, card: bool = False, delivery: Literal["ship", "collect"] = "collect", skus: int = SKUS
) -> Iterator[ChannelOrderReceived]:
    """`count` orders of three lines: prepaid or paid by card, collected or shipped."""
    run = uuid4().hex[:12]
    placed = datetime.now(UTC)
    kind = PaymentMethod(kind="card", token=TOKEN) if card else PaymentMethod(kind="prepaid", reference="paid")
    address = Address(
        name="B. Mark", street="1 Bench Street", city="Boston", postal_code="02101", region="MA", country="US"
    )
    customer = Customer(id="bench", name="B. Mark")
    for number in range(count):
        lines = tuple(
            ChannelOrderLine(
                line_id=str(line), sku=f"bench-{(number * 3 + line) % skus}", quantity=1, unit_price=1_000
            )
            for line in range(3)
        )
        yield ChannelOrderReceived(
            channel="bench",
            channel_order_id=f"{run}-{number}",
            channel_updated_at=placed,
            placed_at=placed,
            customer=customer,
            shipping_address=address,
            currency="USD",
            lines=lines,
            total=3_000,
            payment=kind,
            delivery=delivery,
        )


def messages(
    count: int, *, card: bool = False, delivery: Literal["ship", "collect"] = "collect"
) -> list[IntakeMessage]:
    """Orders as they travel, made before the clock runs: the channel's own work is not the saga's."""
    return [intake_message(order) for order in orders(count, card=card, delivery=delivery)]

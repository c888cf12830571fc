"""A basket as an order of its store's channel.

How the money of a line maps: its shelf value is what the retailer received, plus the loyalty discount, plus the
retailer's match of a coupon. The unit price is the shelf value by the quantity, rounded up to a cent. The discount
is all that lies between quantity x unit price and what the customer paid: loyalty discount, coupon match, cents of
rounding, and the manufacturer's coupon (the data set counts it as received by the retailer, for the manufacturer
pays it back). So each line's value is what was paid, and the total is their sum. Tax is 0: the data set has none.
"""

from datetime import timedelta

from channels.completejourney.baskets import Basket, BasketLine
from channels.completejourney.draws import draw
from channels.completejourney.households import address_of, customer_of, payment_of
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived

PARTIAL_SHARE = 0.3
"""Of the orders that may be shipped in part."""
BACKORDER_SHARE = 0.2
"""Of the orders that wait for missing stock."""
PRIORITY_SHARE = 0.05
"""Of the orders that go first."""


def order_of(basket: Basket) -> ChannelOrderReceived:
    """The order that a basket stands for."""
    lines = tuple(_line(number, line) for number, line in enumerate(basket.lines, start=1))
    return ChannelOrderReceived(
        channel=f"store-{basket.store_id}",
        channel_order_id=str(basket.basket_id),
        channel_updated_at=basket.bought_at,
        placed_at=basket.bought_at,
        customer=customer_of(basket.household_id),
        shipping_address=address_of(basket.household_id),
        currency="USD",
        lines=lines,
        total=total_of(lines),
        payment=payment_of(basket.household_id),
        priority=10 if draw("priority", basket.basket_id) < PRIORITY_SHARE else 0,
        allow_partial=draw("partial", basket.basket_id) < PARTIAL_SHARE,
        allow_backorder=draw("backorder", basket.basket_id) < BACKORDER_SHARE,
    )


def restated(order: ChannelOrderReceived, later: timedelta, line: int) -> ChannelOrderReceived:
    """The same order as its channel states it at another time, with one unit more on the line at this place."""
    changed = order.lines[line]
    lines = (
        *order.lines[:line],
        changed.model_copy(update={"quantity": changed.quantity + 1}),
        *order.lines[line + 1 :],
    )
    moment = order.channel_updated_at + later
    return order.model_copy(update={"channel_updated_at": moment, "lines": lines, "total": total_of(lines)})


def total_of(lines: tuple[ChannelOrderLine, ...]) -> int:
    """What the lines add up to, in cents."""
    return sum(line.quantity * line.unit_price - line.discount + line.tax for line in lines)


def _line(number: int, line: BasketLine) -> ChannelOrderLine:
    unit_price = -(-line.shelf_value // line.quantity)
    return ChannelOrderLine(
        line_id=str(number),
        sku=str(line.product_id),
        name=line.name,
        quantity=line.quantity,
        unit_price=unit_price,
        discount=line.quantity * unit_price - line.paid,
    )

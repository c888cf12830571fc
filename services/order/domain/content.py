"""What was ordered: the channel's statement with the money of its lines frozen."""

import hashlib

from shared.events.apportionment import apportion
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.values import OrderContent, OrderLine


def net(line: ChannelOrderLine) -> int:
    """A line by itself, in minor units; below zero where its discount is larger than its price and tax."""
    return line.quantity * line.unit_price - line.discount + line.tax


def stated_total(order: ChannelOrderReceived) -> int:
    """What the parts of the order add up to, in minor units."""
    lines = sum(net(line) for line in order.lines)
    return lines - order.order_discount + order.shipping_charge + order.tax


def frozen(order: ChannelOrderReceived) -> OrderContent:
    """The order with the value of each line: the total, shared by what each line is worth by itself.

    Sharing the total, and not discount, shipping and tax one by one, keeps every value at zero or above
    however large the discount is, and the values add up to the total.
    """
    values = apportion(order.total, [max(0, net(line)) for line in order.lines])
    lines = tuple(
        OrderLine(
            line_id=line.line_id,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            tax=line.tax,
            value=value,
        )
        for line, value in zip(order.lines, values, strict=True)
    )
    return OrderContent(
        channel=order.channel,
        channel_order_id=order.channel_order_id,
        channel_updated_at=order.channel_updated_at,
        placed_at=order.placed_at,
        customer=order.customer,
        shipping_address=order.shipping_address,
        billing_address=order.billing_address,
        currency=order.currency,
        lines=lines,
        order_discount=order.order_discount,
        shipping_charge=order.shipping_charge,
        tax=order.tax,
        total=order.total,
        payment=order.payment,
        requested_delivery=order.requested_delivery,
        priority=order.priority,
        delivery=order.delivery,
        allow_partial=order.allow_partial,
        allow_backorder=order.allow_backorder,
        notes=order.notes,
        attributes=dict(sorted(order.attributes.items())),
    )


def digest(content: OrderContent) -> str:
    """Tells whether two statements say the same, apart from their time."""
    stated = content.model_dump_json(
        exclude={"channel_updated_at": True, "lines": {"__all__": {"value": True}}}, exclude_defaults=True
    )
    return hashlib.sha256(stated.encode()).hexdigest()


def skus_of(content: OrderContent) -> tuple[str, ...]:
    """Every SKU of the order, each once, in the order of the lines."""
    return tuple(dict.fromkeys(line.sku for line in content.lines))

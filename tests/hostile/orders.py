"""Real orders, as their channels send them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from channels.completejourney.fixture import Fixture
from channels.publishing import intake_message
from shared.events.channel import ChannelOrderReceived

BASKETS = 60
MOST_LINES = 15

Step = str | int
Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A good message, taken apart."""

    order: ChannelOrderReceived
    tree: dict[str, Any]
    paths: tuple[tuple[Step, ...], ...]
    """The way to each value of the tree."""
    key: bytes
    value: bytes
    headers: Headers


@cache
def samples() -> Sequence[Sample]:
    """Small baskets of the real data set, some of them with every field that there is."""
    baskets = (_apart(one.order) for one in Fixture(BASKETS * 5) if len(one.order.lines) <= MOST_LINES)
    return [
        _sample(_whole(order) if place % 4 == 0 else order) for place, order in enumerate(islice(baskets, BASKETS))
    ]


def good_order(name: str, number: int) -> ChannelOrderReceived:
    """An order that nobody else sends."""
    known = samples()
    changes = {"channel": "good", "channel_order_id": name}
    return known[number % len(known)].order.model_copy(update=changes)


def _apart(order: ChannelOrderReceived) -> ChannelOrderReceived:
    """The order with names of its own: where real orders are tested as well, nobody gets in the other's way."""
    lines = tuple(line.model_copy(update={"sku": f"hostile-{line.sku}"}) for line in order.lines)
    return order.model_copy(update={"channel": f"hostile-{order.channel}", "lines": lines})


def _whole(order: ChannelOrderReceived) -> ChannelOrderReceived:
    changes = {
        "billing_address": order.shipping_address,
        "order_discount": 0,
        "shipping_charge": 490,
        "tax": 37,
        "total": order.total + 527,
        "requested_delivery": order.placed_at,
        "delivery": "collect",
        "notes": "Ring twice. \u8bf7\u6309\u95e8\u94c3\u3002",
        "attributes": {"colour": "blue", "gift": "\U0001f381"},
    }
    return order.model_copy(update=changes)


def _sample(order: ChannelOrderReceived) -> Sample:
    message = intake_message(order)
    tree = json.loads(message.value)
    return Sample(order, tree, tuple(_paths(tree)), message.key, message.value, tuple(message.headers))


def _paths(node: Any, way: tuple[Step, ...] = ()) -> list[tuple[Step, ...]]:
    found = [way] if way else []
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, part in parts:
        found += _paths(part, (*way, step))
    return found

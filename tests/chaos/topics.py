"""What stands in the topics after a run: what was given back, and what the order service stated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from oms.client import Client
from shared.events.order import CancellationRefused, OrderPlaced
from tests.e2e.kafka import messages_of

Row = Mapping[str, Any]


@dataclass(slots=True)
class OrderFacts:
    """Facts on `order.events` by their id: what was published twice is one fact."""

    placed: dict[bytes, Row] = field(default_factory=dict)
    """Number, channel and the channel's own id of what was placed."""
    called_back_too_late: set[str] = field(default_factory=set)
    """Numbers of orders whose cancellation was taken, and then refused because a parcel had left."""


async def order_facts(client: Client) -> OrderFacts:
    """What the order service has told everybody."""
    found = OrderFacts()
    async for message in messages_of(client.stack.kafka, client.stack.topic_prefix, "order.events"):
        match message.headers["ce_type"].decode():
            case OrderPlaced.wire_type:
                fact = _fields(message.value)
                content = {name: fact["content"][name] for name in ("channel", "channel_order_id")}
                found.placed[message.headers["ce_id"]] = {"order_number": fact["order_number"], **content}
            case CancellationRefused.wire_type:
                found.called_back_too_late.add(_fields(message.value)["order_number"])
            case _:
                pass
    return found


async def given_back(client: Client) -> list[str]:
    """The originals of all that was rejected."""
    rejected = messages_of(client.stack.kafka, client.stack.topic_prefix, "channel.rejected")
    return [_fields(message.value)["original"] async for message in rejected]


def _fields(value: bytes) -> Row:
    fields: Row = orjson.loads(value)
    return fields

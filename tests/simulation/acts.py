"""What people ask of the services, as commands, and what they see of an order when they do."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from services.order.domain.messages import TakeChannelOrder
from services.order.domain.number import order_number
from services.order.reading import read_order
from shared.events.channel import ChannelOrderReceived
from shared.events.inventory import AdjustStock, CountStock, ReceiveStock, SetStockLevels, TransferStock
from shared.events.order import ApproveOrder, CancelOrder, OpenHold, PayAgain, RejectOrder, ReleaseHold
from shared.events.payload import Payload
from shared.events.payment import RefundPayment
from shared.events.values import PaymentMethod
from shared.eventsourcing.ids import keyed_id
from tests.simulation.workload import OrderAct, StockAct
from tests.simulation.world import World

SHOP = "shop"
"""The caller who posts orders."""


def stock_command(act: StockAct) -> Payload:
    """What somebody asks of the warehouse."""
    match act.deed:
        case "receive":
            return ReceiveStock(sku=act.sku, location=act.location, quantity=act.quantity)
        case "count":
            return CountStock(sku=act.sku, location=act.location, counted=act.quantity)
        case "adjust":
            return AdjustStock(sku=act.sku, location=act.location, change=-act.quantity, cause="damage")
        case "transfer":
            return TransferStock(sku=act.sku, origin=act.location, destination=act.to, quantity=act.quantity)
        case "levels":
            return SetStockLevels(sku=act.sku, safety_stock=act.quantity, reorder_point=act.quantity)


def order_commands(world: World, act: OrderAct) -> Iterator[tuple[str, Payload]]:
    """What somebody asks of which service about an order."""
    number = act.number
    match act.deed:
        case "cancel":
            yield "order", CancelOrder(order_number=number, cause="customer")
        case "hold":
            yield "order", OpenHold(order_number=number, explanation="a look")
        case "release":
            for hold in list(holds_of(world, number))[:1]:
                yield "order", ReleaseHold(order_number=number, hold_id=hold)
        case "approve":
            yield "order", ApproveOrder(order_number=number)
        case "reject":
            yield "order", RejectOrder(order_number=number)
        case "pay_again":
            yield "order", PayAgain(order_number=number, payment=PaymentMethod(kind="card", token="tok_visa"))
        case "refund":
            yield "payment", RefundPayment(order_number=number, refund_id="R1", amount=499, currency="USD")
        case "publish" | "post":
            raise AssertionError("an order comes with a statement")


def posted(act: OrderAct) -> tuple[TakeChannelOrder, UUID, bytes]:
    """What `POST /orders` makes of a request: the message, its id, and the digest of the body."""
    assert act.statement is not None, "an order comes with a statement"
    body = act.statement.model_dump_json().encode()
    order = read_order(body)
    assert isinstance(order, ChannelOrderReceived), order
    message = TakeChannelOrder(
        order_number=order_number(order.channel, order.channel_order_id), order=order, source="POST /orders"
    )
    return message, keyed_id("orders", SHOP, act.key), sha256(body).digest()


def order_state(world: World, number: str) -> dict[str, Any]:
    """The state of an order as its service stores it; empty if there is none."""
    row = world.sites["order"].tables.streams.get(f"order-{number}")
    state: dict[str, Any] = orjson.loads(row.state) if row else {}
    return state


def holds_of(world: World, number: str) -> dict[str, str]:
    """The open holds of an order, with their reasons."""
    holds = order_state(world, number).get("dossier", {}).get("holds", ())
    return {hold["hold_id"]: hold["reason"] for hold in holds}

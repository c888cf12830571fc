"""The load of one seed: orders that compete for stock, messages that come twice, out of order or as rubbish."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Literal

from channels.publishing import IntakeMessage, intake_message
from services.order.domain.number import order_number
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.inventory import ReceiveStock
from shared.events.values import Address, Customer, PaymentMethod

LOCATIONS = ("WH-EAST", "WH-CENTRAL", "WH-WEST")
PLENTIFUL, SCARCE = 200, 20
"""SKUs of which there is enough for everybody, and SKUs that run out."""
PLENTY = 10_000_000
SCARCE_SHARE = 0.15
"""Orders that want a scarce SKU."""
COVERED = 0.5
"""The part of that demand which there is stock for."""
BOSTON = Address(
    name="Ada Byron", street="5 Main St", city="Boston", postal_code="02108", region="MA", country="US"
)

CHANNEL = "chaos"

What = Literal["order", "double", "older", "poison"]
Door = Literal["topic", "http"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """Shares of the orders that a bad channel or network treats badly, and of those that fail in business."""

    doubled: float = 0.05
    held_back: float = 0.05
    """Half of these are overtaken by other orders, half by a newer statement of themselves."""
    poison: float = 0.001
    declined: float = 0.02
    cancelled: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One message and when it is sent, in seconds from the beginning of the load."""

    at_s: float
    what: What
    message: IntakeMessage
    door: Door = "topic"
    """Whether it is published, or sent by `POST /orders` under the order's own idempotency key."""
    order: ChannelOrderReceived | None = None
    """What an `order` states."""
    cancelled_after_s: float | None = None
    """When its customer calls it off over HTTP."""

    @property
    def number(self) -> str:
        """The number of the order that it is about."""
        return order_number(CHANNEL, self.message.key.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much of what is sent."""

    seed: int
    rate: float
    """Orders a second."""
    seconds: float
    mischief: Mischief = Mischief()

    @property
    def orders(self) -> int:
        return round(self.rate * self.seconds)

    def stock(self) -> list[ReceiveStock]:
        """Plenty of most goods, and too little of the scarce ones, at several locations."""
        dice = Random(f"{self.seed}/stock")
        scarce = max(1, round(self.orders * SCARCE_SHARE * COVERED / SCARCE))
        received = [
            ReceiveStock(sku=f"plenty-{one}", location=dice.choice(LOCATIONS), quantity=PLENTY)
            for one in range(PLENTIFUL)
        ]
        for one in range(SCARCE):
            east = scarce // 2
            parts = {"WH-EAST": east, "WH-WEST": scarce - east}
            received += [
                ReceiveStock(sku=f"scarce-{one}", location=location, quantity=quantity)
                for location, quantity in parts.items()
                if quantity
            ]
        return received

    def sendings(self, began: datetime) -> Iterator[Sending]:
        """All messages in the order in which they are sent."""
        dice, waiting, ties = Random(f"{self.seed}/traffic"), list[tuple[float, int, Sending]](), count()
        for number in range(self.orders):
            at_s = number / self.rate
            while waiting and waiting[0][0] <= at_s:
                yield heapq.heappop(waiting)[2]
            for sending in _messages(dice, self, number, at_s, began):
                heapq.heappush(waiting, (sending.at_s, next(ties), sending))
        while waiting:
            yield heapq.heappop(waiting)[2]


def _messages(dice: Random, load: Load, number: int, at_s: float, began: datetime) -> Iterator[Sending]:
    """All messages about one order, and now and then one about nothing; every second order comes over HTTP."""
    mischief = load.mischief
    door: Door = "http" if number % 2 else "topic"
    order = _order(dice, load, number, began + timedelta(seconds=at_s))
    message = intake_message(order)
    cancelled = dice.uniform(0, 5) if dice.random() < mischief.cancelled else None
    later = dice.uniform(0.5, 3)
    older = None
    if dice.random() < mischief.held_back:
        if dice.random() < 0.5:
            at_s += later
        else:
            older = intake_message(_as_it_was(order))
    yield Sending(at_s=at_s, what="order", message=message, door=door, order=order, cancelled_after_s=cancelled)
    if older is not None:
        yield Sending(at_s=at_s + later, what="older", message=older)
    if dice.random() < mischief.doubled:
        copy, by = (message, door) if dice.random() < 0.5 else (_under_another_id(dice, message), "topic")
        yield Sending(at_s=at_s + dice.choice((0.0, dice.uniform(0, 5))), what="double", message=copy, door=by)
    if dice.random() < mischief.poison:
        yield Sending(at_s=at_s, what="poison", message=_poison(dice, message, number))


def _order(dice: Random, load: Load, number: int, placed: datetime) -> ChannelOrderReceived:
    skus = [f"plenty-{one}" for one in dice.sample(range(PLENTIFUL), dice.choice((1, 1, 2, 3)))]
    if dice.random() < SCARCE_SHARE:
        skus.append(f"scarce-{dice.randrange(SCARCE)}")
    lines = tuple(
        ChannelOrderLine(line_id=str(place), sku=sku, quantity=_quantity(dice, sku), unit_price=1_000)
        for place, sku in enumerate(skus, 1)
    )
    name = f"chaos-{load.seed}-{number}"
    return ChannelOrderReceived(
        channel=CHANNEL,
        channel_order_id=name,
        channel_updated_at=placed,
        placed_at=placed,
        customer=Customer(id=f"customer-{dice.randrange(1_000)}", name="Ada Byron", email=_email(dice, number)),
        shipping_address=BOSTON,
        currency="USD",
        lines=lines,
        total=sum(line.quantity * line.unit_price for line in lines),
        payment=_payment(dice, load.mischief, name),
        delivery=dice.choice(("ship", "collect")),
        allow_backorder=dice.random() < 0.2,
    )


def _quantity(dice: Random, sku: str) -> int:
    return 1 if sku.startswith("scarce") else dice.randint(1, 3)


def _email(dice: Random, number: int) -> str:
    """Every second customer wants to be told."""
    return f"customer-{number}@example.com" if dice.random() < 0.5 else ""


def _payment(dice: Random, mischief: Mischief, name: str) -> PaymentMethod:
    if dice.random() < mischief.declined:
        return PaymentMethod(kind="card", token="tok_decline")
    if dice.random() < 0.5:
        return PaymentMethod(kind="card", token="tok_visa")
    return PaymentMethod(kind="prepaid", reference=f"paid-{name}")


def _as_it_was(order: ChannelOrderReceived) -> ChannelOrderReceived:
    """An earlier statement of the order, with one unit more; it must not count."""
    first, *others = order.lines
    more = first.model_copy(update={"quantity": first.quantity + 1})
    return order.model_copy(
        update={
            "lines": (more, *others),
            "total": order.total + first.unit_price,
            "channel_updated_at": order.channel_updated_at - timedelta(seconds=10),
        }
    )


def _under_another_id(dice: Random, message: IntakeMessage) -> IntakeMessage:
    """The same statement from a channel that makes an id for each sending."""
    identity = f"again-{dice.getrandbits(64):016x}".encode()
    headers = [(name, identity if name == "ce_id" else value) for name, value in message.headers]
    return message._replace(headers=headers)


def _poison(dice: Random, message: IntakeMessage, number: int) -> IntakeMessage:
    """Bytes that are no order, each unlike any other, under the key of one that is."""
    mark = f"poison {number} ".encode()
    match dice.randrange(4):
        case 0:
            return IntakeMessage(message.key, mark + dice.randbytes(200), message.headers)
        case 1:
            return IntakeMessage(message.key, mark + message.value[: len(message.value) // 2], message.headers)
        case 2:
            return IntakeMessage(message.key, b'{"poison": %d}' % number, message.headers)
        case _:
            headers = [(name, value) for name, value in message.headers if not name.startswith("ce_")]
            return IntakeMessage(message.key, mark + b"[" * 5_000, headers)

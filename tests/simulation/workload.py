"""What customers, channels, warehouses and operators do in one world: drawn from a seed, and aimed at races."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from random import Random
from typing import Literal

from services.order.domain.number import order_number
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.values import Address, Customer, PaymentMethod
from shared.eventsourcing.lanes import LANES, lane_of
from shared.eventsourcing.memory.virtual_time import EPOCH

LOCATIONS = ("WH-EAST", "WH-CENTRAL", "WH-WEST")
PLACES = (("Boston", "MA"), ("Chicago", "IL"), ("Portland", "OR"))
LASTS_S = 20.0
"""The workload and the faults fall into the first seconds of a world."""

MOMENTS = (
    "order.approved.v1",
    "inventory.stock-reserved.v1",
    "payment.authorisation-requested.v1",
    "payment.authorised.v1",
    "order.confirmed.v1",
    "shipping.label-requested.v1",
    "shipping.handover-requested.v1",
    "payment.capture-requested.v1",
)
"""Facts after which something is under way."""
POSTED = 1 / 3
"""The part of the statements that come over HTTP."""
AIMED = 0.15
"""The part of the orders about which somebody acts upon a fact."""
REFUNDED = 0.12
"""The part of the orders of which something is paid back."""

OrderDeed = Literal["publish", "post", "cancel", "hold", "release", "approve", "reject", "pay_again", "refund"]
StockDeed = Literal["receive", "count", "adjust", "transfer", "levels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAct:
    """Something that somebody does about an order."""

    at: float
    deed: OrderDeed
    number: str
    statement: ChannelOrderReceived | None = None
    """What is published or posted."""
    key: str = ""
    """The idempotency key under which it is posted."""
    times: int = 1
    """How often the channel sends the same message."""
    upon: str = ""
    """The fact about the order that it waits for, to fall into what that fact sets going."""
    late_s: float = 0.0
    """How long after that fact."""

    def __str__(self) -> str:
        stated = self.statement
        if stated is None:
            return f"{self.deed} order {self.number}" + (f" upon {self.upon}" if self.upon else "")
        lines = ", ".join(f"{line.quantity} {line.sku}" for line in stated.lines)
        flags = "".join(f" {name}" for name in ("allow_partial", "allow_backorder") if getattr(stated, name)) + (
            f" x{self.times}" if self.times > 1 else ""
        )
        how = stated.payment.token or stated.payment.kind
        under = f" under {self.key}" if self.key else ""
        return f"{self.deed} order {self.number}{under}: {lines}; {stated.total} by {how}{flags}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockAct:
    """Something that somebody does about one SKU."""

    at: float
    deed: StockDeed
    sku: str
    location: str
    quantity: int
    to: str = ""

    def __str__(self) -> str:
        return f"{self.deed} {self.quantity} {self.sku} at {self.location}" + (f" to {self.to}" if self.to else "")


Act = OrderAct | StockAct


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order with all that befalls it."""

    number: str
    acts: tuple[OrderAct, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """All that is done in a world; a part of it is a workload as well."""

    orders: tuple[PlannedOrder, ...]
    stock: tuple[StockAct, ...]

    def acts(self) -> Iterator[Act]:
        """Everything, in no particular order."""
        yield from self.stock
        for order in self.orders:
            yield from order.acts

    def statements(self) -> dict[str, list[ChannelOrderReceived]]:
        """What channels state about each order, by its number."""
        return {one.number: [act.statement for act in one.acts if act.statement] for one in self.orders}


def draw(random: Random, orders: int) -> Workload:
    """A workload of so many orders."""
    skus = [f"SKU-{number}" for number in range(1, random.randint(2, 5))]
    bursts = [random.uniform(0.5, LASTS_S / 2) for _ in range(random.randint(1, 4))]
    lanes = random.sample(range(LANES), 2) if random.random() < 0.3 else range(LANES)
    names = [_name(number, lanes) for number in range(1, orders + 1)]
    planned = tuple(_order(random, number, name, random.choice(bursts), skus) for number, name in enumerate(names))
    return Workload(planned, tuple(_stock(random, skus, orders)))


def _name(number: int, lanes: Container[int]) -> str:
    """The channel's name of an order whose lane is one of these: neighbours in a lane race for its head."""
    names = (f"W-{number}-{twin}" for twin in count())
    return next(name for name in names if lane_of(order_number("web", name)) in lanes)


def _stock(random: Random, skus: list[str], orders: int) -> Iterator[StockAct]:
    for sku in skus:
        for location in random.sample(LOCATIONS, random.randint(1, 3)):
            units = random.randint(1, max(2, orders))
            yield StockAct(at=0.0, deed="receive", sku=sku, location=location, quantity=units)
    for _ in range(max(2, orders // 4)):
        deeds: tuple[StockDeed, ...] = ("receive", "receive", "count", "adjust", "transfer", "levels")
        location, other = random.sample(LOCATIONS, 2)
        deed = random.choice(deeds)
        yield StockAct(
            at=random.uniform(0.5, LASTS_S),
            deed=deed,
            sku=random.choice(skus),
            location=location,
            quantity=random.randint(0, 2) if deed == "levels" else random.randint(1, 8),
            to=other if deed == "transfer" else "",
        )


def _order(random: Random, number: int, name: str, at: float, skus: list[str]) -> PlannedOrder:
    statement = _statement(random, number, name, skus)
    identity = order_number(statement.channel, statement.channel_order_id)
    at = round(at, 1) if random.random() < 0.8 else at + random.uniform(0, 2)
    acts = list(_stated(random, at, identity, statement))
    if random.random() < 0.15:
        restated = statement.model_copy(
            update={
                "channel_updated_at": statement.channel_updated_at + timedelta(seconds=random.choice((-5, 0, 5)))
            }
        )
        if random.random() < 0.6:
            again = _statement(random, number, name, skus)
            restated = again.model_copy(
                update={
                    "channel_updated_at": restated.channel_updated_at,
                    "customer": statement.customer,
                }
            )
        acts += _stated(random, at + random.choice((0.0, 0.01, 0.05, 0.5, 3.0)), identity, restated)
    acts += _operated(random, at, identity)
    return PlannedOrder(identity, tuple(acts))


def _stated(random: Random, at: float, identity: str, statement: ChannelOrderReceived) -> Iterator[OrderAct]:
    """An order comes over the topic, where a channel may err first, or over HTTP, where it may misuse a key."""
    if random.random() >= POSTED:
        if random.random() < 0.05:
            wrong = statement.model_copy(update={"total": statement.total + 1})
            yield OrderAct(at=at, deed="publish", number=identity, statement=wrong)
        times = 2 if random.random() < 0.1 else 1
        yield OrderAct(at=at, deed="publish", number=identity, statement=statement, times=times)
        return
    key = f"K-{random.randrange(10**6)}"
    yield OrderAct(at=at, deed="post", number=identity, statement=statement, key=key)
    late = random.choice((0.0, 0.01, 0.3, 3.0, 30.0))
    if random.random() < 0.2:
        yield OrderAct(at=at + late, deed="post", number=identity, statement=statement, key=key)
    if random.random() < 0.05:
        other = statement.model_copy(update={"attributes": {"note": "another body"}})
        yield OrderAct(at=at + late, deed="post", number=identity, statement=other, key=key)


def _operated(random: Random, at: float, identity: str) -> Iterator[OrderAct]:
    """Operators act soon after the order came, when most of it is still under way; some pay back what was paid."""
    if random.random() < REFUNDED:
        late = random.choice((0.0, 0.01, 0.1, 1.0, 5.0)) * random.uniform(0.5, 1.5)
        yield OrderAct(at=at, deed="refund", number=identity, upon="payment.captured.v1", late_s=late)
    moment = at + random.choice((0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)) * random.uniform(0.5, 1.5)
    draw = random.random()
    if random.random() < AIMED:
        yield from _aimed(random, at, identity)
        return
    if draw < 0.12:
        yield OrderAct(at=moment, deed="cancel", number=identity)
    elif draw < 0.2:
        yield OrderAct(at=moment, deed="hold", number=identity)
        yield OrderAct(at=moment + random.uniform(0, 5), deed="release", number=identity)
        if random.random() < 0.3:
            yield OrderAct(at=moment + random.uniform(0, 5), deed="cancel", number=identity)
    elif draw < 0.3:
        yield OrderAct(at=moment + random.uniform(0, 5), deed="pay_again", number=identity)
    elif draw < 0.34:
        yield OrderAct(at=moment + random.uniform(0, 5), deed="approve", number=identity)
    elif draw < 0.36:
        yield OrderAct(at=moment, deed="reject", number=identity)
    elif draw < 0.4:
        yield OrderAct(at=moment + random.uniform(2, 8), deed="refund", number=identity)


def _aimed(random: Random, at: float, identity: str) -> Iterator[OrderAct]:
    """Somebody acts in the very moment in which services ask each other or the world outside for something."""
    deed: OrderDeed = random.choice(("cancel", "cancel", "hold"))
    fact = random.choice(MOMENTS)
    late = random.choice((0.0, 0.0, 0.005, 0.02, 0.05))
    yield OrderAct(at=at, deed=deed, number=identity, upon=fact, late_s=late)
    if deed == "hold" and random.random() < 0.3:
        yield OrderAct(at=at, deed="cancel", number=identity, upon=random.choice(MOMENTS), late_s=late)


def _statement(random: Random, number: int, name: str, skus: list[str]) -> ChannelOrderReceived:
    lines = tuple(
        ChannelOrderLine(
            line_id=f"L{line}",
            sku=random.choice(skus),
            quantity=random.choice((1, 1, 1, 2, 3)),
            unit_price=random.choice((0, 499, 1250, 3333)),
        )
        for line in range(1, random.randint(2, 5))
    )
    city, region = random.choice(PLACES)
    if random.random() < 0.03:
        city = "Nowhere"
    return ChannelOrderReceived(
        channel="web",
        channel_order_id=name,
        channel_updated_at=EPOCH + timedelta(seconds=number),
        placed_at=EPOCH,
        customer=Customer(id=f"C-{number % 4}", name="Ada Byron", email=f"ada{number % 4}@example.com"),
        shipping_address=Address(name="Ada Byron", street="5 Main St", city=city, region=region, country="US"),
        currency="USD",
        lines=lines,
        total=sum(line.quantity * line.unit_price for line in lines),
        payment=_method(random, number),
        allow_partial=random.random() < 0.3,
        allow_backorder=random.random() < 0.2,
        attributes={"look": "twice"} if random.random() < 0.08 else {},
    )


def _method(random: Random, number: int) -> PaymentMethod:
    if random.random() < 0.08:
        return PaymentMethod(kind="prepaid", reference=f"PRE-{number}")
    tokens = ("tok_decline", "tok_capture_refused_once", "tok_expires_soon")
    return PaymentMethod(kind="card", token=random.choice(tokens) if random.random() < 0.2 else "tok_visa")

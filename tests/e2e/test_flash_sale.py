"""A flash sale: one SKU, a hundred units, up to ten thousand buyers at once, by the topic and over HTTP.

What is promised about who wins: a sale is decided where the stock is, by the stream of the SKU, whose versions are
the one order in which all buyers stand. The first hundred facts of that stream after the units arrived are the
hundred sales. Before it, an order stands in its lane, at the position where it was accepted together with its
request for stock; lanes that share a partition are read in the order of that partition. So wherever two orders
have positions that can be compared (in a lane of the order service's log, on a partition of the inventory's
commands, in a lane of the inventory's log) none that stands later is served while one that stands earlier goes
without. Between lanes that share no partition nobody is first before the stock is asked; then the moment decides,
and nobody was refused before the last unit was sold.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import aiohttp
import pytest

from channels.publishing import OrderPublisher
from deploy.local.components import service
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from oms.client import Json
from shared.events.channel import ChannelOrderReceived
from shared.eventsourcing.kafka.security import KafkaAccess
from tests.e2e.conftest import WITHOUT_FAULTS
from tests.e2e.kafka import Message
from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import Shop
from tests.extent import extent

UNITS = 100
ATTEMPTS = extent(part=500, whole=10_000)
PRODUCERS = 8
CALLERS = 32
PAGE = 1_000
ENDED_WITHIN_S = 240.0


@dataclass(frozen=True)
class Sale:
    """A sale that is over."""

    shop: Shop
    sku: str
    orders: Sequence[ChannelOrderReceived]
    answers: Sequence[tuple[int, Json]]
    """What the HTTP callers were told."""

    @cached_property
    def numbers(self) -> set[str]:
        return {number_of(order) for order in self.orders}

    @cached_property
    def rows(self) -> dict[str, Json]:
        """Every order as a person sees it."""
        found: dict[str, Json] = {}
        while page := self.shop.client.get("order", "/orders", limit=PAGE, offset=len(found))["orders"]:
            found |= {row["order_number"]: row for row in page}
        return found

    @cached_property
    def winners(self) -> set[str]:
        return {number for number, row in self.rows.items() if row["status"] == "completed"}

    @cached_property
    def facts_of_the_sku(self) -> list[Json]:
        """What the stream of the SKU records, in the order of its versions."""
        facts: list[Json] = self.shop.client.get("inventory", f"/operations/streams/stock-{self.sku}")["events"]
        return facts


@pytest.fixture(scope="module")
def sale(lodging: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sale]:
    """A shop of its own, so that nobody else has to look through ten thousand orders, after its flash sale."""
    stack = Stack(
        tmp_path_factory.mktemp("flash-sale"),
        components=(*WITHOUT_FAULTS, *(service(name) for name in SERVICES)),
    )
    with stack:
        shop = Shop(stack)
        sku = shop.sku(EAST=UNITS)
        orders = [an_order(a_line(sku)) for _ in range(ATTEMPTS)]
        answers = asyncio.run(buy(shop, orders))
        shop.until(lambda: all_ended(shop), f"{ATTEMPTS} orders to end", seconds=ENDED_WITHIN_S)
        shop.until(lambda: shop.stock(sku) == (0, 0), "the last unit to be shipped")
        yield Sale(shop, sku, orders, answers)
        shop.close()
    stack.discard()


def test_exactly_as_many_are_sold_as_there_are(sale: Sale) -> None:
    assert len(sale.winners) == UNITS
    ledger = [(one["reference"], one["operation"]) for one in sale.shop.client.effects("gateway")]
    assert sorted(ledger) == sorted((one, what) for one in sale.winners for what in ("authorise", "capture"))
    parcels = Counter(one["operation"] for one in sale.shop.client.effects("carrier"))
    assert parcels["hand_over"] == UNITS


def test_every_buyer_has_a_clear_answer(sale: Sale) -> None:
    assert sale.rows.keys() == sale.numbers
    outcomes = Counter((row["status"], row.get("cancelled_cause", "")) for row in sale.rows.values())
    assert outcomes == {("completed", ""): UNITS, ("cancelled", "shortage"): ATTEMPTS - UNITS}

    told = {body["order_number"]: (status, body["outcome"]) for status, body in sale.answers}
    assert set(told.values()) == {(201, "placed")}
    assert told.keys() == {number_of(order) for order in sale.orders[::2]}


def test_the_winners_are_the_first_by_position(sale: Sale) -> None:
    received, *facts = sale.facts_of_the_sku
    sold = [fact["payload"]["order_number"] for fact in facts[:UNITS]]
    assert received["type"].startswith("inventory.stock-received.")
    assert {fact["type"].rpartition(".")[0] for fact in facts[:UNITS]} == {"inventory.stock-allocated"}
    assert {fact["type"].rpartition(".")[0] for fact in facts[UNITS:]} == {"inventory.stock-shipped"}
    assert set(sold) == sale.winners

    accepted = by_lane(sale.shop.topic("order.events"), "order.placed")
    asked = by_partition(sale.shop.topic("inventory.commands"), "inventory.reserve-stock")
    decisions = sale.shop.topic("inventory.events")
    decided = by_lane(decisions, "inventory.stock-reserved", "inventory.reservation-refused")
    for line in (accepted, asked, decided):
        assert {number for numbers in line for number in numbers} == sale.numbers
        for numbers in line:
            served = [number in sale.winners for number in numbers]
            assert served == sorted(served, reverse=True), "someone was served before one who stood ahead"

    refused_at = [time_of(one) for one in decisions if type_of(one) == "inventory.reservation-refused"]
    assert min(refused_at) >= datetime.fromisoformat(facts[UNITS - 1]["recorded_at"])


def test_nothing_else_is_amiss(sale: Sale) -> None:
    sale.shop.verify()


def test_every_buyer_gets_one_mail_that_says_so(sale: Sale) -> None:
    kinds = {"confirmation": UNITS, "cancelled": ATTEMPTS - UNITS}
    sale.shop.until(lambda: mails(sale.shop) == (kinds, 0), "a mail to every buyer, and none twice")


async def buy(shop: Shop, orders: Sequence[ChannelOrderReceived]) -> list[tuple[int, Json]]:
    """All buyers at once: every second one over HTTP, the others by several producers; what HTTP answered."""
    over_http, by_topic = iter(orders[::2]), orders[1::2]
    known = shop.client.stack
    answers: list[tuple[int, Json]] = []

    async def produce(some: Sequence[ChannelOrderReceived]) -> None:
        async with OrderPublisher(KafkaAccess(bootstrap=known.kafka), prefix=known.topic_prefix) as publisher:
            await publisher.publish(some)

    async def call(session: aiohttp.ClientSession) -> None:
        for order in over_http:
            body, key = order.model_dump_json().encode(), order.channel_order_id
            async with session.post("/orders", data=body, headers={"Idempotency-Key": key}) as answer:
                answers.append((answer.status, await answer.json()))

    headers = {"Authorization": f"Bearer {known.operator_key}"}
    async with aiohttp.ClientSession(known.services["order"], headers=headers) as session:
        await asyncio.gather(
            *(produce(by_topic[number::PRODUCERS]) for number in range(PRODUCERS)),
            *(call(session) for _ in range(CALLERS)),
        )
    return answers


def all_ended(shop: Shop) -> bool:
    statuses: dict[str, int] = shop.client.get("order", "/orders/summary")["statuses"]
    return sum(statuses.get(one, 0) for one in ("completed", "cancelled")) == ATTEMPTS


def mails(shop: Shop) -> tuple[dict[str, int], int]:
    """How many buyers were told of each outcome, and how many mails came twice."""
    summary = shop.client.simulator("mailbox", "/mails/summary")
    told = {kind: summary["kinds"].get(kind, 0) for kind in ("confirmation", "cancelled")}
    return told, summary["duplicates"]


def by_lane(messages: Sequence[Message], *types: str) -> list[list[str]]:
    """The orders that facts of these types are about, lane by lane in the order of their positions."""
    lanes: dict[int, dict[int, str]] = defaultdict(dict)
    for message in messages:
        if type_of(message) in types:
            lane, position = map(int, message.headers["ce_sequence"].split(b":"))
            lanes[lane][position] = order_of(message)
    return [[orders[position] for position in sorted(orders)] for orders in lanes.values()]


def by_partition(messages: Sequence[Message], type: str) -> list[list[str]]:
    """The orders that requests of a type are about, partition by partition, each where it first came."""
    partitions: dict[str, dict[str, None]] = defaultdict(dict)
    for message in messages:
        if type_of(message) == type:
            partitions[message.place.rsplit("/", 1)[0]].setdefault(order_of(message), None)
    return [list(orders) for orders in partitions.values()]


def type_of(message: Message) -> str:
    """The name of a message without its version."""
    return message.headers["ce_type"].decode().rpartition(".")[0]


def order_of(message: Message) -> str:
    return message.headers["ce_correlationid"].decode()


def time_of(message: Message) -> datetime:
    return datetime.fromisoformat(message.headers["ce_time"].decode())

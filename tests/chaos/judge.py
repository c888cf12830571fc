"""What became of a load, by what was sent, by the partners' own books, and by `oms verify`."""

import asyncio
import base64
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oms.client import Client
from oms.verify.run import Verdict, verify
from shared.events.channel import ChannelOrderReceived
from tests.chaos.answered import unkept
from tests.chaos.load import Published
from tests.chaos.topics import given_back, order_facts
from tests.chaos.traffic import Load

PAGE = 1_000
ENDED = ("completed", "cancelled")
VERIFY_PATIENCE_S = 60.0
CHANGED = "changed_after_confirmation"
"""The hold on an order whose newest statement came when it was confirmed already."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found; the three lists say what is wrong with what."""

    statuses: Mapping[str, int]
    rejected: int
    """Messages on the topic of what could not be taken."""
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    oversold: tuple[str, ...]
    other: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    mails: int
    mails_repeated: int
    """A mail server can't be asked whether it has a mail already, so a notice may come twice."""

    @property
    def ended(self) -> int:
        return sum(self.statuses.get(status, 0) for status in ENDED)

    @property
    def held(self) -> int:
        return self.statuses.get("held", 0)

    @property
    def waiting(self) -> int:
        """Orders that neither ended nor are held."""
        return sum(self.statuses.values()) - self.ended - self.held

    @property
    def verified(self) -> bool:
        return not any(verdict.findings for verdict in self.verdicts)

    @property
    def good(self) -> bool:
        return self.verified and not (self.lost or self.doubled or self.oversold or self.other or self.waiting)


def judge(client: Client, load: Load, published: Published, report: Callable[[str], None]) -> Judgement:
    """Look at a stack that has come to rest."""
    rows = all_orders(client)
    by_number = {row["order_number"]: row for row in rows}
    rejections, facts = asyncio.run(given_back(client)), asyncio.run(order_facts(client))
    placed = list(facts.placed.values())
    gateway, carrier = list(client.effects("gateway")), list(client.effects("carrier"))
    mails = client.simulator("mailbox", "/mails/summary")
    return Judgement(
        statuses=Counter(row["status"] for row in rows),
        rejected=len(set(rejections)),
        lost=tuple(lost(published, by_number, placed, rejections)),
        doubled=tuple(doubled(placed, published, gateway, carrier)),
        oversold=tuple(oversold(load, published, by_number)),
        other=(
            *contradictions(published, by_number, rejections, gateway),
            *unkept(published, by_number, facts.called_back_too_late),
        ),
        verdicts=tuple(verify(client, patience_s=VERIFY_PATIENCE_S, report=report)),
        mails=mails["count"],
        mails_repeated=mails["duplicates"],
    )


def all_orders(client: Client) -> list[Row]:
    """Every order as a person sees it."""
    rows: list[Row] = []
    while True:
        page = client.get("order", "/orders", limit=PAGE, offset=len(rows))["orders"]
        rows += page
        if len(page) < PAGE:
            return rows


def lost(
    published: Published, by_number: Mapping[str, Row], placed: Iterable[Row], rejections: Iterable[str]
) -> Iterator[str]:
    """What was acknowledged and nobody has; `placed` says of each fact that an order was placed whose it is."""
    for number in published.accepted.keys() - by_number.keys():
        yield f"order {number} was acknowledged and is not there"
    told = {one["order_number"] for one in placed}
    for number in published.accepted.keys() & by_number.keys() - told:
        yield f"order {number} was acknowledged, and nobody was told that it was placed"
    rejected = {base64.b64decode(original) for original in rejections}
    for value in published.poison - rejected:
        yield f"a message was acknowledged and is not among those rejected: {value[:40]!r}"


def doubled(
    placed: Iterable[Row], published: Published, gateway: Iterable[Row], carrier: Iterable[Row]
) -> Iterator[str]:
    """What happened more than once; `placed` says of each fact that an order was placed whose it is."""
    yield from _twice("order", Counter(f"{one['channel']}/{one['channel_order_id']}" for one in placed))
    for name, effects in (("gateway", gateway), ("carrier", carrier)):
        keys = Counter(one["idempotency_key"] for one in effects if one["idempotency_key"])
        yield from _twice(f"{name} effect of key", keys)
    paid: dict[str, int] = defaultdict(int)
    for one in gateway:
        match one["operation"]:
            case "capture":
                paid[one["reference"]] += one["amount"]
            case "refund":
                paid[one["reference"]] -= one["amount"]
    for number, amount in paid.items():
        order = published.accepted.get(number)
        if order is not None and amount > order.total:
            yield f"order {number} came to {order.total} and {amount} was captured"
    labels: Counter[str] = Counter()
    for one in carrier:
        labels[one["reference"]] += {"buy_label": 1, "void": -1}.get(one["operation"], 0)
    yield from _twice("label for", labels)
    yield from _twice(
        "hand-over of", Counter(one["reference"] for one in carrier if one["operation"] == "hand_over")
    )


def _twice(what: str, counts: Mapping[Any, int]) -> Iterator[str]:
    yield from (f"{what} {key}: {number} times" for key, number in counts.items() if number > 1)


def oversold(load: Load, published: Published, by_number: Mapping[str, Row]) -> Iterator[str]:
    """Goods of which more was delivered than ever came in, by what was ordered and completed."""
    received: Counter[str] = Counter()
    for receipt in load.stock():
        received[receipt.sku] += receipt.quantity
    sold: Counter[str] = Counter()
    for number, order in published.accepted.items():
        if by_number.get(number, {}).get("status") == "completed":
            for line in order.lines:
                sold[line.sku] += line.quantity
    for sku, quantity in sold.items():
        if quantity > received[sku]:
            yield f"{sku}: {quantity} sold, {received[sku]} received"


def contradictions(
    published: Published, by_number: Mapping[str, Row], rejections: Iterable[str], gateway: Iterable[Row]
) -> Iterator[str]:
    """What is neither lost nor doubled, and wrong all the same."""
    rejected = {base64.b64decode(original) for original in rejections}
    if unasked := rejected - published.poison:
        yield f"{len(unasked)} messages were rejected that are orders, or were not acknowledged"
    for number in by_number.keys() - published.accepted.keys():
        yield f"order {number} is there and was not acknowledged"
    captured: Counter[str] = Counter()
    refunded: Counter[str] = Counter()
    for one in gateway:
        match one["operation"]:
            case "capture":
                captured[one["reference"]] += one["amount"]
            case "refund":
                refunded[one["reference"]] += one["amount"]
    for number, order in published.accepted.items():
        if (row := by_number.get(number)) is not None:
            yield from _unlike(number, order, row, captured[number], refunded[number])


def _unlike(number: str, order: ChannelOrderReceived, row: Row, captured: int, refunded: int) -> Iterator[str]:
    """Where an order is not what its newest statement says, or was not paid as it says."""
    reasons = {hold["reason"] for hold in row.get("holds", ())}
    if row["total"] != order.total and row["status"] != "cancelled" and CHANGED not in reasons:
        yield f"order {number} is {row['total']}, and its newest statement says {order.total}"
    called_back = any(one["status"] == "cancelled" for one in row["fulfilments"].values())
    due = row["charged"] if called_back else order.total
    if row["status"] == "completed" and order.payment.kind == "card" and captured != due:
        yield f"order {number} is completed, comes to {due}, and {captured} was captured"
    if row["status"] == "cancelled" and captured > refunded:
        yield f"order {number} is cancelled, {captured} was captured, and {refunded} paid back"
    if order.payment.kind == "prepaid" and captured:
        yield f"order {number} was paid already, and {captured} was captured"

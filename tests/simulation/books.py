"""Safety, checked at every commit: the simulation keeps books of its own from the facts alone."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.eventsourcing.store import Append, Claim, LogEntry
from tests.simulation.gateway import Effect


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.what}"


@dataclass(slots=True)
class Shelf:
    """Units of one SKU at one location, by the facts."""

    on_hand: int = 0
    reserved: int = 0


@dataclass(slots=True)
class Books:
    """What the facts of all services add up to."""

    findings: list[Finding] = field(default_factory=list)
    shelves: dict[tuple[str, str], Shelf] = field(default_factory=lambda: defaultdict(Shelf))
    held: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    """Order to SKU to units that are reserved for it."""
    leaving: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    """Order to SKU to units that shipping says have left, and that inventory has not booked yet."""
    placed: set[str] = field(default_factory=set)
    closing: set[str] = field(default_factory=set)
    """Orders that are locked until what they asked for is taken back."""
    ended: dict[str, str] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    dispatched: set[str] = field(default_factory=set)
    intents: set[str] = field(default_factory=set)
    captured: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Order to what the payment service says it collected at the gateway, in minor units."""
    refunded: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    stated: dict[str, str] = field(default_factory=dict)
    """Id of each authorisation and capture that a fact states, to its order."""
    sent: set[str] = field(default_factory=set)
    claimed: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    parked: dict[UUID, UUID] = field(default_factory=dict)
    """Id under which a message was parked, to its own."""
    heads: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    versions: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    causes: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    tracked: set[tuple[str, str, str]] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    """Orders whose reservations no longer expire."""
    windows: dict[str, datetime] = field(default_factory=dict)
    """Until when the customer of an order may pay again."""
    captures: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def find(self, rule: str, where: str, what: str) -> None:
        """Write a broken promise down."""
        self.findings.append(Finding(rule, where, what))

    def committed(self, service: str, append: Append, claims: Sequence[Claim]) -> None:
        """A commit of a service, before anyone can see it."""
        claimed = self.claimed[service]
        for claim in claims:
            if claim.message_id in claimed:
                self.find("decided once", service, f"message {claim.message_id} was claimed twice")
            claimed.add(claim.message_id)
        self._note_causes(service, append)
        self._look_at_claims(service, append, claims)
        for entry in append.entries:
            self._place(service, entry)
            check = _CHECKS.get(entry.type)
            if check is not None:
                check(self, entry, orjson.loads(entry.payload))

    def effect(self, effect: Effect) -> None:
        """Something happened at the gateway."""
        if effect.key not in self.intents:
            self.find("effects follow commits", effect.reference, f"{effect.operation} without a recorded intent")

    def carrier_effect(self, what: str, key: str) -> None:
        """Something happened at the carrier."""
        if key not in self.intents:
            self.find("effects follow commits", key, f"{what} without a recorded intent")

    def cursor(self, reader: str, lane: int, before: int, after: int) -> None:
        """A reader's cursor was moved."""
        if after < before:
            self.find("cursors go forward", f"{reader} lane {lane}", f"from {before} to {after}")

    def _note_causes(self, service: str, append: Append) -> None:
        """A message is decided once."""
        causes = {entry.causation_id for entry in append.entries}
        for twice in sorted(causes & self.causes[service]):
            self.find("decided once", service, f"message {twice} was decided in two transactions")
        self.causes[service] |= causes

    def _look_at_claims(self, service: str, append: Append, claims: Sequence[Claim]) -> None:
        """What a message came to is committed with its claim; one that was parked was claimed when it came."""
        with_it = {claim.message_id for claim in claims}
        with_it.update(self.parked[one] for one in append.unparked if one in self.parked)
        self.parked.update((message.id, message.message_id) for message in append.parked)
        set_aside = {message.message_id for message in append.parked}
        answered = append.replies.keys() | set_aside
        decided = answered | {entry.causation_id for entry in append.entries}
        for apart in sorted(decided - with_it):
            self.find("claimed as decided", service, f"message {apart} was decided apart from its claim")
        comes_to = {"http": answered, "reminder": set_aside.union(append.done_reminders)}
        for claim in claims:
            if claim.message_id not in comes_to.get(claim.source, with_it):
                self.find(
                    "claimed as decided", service, f"{claim.source} message {claim.message_id} came to nothing"
                )

    def _place(self, service: str, entry: LogEntry) -> None:
        lane = (service, entry.lane)
        if entry.position != self.heads[lane] + 1:
            self.find("lanes have no gaps", f"{service} lane {entry.lane}", f"position {entry.position} came next")
        self.heads[lane] = entry.position
        if entry.stream:
            stream = (service, entry.stream)
            if entry.version != self.versions[stream] + 1:
                self.find("streams have no gaps", entry.stream, f"version {entry.version} came next")
            self.versions[stream] = entry.version
            if entry.stream[:6] == "order-":
                self._look_at_end(entry.stream[6:], entry.type)

    def _look_at_end(self, number: str, fact: str) -> None:
        """An order that has ended stays as it is, and one that is to end begins nothing."""
        if number in self.ended and fact not in _AFTER_THE_END:
            self.find("the end is the end", number, f"{fact} after {self.ended[number]}")
        if number in self.closing and fact in _BEGINNINGS:
            self.find("the end is the end", number, f"{fact} while it was being cancelled")

    def _move(self, sku: str, location: str, on_hand: int, reserved: int) -> None:
        shelf = self.shelves[sku, location]
        shelf.on_hand += on_hand
        shelf.reserved += reserved
        if shelf.on_hand < 0 or shelf.reserved < 0:
            self.find("stock", f"{sku} at {location}", f"{shelf.on_hand} on hand, {shelf.reserved} reserved")
        elif shelf.reserved > shelf.on_hand:
            self.find("no oversell", f"{sku} at {location}", f"{shelf.reserved} reserved of {shelf.on_hand}")


Fact = Mapping[str, Any]


def _received(books: Books, entry: LogEntry, fact: Fact) -> None:
    books._move(fact["sku"], fact["location"], fact["quantity"], 0)


def _adjusted(books: Books, entry: LogEntry, fact: Fact) -> None:
    books._move(fact["sku"], fact["location"], fact["change"], 0)


def _transferred(books: Books, entry: LogEntry, fact: Fact) -> None:
    books._move(fact["sku"], fact["origin"], -fact["quantity"], 0)
    books._move(fact["sku"], fact["destination"], fact["quantity"], 0)


def _shipped(books: Books, entry: LogEntry, fact: Fact) -> None:
    books._move(fact["sku"], fact["location"], -fact["quantity"], -fact["quantity"])
    books.held[fact["order_number"]][fact["sku"]] -= fact["quantity"]
    books.leaving[fact["order_number"]][fact["sku"]] -= fact["quantity"]


def _allocated(books: Books, entry: LogEntry, fact: Fact) -> None:
    for part in fact["allocations"]:
        books._move(fact["sku"], part["location"], 0, part["quantity"])
        books.held[fact["order_number"]][fact["sku"]] += part["quantity"]


def _deallocated(books: Books, entry: LogEntry, fact: Fact) -> None:
    for part in fact["allocations"]:
        books._move(fact["sku"], part["location"], 0, -part["quantity"])
        books.held[fact["order_number"]][fact["sku"]] -= part["quantity"]


def _kept(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.kept.add(fact["order_number"])


def _let_go(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.kept.discard(fact["order_number"])


def _expired(books: Books, entry: LogEntry, fact: Fact) -> None:
    if fact["order_number"] in books.kept:
        books.find("deadlines are kept", fact["order_number"], "a reservation expired that was kept")


def _placed(books: Books, entry: LogEntry, fact: Fact) -> None:
    if fact["order_number"] in books.placed:
        books.find("never doubled", fact["order_number"], "was placed twice")
    books.placed.add(fact["order_number"])


def _confirmed(books: Books, entry: LogEntry, fact: Fact) -> None:
    if fact["order_number"] in books.confirmed:
        books.find("never doubled", fact["order_number"], "was confirmed twice")
    books.confirmed.add(fact["order_number"])


def _ended(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.ended[fact["order_number"]] = entry.type


def _dispatched(books: Books, entry: LogEntry, fact: Fact) -> None:
    if fact["fulfilment_id"] in books.dispatched:
        books.find("never doubled", fact["fulfilment_id"], "was dispatched twice")
    books.dispatched.add(fact["fulfilment_id"])
    held, leaving = books.held[fact["order_number"]], books.leaving[fact["order_number"]]
    for line in fact["lines"]:
        leaving[line["sku"]] += line["quantity"]
        if leaving[line["sku"]] > held[line["sku"]]:
            books.find(
                "nothing leaves unreserved", fact["fulfilment_id"], f"{line['sku']} was not reserved for it"
            )


def _intended(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.intents.add(fact["idempotency_key"])
    if entry.type == "payment.capture-requested.v1" and fact["fulfilment_id"] not in books.dispatched:
        books.find("captured after dispatch", fact["fulfilment_id"], "is collected before it left")


def _authorised(books: Books, entry: LogEntry, fact: Fact) -> None:
    if not fact.get("repeated") and not is_outside(fact["authorisation_id"]):
        books.stated[fact["authorisation_id"]] = fact["order_number"]


def _captured(books: Books, entry: LogEntry, fact: Fact) -> None:
    if fact.get("repeated") or is_outside(fact["capture_id"]):
        return
    books.stated[fact["capture_id"]] = fact["order_number"]
    books.captured[fact["order_number"]] += fact["amount"] - fact.get("already_captured", 0)
    if entry.type == "payment.captured.v1":
        books.captures[fact["fulfilment_id"]].append(fact["amount"])
        if len(books.captures[fact["fulfilment_id"]]) > 1:
            books.find("never doubled", fact["fulfilment_id"], "was collected twice")


def _refunded(books: Books, entry: LogEntry, fact: Fact) -> None:
    if not fact.get("repeated") and not is_outside(fact["capture_id"]):
        books.refunded[fact["order_number"]] += fact["amount"] - fact.get("already_refunded", 0)


def _tracked(books: Books, entry: LogEntry, fact: Fact) -> None:
    report = fact["tracking_number"], fact["status"], fact["occurred_at"]
    if report in books.tracked:
        books.find("decided once", fact["fulfilment_id"], f"the report {report[1]} was recorded twice")
    books.tracked.add(report)


def _window(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.windows[fact["order_number"]] = datetime.fromisoformat(fact["until"])


def _cancelling(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.closing.add(fact["order_number"])
    until = books.windows.get(fact["order_number"])
    if fact["cause"] == "payment_declined" and until is not None and entry.recorded_at < until:
        books.find("deadlines are kept", fact["order_number"], f"was cancelled before {until.isoformat()}")


def _going_on(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.closing.discard(fact["order_number"])


def _sent(books: Books, entry: LogEntry, fact: Fact) -> None:
    books.sent.add(fact["notice_id"])


def is_outside(identity: str) -> bool:
    """Whether an authorisation or capture is none of the gateway's: it was paid before, or costs nothing."""
    return identity.startswith(("prepaid:", "free:"))


_BEGINNINGS = frozenset(
    {
        "order.replaced.v1",
        "order.approved.v1",
        "order.reservation-requested.v1",
        "order.authorisation-sought.v1",
        "order.confirmed.v1",
        "order.completed.v1",
    }
)
_AFTER_THE_END = frozenset(
    {
        "order.restatement-ignored.v1",
        "order.reaffirmed.v1",
        "order.command-refused.v1",
        "order.cancellation-refused.v1",
        "channel.order-rejected.v1",
    }
)
_CHECKS: Mapping[str, Callable[[Books, LogEntry, Fact], None]] = {
    "inventory.stock-received.v1": _received,
    "inventory.stock-adjusted.v1": _adjusted,
    "inventory.stock-transferred.v1": _transferred,
    "inventory.stock-shipped.v1": _shipped,
    "inventory.stock-allocated.v1": _allocated,
    "inventory.backorder-filled.v1": _allocated,
    "inventory.stock-deallocated.v1": _deallocated,
    "inventory.reservation-kept.v1": _kept,
    "inventory.reservation-released.v1": _let_go,
    "inventory.reservation-expired.v1": _expired,
    "order.placed.v1": _placed,
    "order.confirmed.v1": _confirmed,
    "order.cancelled.v1": _ended,
    "order.completed.v1": _ended,
    "order.payment-window-opened.v1": _window,
    "order.cancellation-requested.v1": _cancelling,
    "order.cancellation-refused.v1": _going_on,
    "shipping.tracking-received.v1": _tracked,
    "shipping.dispatched.v1": _dispatched,
    "payment.authorisation-requested.v1": _intended,
    "payment.authorisation-renewal-requested.v1": _intended,
    "payment.capture-requested.v1": _intended,
    "payment.void-requested.v1": _intended,
    "payment.refund-requested.v1": _intended,
    "shipping.label-requested.v1": _intended,
    "shipping.label-void-requested.v1": _intended,
    "shipping.handover-requested.v1": _intended,
    "payment.authorised.v1": _authorised,
    "payment.partially-captured.v1": _captured,
    "payment.captured.v1": _captured,
    "payment.partially-refunded.v1": _refunded,
    "payment.refunded.v1": _refunded,
    "notification.notice-sent.v1": _sent,
}

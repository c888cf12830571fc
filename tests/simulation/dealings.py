"""What each order says, against what was stated, dropped, set aside, shipped and collected for it."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.events.channel import ChannelOrderLine, ChannelOrderReceived, ChannelOrderRejected
from shared.events.inventory import StockReserved
from shared.events.order import (
    AuthorisationSought,
    FulfilmentCharged,
    FulfilmentProgressed,
    LinesDropped,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderPlaced,
    OrderReaffirmed,
    OrderReplaced,
    RestatementHeld,
    RestatementIgnored,
)
from shared.events.payload import Event, Payload, Value
from shared.events.payment import AuthorisationRequested, PaymentAuthorised, PaymentCaptured
from shared.events.shipping import ShipmentDelivered, ShipmentDispatched
from shared.events.values import OrderContent, RequestedLine, Shortage
from shared.eventsourcing.store import LogEntry
from tests.simulation.books import Finding
from tests.simulation.recorded import Record

STATED = "the newest statement stands"
LEAVES = "what was ordered leaves"
PAID = "what leaves is paid"

ALIKE = tuple(name for name in ChannelOrderReceived.model_fields if name != "lines")
ALIKE_IN_LINES = tuple(ChannelOrderLine.model_fields)

Statements = Mapping[str, Iterable[ChannelOrderReceived]]
"""What the channels stated about each order, by its number."""


def judge_dealings(
    records: Mapping[str, Record], statements: Statements, untaken: Iterable[ChannelOrderReceived]
) -> Iterator[Finding]:
    """Everything in which an order and what was done for it differ; some statements may not have been taken."""
    short, excused = _short(records), [_bare(one) for one in untaken]
    for number, stated in statements.items():
        yield from _stated(number, records.get(number, Record()), tuple(stated), excused)
    for number, record in records.items():
        dealing = Dealing(number, record, short)
        for entry, event in record.facts:
            yield from dealing.see(entry, event)
        yield from _asked_for(number, record)


def _stated(
    number: str, record: Record, stated: Sequence[ChannelOrderReceived], excused: Container[ChannelOrderReceived]
) -> Iterator[Finding]:
    """What the order says is what its channel said, and the last of it that could be taken."""
    newest = max(one.channel_updated_at for one in stated)
    due = [one.channel_updated_at for one in stated if _adds_up(one) and _bare(one) not in excused]
    known = []
    for _, event in record.facts:
        match event:
            case OrderPlaced(content=content) | OrderReplaced(content=content) | RestatementHeld(proposed=content):
                known.append(content.channel_updated_at)
                if not any(_says(content, one) for one in stated):
                    yield Finding(STATED, number, f"{event.wire_type} says what its channel did not")
            case OrderReaffirmed():
                known.append(event.channel_updated_at)
            case RestatementIgnored() if event.channel_updated_at >= event.current_updated_at:
                yield Finding(STATED, number, "a statement was ignored that is no older than what stands")
            case ChannelOrderRejected(code="order_ended"):
                known.append(newest)
            case _:
                pass
    if known and not max(due, default=max(known)) <= max(known) <= newest:
        yield Finding(
            STATED, number, f"stands as of {max(known)}, and was stated as of {max(due, default=newest)}"
        )


def _bare(statement: ChannelOrderReceived) -> ChannelOrderReceived:
    """A statement without what the misuse of its key changes: that is refused, or waits, with it."""
    return statement.model_copy(update={"attributes": {}})


def _adds_up(statement: ChannelOrderReceived) -> bool:
    return sum(line.quantity * line.unit_price for line in statement.lines) == statement.total


def _says(content: OrderContent, stated: ChannelOrderReceived) -> bool:
    """Whether an order's content is a statement of its channel, all of it."""
    return (
        _alike(ALIKE, content, stated)
        and len(content.lines) == len(stated.lines)
        and all(_alike(ALIKE_IN_LINES, *pair) for pair in zip(content.lines, stated.lines, strict=True))
        and sum(line.value for line in content.lines) == content.total
    )


def _alike(names: Iterable[str], content: Payload | Value, stated: Payload | Value) -> bool:
    return all(getattr(content, name) == getattr(stated, name) for name in names)


Units = Counter[str]
"""Units by line."""


@dataclass(slots=True)
class Dealing:
    """One order as its facts come in: what is still to be delivered and paid, and what was."""

    number: str
    record: Record
    short: Mapping[UUID, Units]
    content: OrderContent | None = None
    wanted: Units = field(default_factory=Counter)
    """Of what was ordered, what was not dropped."""
    value: int = 0
    """What that comes to, in minor units."""
    arrived: set[str] = field(default_factory=set)
    charged: dict[str, int] = field(default_factory=dict)

    def see(self, entry: LogEntry, event: Event) -> Iterator[Finding]:
        """Take one fact in."""
        match event:
            case OrderPlaced(content=content) | OrderReplaced(content=content):
                self.content, self.value = content, content.total
                self.wanted = Counter({line.line_id: line.quantity for line in content.lines})
            case LinesDropped():
                yield from self._drop(entry, event)
            case AuthorisationSought() if event.amount != self.value - sum(self.charged.values()):
                told = f"{event.amount} was sought, and {self.value} less {sum(self.charged.values())} is due"
                yield Finding(PAID, self.number, told)
            case OrderConfirmed():
                yield from self._confirm(event)
            case FulfilmentProgressed(status="delivered"):
                self.arrived.add(event.fulfilment_id)
            case FulfilmentCharged():
                self.charged[event.fulfilment_id] = event.amount
            case OrderCompleted():
                yield from self._complete(event)
            case OrderCancelled():
                for parcel in self.record.of(ShipmentDispatched):
                    yield Finding(LEAVES, self.number, f"was cancelled, and {parcel.fulfilment_id} left")
            case _:
                pass

    def _drop(self, entry: LogEntry, event: LinesDropped) -> Iterator[Finding]:
        assert self.content is not None
        units = _units(event.dropped)
        if event.cause == "shortage" and not self.content.allow_partial:
            yield Finding(LEAVES, self.number, f"{dict(units)} was dropped, and it takes no part")
        if event.cause == "shortage" and units != self.short.get(entry.causation_id):
            yield Finding(LEAVES, self.number, f"{dict(units)} was dropped, and inventory has it")
        least, most = _worth(self.content, units)
        if not least <= event.amount <= most:
            yield Finding(PAID, self.number, f"{event.amount} was dropped with {dict(units)}, worth {least}")
        self.wanted -= units
        self.value -= event.amount

    def _confirm(self, event: OrderConfirmed) -> Iterator[Finding]:
        planned = sum((_units(plan.lines) for plan in event.fulfilments), Units())
        if planned != self.wanted:
            yield Finding(LEAVES, self.number, f"{dict(planned)} is promised, and {dict(self.wanted)} was ordered")
        paid = sum(one.amount for one in self.record.of(PaymentAuthorised) if not one.repeated)
        if event.amount != self.value or event.amount > paid:
            told = f"{event.amount} is confirmed, {self.value} is due and {paid} was authorised"
            yield Finding(PAID, self.number, told)

    def _complete(self, event: OrderCompleted) -> Iterator[Finding]:
        assert self.content is not None
        parcels = {parcel.fulfilment_id: _units(parcel.lines) for parcel in self.record.of(ShipmentDispatched)}
        left = sum(parcels.values(), Units())
        if left != self.wanted:
            yield Finding(LEAVES, self.number, f"{dict(left)} left, and {dict(self.wanted)} was ordered")
        reported = {parcel.fulfilment_id for parcel in self.record.of(ShipmentDelivered)}
        for parcel in parcels.keys() - (self.arrived & reported):
            yield Finding(LEAVES, self.number, f"was completed, and {parcel} had not arrived")
        captured = {one.fulfilment_id: one.amount for one in self.record.of(PaymentCaptured) if not one.repeated}
        for parcel, units in parcels.items():
            least, most = _worth(self.content, units)
            if not least <= captured.get(parcel, 0) <= most:
                told = f"{parcel} is worth {least}, and {captured.get(parcel, 0)} was collected"
                yield Finding(PAID, self.number, told)
        if not sum(captured.values()) == sum(self.charged.values()) == event.charged == self.value:
            told = f"{sum(captured.values())} was collected, {event.charged} charged, and {self.value} is due"
            yield Finding(PAID, self.number, told)


def _asked_for(number: str, record: Record) -> Iterator[Finding]:
    """What the payment service sets aside is what the order asked for in that attempt."""
    sought = {one.attempt: (one.amount, one.currency) for one in record.of(AuthorisationSought)}
    asked: list[AuthorisationRequested | PaymentAuthorised] = [
        *record.of(AuthorisationRequested),
        *record.of(PaymentAuthorised),
    ]
    for one in asked:
        if sought.get(one.attempt) != (one.amount, one.currency):
            told = f"{one.wire_type} of {one.amount} {one.currency} in attempt {one.attempt}"
            yield Finding(PAID, number, f"{told}, and {sought.get(one.attempt, 'nothing')} was sought")


def _short(records: Mapping[str, Record]) -> Mapping[UUID, Units]:
    """What was not there, by the id of inventory's answer that says so."""
    return {
        entry.id: _units(event.short)
        for record in records.values()
        for entry, event in record.facts
        if isinstance(event, StockReserved)
    }


def _units(lines: Iterable[RequestedLine | Shortage]) -> Units:
    units: Units = Counter()
    for line in lines:
        units[line.line_id] += line.missing if isinstance(line, Shortage) else line.quantity
    return units


def _worth(content: OrderContent, units: Units) -> tuple[int, int]:
    """What some units of an order are worth, at least and at most: not every value divides evenly."""
    least = uneven = 0
    for line in content.lines:
        each, dearer = divmod(line.value, line.quantity)
        least += each * units[line.line_id]
        uneven += units[line.line_id] if dearer else 0
    return least, least + uneven

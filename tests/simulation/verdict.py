"""The last look at a world that has come to rest: every rule of the design, by its stores, topics and ledgers."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from deploy.local.topics import SERVICES
from oms.verify.publications import SERVICE_OF, Publications
from services.order.domain.messages import TakeChannelOrder
from shared.events.channel import ChannelOrderReceived
from shared.events.cloudevents import source_of
from shared.events.order import OrderPlaced
from shared.events.payload import Event
from shared.events.registry import CONTRACT, LISTENERS
from shared.events.shipping import ShipmentRequested
from shared.eventsourcing.batch import StateCodec
from shared.eventsourcing.chain import GENESIS, entry_hash
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.store import LogEntry
from shared.eventsourcing.views import Fact, view_id
from tests.memory_topics import MemoryTopics
from tests.simulation.books import Finding
from tests.simulation.dealings import Statements, judge_dealings
from tests.simulation.given_back import silently_dropped
from tests.simulation.ledger import misbooked
from tests.simulation.record_contents import told_otherwise
from tests.simulation.recorded import Events, Record, about_orders
from tests.simulation.services import MODELS
from tests.simulation.standstill import went_on
from tests.simulation.telling import judge_notices
from tests.simulation.verified import verified
from tests.simulation.world import World

VERIFIED = 10
"""Of so many worlds `oms verify` looks at one."""
CODECS = {service: StateCodec(MODELS[service]) for service in SERVICES}


def judge(world: World, statements: Statements) -> Iterator[Finding]:
    """Everything that is wrong with a world at rest, of whose orders this was stated."""
    yield from world.books.findings
    events = Events()
    yield from _intake(world)
    yield from world.answers.judged()
    yield from world.parked.judged(world.sites)
    yield from silently_dropped(world)
    for service in SERVICES:
        tables = world.sites[service].tables
        yield from _chains(service, tables)
        yield from _folds(service, tables, events)
    yield from _deliveries(world)
    yield from told_otherwise(world)
    yield from _stock(world)
    yield from _payments(world)
    yield from _nothing_left_behind(world)
    records = about_orders(world, events)
    yield from _of_no_order(world, records)
    yield from judge_dealings(records, statements, _untaken(world))
    yield from went_on(records)
    yield from misbooked(records, world.outside.gateway.ledger)
    yield from judge_notices(world, records, statements)
    if world.views:
        yield from _views(world, events)
    if world.seed % VERIFIED == 0:
        yield from verified(world)


def _untaken(world: World) -> list[ChannelOrderReceived]:
    """Statements of which their channel was told that they can't be taken, and those that operators dropped."""
    dropped = [
        TakeChannelOrder.model_validate_json(one.message.payload).order
        for one in world.sites["order"].tables.discarded
        if one.message.type == TakeChannelOrder.wire_type
    ]
    return world.answers.refused() + dropped


def _intake(world: World) -> Iterator[Finding]:
    tables = world.sites["order"].tables
    claimed, discarded = len(tables.inbox), {one.message.key for one in tables.discarded}
    for identity, number in sorted(world.published.items()):
        stands = f"order-{number}" in tables.streams
        if not stands and number not in discarded:
            yield Finding(
                "never lost", number, f"was published as {identity} and is no order ({claimed} messages taken)"
            )


def _chains(service: str, tables: Tables) -> Iterator[Finding]:
    for lane, entries in tables.log.items():
        previous = GENESIS
        for position, entry in enumerate(entries, start=1):
            if entry.position != position:
                yield Finding("lanes have no gaps", f"{service} lane {lane}", f"{entry.position} at {position}")
            previous = entry_hash(
                previous,
                lane=lane,
                position=position,
                id=str(entry.id),
                kind=entry.kind,
                type=entry.type,
                topic=entry.topic,
                stream=entry.stream,
                version=entry.version,
                partition_key=entry.partition_key,
                correlation_id=entry.correlation_id,
                causation_id=str(entry.causation_id),
                actor=entry.actor,
                reason=entry.reason,
                occurred_at=entry.occurred_at,
                recorded_at=entry.recorded_at,
                payload=entry.payload,
            )
            if previous != entry.hash:
                yield Finding("chains verify", f"{service} lane {lane}", f"position {position}")
                break
        head = tables.lanes[lane]
        if (head.head, head.chain_hash) != (len(entries), previous):
            yield Finding("chains verify", f"{service} lane {lane}", "its head is not the end of its chain")


def _folds(service: str, tables: Tables, events: Events) -> Iterator[Finding]:
    model, codec = MODELS[service], CODECS[service]
    for stream, row in tables.streams.items():
        category = model.category_of(stream)
        state = category.initial
        entries = tables.stream_events.get(stream, [])
        for entry in entries:
            state = category.evolve(state, events.of(entry))
        if [entry.version for entry in entries] != list(range(1, row.version + 1)):
            yield Finding("streams have no gaps", stream, f"version {row.version} of {len(entries)} facts")
        if codec.encode(stream, state) != row.state:
            yield Finding("state = fold", stream, "the stored state is not the fold of its facts")


def _deliveries(world: World) -> Iterator[Finding]:
    """What is in the store is published in the order of its lane, and consumed or parked by all who take it."""
    publications = Publications()
    expected: dict[str, set[UUID]] = defaultdict(set)
    stored: set[UUID] = set()
    for service in SERVICES:
        for entries in world.sites[service].tables.log.values():
            for entry in entries:
                publications.store(service, entry.lane, entry.position, str(entry.id), entry.topic)
                stored.add(entry.id)
                for consumer in _consumers(entry.topic, entry.type):
                    expected[consumer].add(entry.id)
    yield from _publications(world, publications)
    sources = {source_of(service) for service in SERVICES}
    for consumer, ids in expected.items():
        inbox = world.sites[consumer].tables.inbox
        for identity in sorted(ids - inbox.keys())[:3]:
            yield Finding("published = consumed", consumer, f"{identity} was published and not taken")
        for identity in [one for one, claim in inbox.items() if claim.source in sources and one not in stored][:3]:
            yield Finding("published = consumed", consumer, f"{identity} was taken and is in nobody's store")


@cache
def _consumers(topic: str, wire_type: str) -> tuple[str, ...]:
    """The services that take a message."""
    return tuple(
        consumer
        for consumer, topics in LISTENERS.items()
        if topic in topics and CONTRACT[wire_type] in MODELS[consumer].routes
    )


def _publications(world: World, publications: Publications) -> Iterator[Finding]:
    """As `oms verify` judges by the topics; every relay is at the end of its lanes."""
    for stretch in MemoryTopics(world.cluster).stretches():
        publications.see(stretch)
    heads = {
        (service, lane): row.head
        for service in SERVICES
        for lane, row in world.sites[service].tables.lanes.items()
    }
    for where, what in islice(publications.wrong(heads), 3):
        yield Finding("stored = published", where, what)
    # What strangers strew is a fault of the world.
    ours = (record for record in publications.unknown() if record.source in SERVICE_OF)
    for record in islice(ours, 3):
        yield Finding("stored = published", record.place, f"{record.id} is in no store")


def _stock(world: World) -> Iterator[Finding]:
    booked: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for (sku, location), shelf in world.books.shelves.items():
        booked[sku][location] = shelf.on_hand, shelf.reserved
    for stream, row in world.sites["inventory"].tables.streams.items():
        if stream.startswith("stock-"):
            sku = stream.removeprefix("stock-")
            state = orjson.loads(row.state)
            stored = {place: (one["on_hand"], one["reserved"]) for place, one in state["shelves"].items()}
            if stored != booked[sku]:
                yield Finding("stock", sku, f"stored {stored}, by the facts {booked[sku]}")
            for waiting in state["queue"]:
                if waiting["order_number"] in world.books.ended:
                    yield Finding("nothing left behind", waiting["order_number"], f"still waits for {sku}")
            for number in state["filled"]:
                yield Finding("nothing left behind", number, f"was filled with {sku} and never handed over")


def _payments(world: World) -> Iterator[Finding]:
    """The gateway's own ledger is the judge."""
    gateway = world.outside.gateway
    captured: dict[str, int] = defaultdict(int)
    refunded: dict[str, int] = defaultdict(int)
    keys: set[str] = set()
    operations: set[str] = set()
    for effect in gateway.ledger:
        if effect.key in keys:
            yield Finding("one effect per key", effect.key, "more than one effect at the gateway")
        keys.add(effect.key)
        operations.add(effect.operation_id)
        captured[effect.reference] += effect.amount if effect.operation == "capture" else 0
        refunded[effect.reference] += effect.amount if effect.operation == "refund" else 0
    for refusal in (*gateway.impossible, *world.outside.carrier.impossible):
        yield Finding("the outside agrees", refusal, "was refused, which a right question never is")
    for identity, number in world.books.stated.items():
        if identity not in operations:
            yield Finding("the ledger agrees", number, f"{identity} is recorded and not in the gateway's ledger")
    for number in sorted(captured.keys() | world.books.captured.keys()):
        if captured[number] != world.books.captured[number]:
            told = f"the gateway collected {captured[number]}, {world.books.captured[number]} is recorded"
            yield Finding("the ledger agrees", number, told)
    for number in sorted(refunded.keys() | world.books.refunded.keys()):
        if refunded[number] != world.books.refunded[number]:
            told = f"the gateway paid back {refunded[number]}, {world.books.refunded[number]} is recorded"
            yield Finding("the ledger agrees", number, told)


def _nothing_left_behind(world: World) -> Iterator[Finding]:
    for number, end in world.books.ended.items():
        for sku, units in world.books.held[number].items():
            if units:
                yield Finding("nothing left behind", number, f"{end}, and {units} of {sku} stay reserved")
    for identity, account in world.outside.gateway.accounts.items():
        if account.reference in world.books.ended and account.set_aside:
            yield Finding("nothing left behind", account.reference, f"ended, and {identity} stays authorised")
    for label in world.outside.carrier.labels.values():
        number = label.fulfilment_id.rpartition("-F")[0]
        if number in world.books.ended and label.status == "bought":
            yield Finding("nothing left behind", number, f"ended, and {label.label_id} stays bought")
    cancelled = [number for number, end in world.books.ended.items() if end == "order.cancelled.v1"]
    for number in cancelled:
        if world.books.captured[number] > world.books.refunded[number]:
            yield Finding("nothing left behind", number, "was cancelled, and its money was collected")


def _of_no_order(world: World, records: Mapping[str, Record]) -> Iterator[Finding]:
    """Every order has one number, and all that is set aside belongs to an order."""
    numbers: dict[tuple[str, str], str] = {}
    parcels: set[str] = set()
    for number in world.books.placed:
        for placed in records[number].of(OrderPlaced):
            known = numbers.setdefault((placed.content.channel, placed.content.channel_order_id), number)
            if known != number:
                yield Finding("never doubled", number, f"is order {known} under another number")
        parcels.update(one.fulfilment_id for one in records[number].of(ShipmentRequested))
    for number in world.books.held.keys() - world.books.placed:
        if any(world.books.held[number].values()):
            yield Finding("nothing for nobody", number, "is no order, and stock is reserved for it")
    for identity, account in world.outside.gateway.accounts.items():
        if account.reference not in world.books.placed:
            yield Finding("nothing for nobody", account.reference, f"is no order, and has {identity}")
    for label in world.outside.carrier.labels.values():
        if label.fulfilment_id not in parcels:
            yield Finding("nothing for nobody", label.fulfilment_id, f"is no shipment, and has {label.label_id}")


def _views(world: World, events: Events) -> Iterator[Finding]:
    for service in SERVICES:
        tables = world.sites[service].tables
        running = {view_id(view): view for one in world.sites[service].responsive() for view in one.views}
        for view in running.values():
            rows = tables.views.get(view_id(view), {})
            handled = {event.wire_type for event in view.handles}
            facts = [
                entry
                for entries in tables.log.values()
                for entry in entries
                if entry.kind == "event" and entry.type in handled
            ]
            folded: dict[str, Any] = {}
            for entry in facts:
                fact = _fact(entry, events.of(entry))
                for key in view.keys(fact.event):
                    folded[key] = view.project(key, folded.get(key), fact)
            wanted = {key: _plain(row) for key, row in folded.items() if row is not None}
            if wanted != {key: _plain(row) for key, row in rows.items()}:
                wrong = [
                    key for key in wanted.keys() | rows.keys() if wanted.get(key) != _plain(rows.get(key, {}))
                ]
                told = f"row {min(wrong)} is {rows.get(min(wrong))}, by the facts {wanted.get(min(wrong))}"
                yield Finding("views = fold", f"{service} {view.name}", told)


def _fact(entry: LogEntry, event: Event) -> Fact:
    return Fact(
        event=event,
        id=entry.id,
        stream=entry.stream,
        version=entry.version,
        lane=entry.lane,
        position=entry.position,
        partition_key=entry.partition_key,
        correlation_id=entry.correlation_id,
        actor=entry.actor,
        reason=entry.reason,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
    )


_JSON = TypeAdapter(dict[str, Any])


def _plain(row: Any) -> Any:
    """A row without what depends on which of two lanes came last."""
    return {
        name: value for name, value in _JSON.dump_python(dict(row), mode="json").items() if name != "changed_at"
    }

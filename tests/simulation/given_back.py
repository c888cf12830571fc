"""What came and could not be taken: it is parked as it came, or its channel gets it back."""

from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from uuid import UUID

import orjson

from services.order.domain.content import digest, frozen
from shared.events.channel import ChannelOrderReceived, ChannelOrderRejected
from shared.events.order import OrderPlaced
from shared.events.registry import LISTENERS, topic_of
from shared.events.values import OrderContent
from shared.eventsourcing.ids import named_id
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.messages import Record
from shared.eventsourcing.store import ParkedMessage
from tests.simulation.books import Finding
from tests.simulation.services import MODELS
from tests.simulation.world import World

INTAKE = topic_of(ChannelOrderReceived)
STRANGER = b"/stranger"
STATED = ("order.placed.v1", "order.replaced.v1")


def silently_dropped(world: World) -> Iterator[Finding]:
    """Records of which nothing is known any more."""
    orders = world.sites["order"].tables
    rejected = {
        fact["source"]: b64decode(fact["original"])
        for entries in orders.log.values()
        for entry in entries
        if entry.type == ChannelOrderRejected.wire_type
        for fact in [orjson.loads(entry.payload)]
    }
    for (topic, _), records in world.cluster.topics.items():
        for record in records:
            if is_strange(record):
                yield from _strange(world, record, rejected)
            elif topic == INTAKE and record.place not in rejected:
                yield from _stated(world, orders, record)
            if topic == INTAKE and rejected.get(record.place, record.value) != record.value:
                yield Finding("refused is given back", record.place, "other bytes were given back")


def is_strange(record: Record) -> bool:
    """Whether a stranger strew it."""
    return not record.headers or ("ce_source", STRANGER) in record.headers


def _strange(world: World, record: Record, rejected: dict[str, bytes]) -> Iterator[Finding]:
    """Bytes that hold no message are parked by all who would take them; those at the intake are given back."""
    if record.topic == INTAKE:
        parked = record.identity in {one.message_id for one in _put_aside(world.sites["order"].tables)}
        if record.place not in rejected and not parked:
            yield Finding("refused is given back", record.place, "it is no order, and was not given back")
        return
    for service, topics in LISTENERS.items():
        if record.topic in topics and (not record.headers or OrderPlaced in MODELS[service].routes):
            kept = {(one.message_id, one.payload) for one in _put_aside(world.sites[service].tables)}
            if (record.identity, record.value) not in kept:
                yield Finding("poison is parked", service, f"{record.place} holds no message and is not parked")


def _stated(world: World, tables: Tables, record: Record) -> Iterator[Finding]:
    """A statement leaves a fact, be it that it is refused; unless it says what is known."""
    headers, value = dict(record.headers), record.value or b""
    source, said = headers["ce_source"].decode(), headers["ce_id"].decode()
    identity = named_id(f"{source}\n{said}\n{sha256(value).hexdigest()}")
    if identity in world.books.causes["order"]:
        return
    if {identity, record.identity} & {one.message_id for one in _put_aside(tables)}:
        return
    content = digest(frozen(ChannelOrderReceived.model_validate_json(value)))
    facts = tables.stream_events.get(f"order-{world.published.get(UUID(said), '')}", ())
    known = (orjson.loads(fact.payload)["content"] for fact in facts if fact.type in STATED)
    if not any(digest(OrderContent.model_validate_json(orjson.dumps(one))) == content for one in known):
        yield Finding("refused is given back", record.place, "a statement left nothing, and says something new")


def _put_aside(tables: Tables) -> tuple[ParkedMessage, ...]:
    """What is parked, and what an operator dropped of it."""
    return (*tables.parked.values(), *(one.message for one in tables.discarded))

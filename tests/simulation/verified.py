"""What `oms verify` says of a world at rest: its own checks, over the operations API of each service."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from fastapi.routing import APIRoute

from deploy.local.description import Description
from deploy.local.topics import SERVICES
from oms.client import Client, Json
from oms.verify.intake import Taken, taken
from oms.verify.published import Published
from oms.verify.run import all_checks, verify
from shared.events.registry import CONTRACT, LISTENERS, topic_of
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.ids import NO_ID
from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.operations_api import operations_routers
from shared.eventsourcing.pipeline import Pipeline
from tests.memory_topics import MemoryTopics
from tests.simulation.books import Finding
from tests.simulation.given_back import is_strange
from tests.simulation.services import INTERNAL, MODELS
from tests.simulation.world import World

INTAKE = "channel.orders"
STACK = Description(services={}, operator_key="", gateway_url="http://gateway", carrier_url="http://carrier")
Endpoint = Callable[..., Coroutine[Any, Any, Json]]


class _Store(MemoryStore):
    """Looks at the tables of one world after the other."""

    def look_at(self, tables: Tables) -> None:
        self._tables = tables


@dataclass(frozen=True, slots=True)
class _Api:
    """The operations API of a service as far as it only reads, and the store that it reads."""

    store: _Store
    endpoints: Mapping[str, Endpoint]
    """By path."""


def _api(service: str) -> _Api:
    model = MODELS[service]
    types = {message.wire_type: message for message in (*CONTRACT.values(), *INTERNAL[service])}
    taken_from: dict[str, list[str]] = {}
    for message in model.routes:
        if message not in INTERNAL[service] and topic_of(message) in LISTENERS[service]:
            taken_from.setdefault(topic_of(message), []).append(message.wire_type)
    store = _Store(Tables(), Locks(), SystemClock())
    reads, _ = operations_routers(model, store, cast("Pipeline", None), taken_from, Decoder(types))
    endpoints = {route.path: route.endpoint for route in reads.routes if isinstance(route, APIRoute)}
    return _Api(store, endpoints)


APIS = {service: _api(service) for service in SERVICES}
"""Made once, as that takes longer than to ask them, and before worlds: what is loaded then is no garbage."""


def verified(world: World) -> Iterator[Finding]:
    """Everything that `oms verify` finds, but that strangers strew something: that is a fault of the world."""
    checks = all_checks(intake=_Intake(world), topics=MemoryTopics(world.cluster))
    for service, api in APIS.items():
        api.store.look_at(world.sites[service].tables)
    strewn = {one.place for records in world.cluster.topics.values() for one in records if is_strange(one)}
    verdicts = verify(_Inside(world), checks, patience_s=0)
    for api in APIS.values():
        api.store.look_at(Tables())
    for verdict in verdicts:
        for found in verdict.findings:
            if found.invariant == Published.name and found.where in strewn:
                continue
            yield Finding(f"oms verify: {found.invariant}", found.where, found.what)


class _Inside(Client):
    """Asks the services of a world without a line between: nothing there ever waits, so no loop has to run."""

    def __init__(self, world: World) -> None:
        self.stack = STACK
        self._world = world

    def get(self, service: str, path: str, **parameters: Any) -> Json:
        answering = APIS[service].endpoints[path](**_converted(path, parameters))
        try:
            answering.send(None)
        except StopIteration as answered:
            answer: Json = answered.value
            return answer
        raise AssertionError(f"{path} of {service} waits")

    def effects(self, simulator: str) -> Iterator[Json]:
        return _gateway(self._world) if simulator == "gateway" else _carrier(self._world)


def _converted(path: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters as the framework would hand them over."""
    given = {name: value for name, value in parameters.items() if value is not None}
    if path in ("/operations/consumed", "/operations/answers", "/operations/parked", "/operations/discarded"):
        given["after"] = UUID(given.get("after", NO_ID.hex))
    if path in ("/operations/parked", "/operations/discarded"):
        given["rows"] = given.pop("limit")
    return given


def _gateway(world: World) -> Iterator[Json]:
    for effect in world.outside.gateway.ledger:
        yield {
            "operation": effect.operation,
            "operation_id": effect.operation_id,
            "authorisation_id": effect.authorisation_id,
            "reference": effect.reference,
            "amount": effect.amount,
            "currency": effect.currency,
            "idempotency_key": effect.key,
        }


def _carrier(world: World) -> Iterator[Json]:
    ended = {"voided": "void", "handed_over": "hand_over"}
    for label in world.outside.carrier.labels.values():
        about = {"label_id": label.label_id, "reference": label.fulfilment_id}
        yield {"operation": "buy_label", **about, "idempotency_key": label.key}
        if label.status in ended:
            yield {"operation": ended[label.status], **about, "idempotency_key": ""}


class _Intake:
    """Implements `Intake`: at rest, the order service has taken all."""

    def __init__(self, world: World) -> None:
        self._world = world

    def news(self, stack: Description) -> list[Taken]:
        return [
            taken(record.place, record.headers, record.value)
            for (topic, partition), records in self._world.cluster.topics.items()
            if topic == INTAKE
            for record in records
        ]

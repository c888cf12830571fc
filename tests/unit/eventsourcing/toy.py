"""A toy service made of messages of the contract, and instances of it on the ports in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

from shared.events.cloudevents import Metadata, headers_of
from shared.events.inventory import ReceiveStock
from shared.events.order import (
    BlockCustomer,
    CreditLimitSet,
    CustomerBlocked,
    CustomerUnblocked,
    SetCreditLimit,
    UnblockCustomer,
)
from shared.events.payload import Event, Payload
from shared.events.registry import CONTRACT
from shared.events.upcasters import UPCASTERS, Upcasters
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.decider import (
    NOTHING,
    Category,
    Context,
    Decision,
    Model,
    Recorded,
    Reminder,
    Reply,
    Route,
    States,
)
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.definition import Effect, ServiceDefinition, Translate
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.memory.broker import Cluster, Hazard, MemoryBroker
from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.memory.virtual_time import VirtualClock
from shared.eventsourcing.messages import Arrival, Record
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.pipeline import Pipeline
from shared.eventsourcing.reading import read_contract
from shared.eventsourcing.runtime import Runtime
from shared.eventsourcing.views import Fact, Row, View

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Customer:
    """A toy state: how often the customer was blocked, and whether it is."""

    blocked: bool = False
    times: int = 0
    limit: int = 0


def evolve(state: Customer, event: Event) -> Customer:
    match event:
        case CustomerBlocked():
            return Customer(True, state.times + 1, state.limit)
        case CustomerUnblocked():
            return Customer(False, state.times, state.limit)
        case CreditLimitSet(limit=limit):
            return Customer(state.blocked, state.times, limit)
    return state


CUSTOMER = Category("customer", Customer, Customer(), evolve)


def toy_model(broken: Container[str] = ()) -> Model:
    """Blocking records a fact, asks the warehouse, reminds itself to unblock, and answers how often it was.

    A customer named in `broken` makes the rule raise.
    """

    def block(states: States, message: BlockCustomer, context: Context) -> Decision:
        name = message.customer_id
        if name in broken:
            raise RuntimeError(f"no rule for {name}")
        return Decision(
            (Recorded(CUSTOMER.stream(name), CustomerBlocked(customer_id=name)),),
            commands=(ReceiveStock(sku=name, location="WH-EAST", quantity=1),),
            reminders=(Reminder(context.now + MINUTE, UnblockCustomer(customer_id=name)),),
            reply=Reply("accepted", {"times": states.of(CUSTOMER, name).times + 1}),
        )

    def unblock(states: States, message: UnblockCustomer, context: Context) -> Decision:
        if not states.of(CUSTOMER, message.customer_id).blocked:
            return NOTHING
        stream = CUSTOMER.stream(message.customer_id)
        return Decision((Recorded(stream, CustomerUnblocked(customer_id=message.customer_id)),))

    def limit(states: States, message: SetCreditLimit, context: Context) -> Decision:
        fact = CreditLimitSet.model_validate(message.model_dump())
        return Decision((Recorded(CUSTOMER.stream(message.customer_id), fact),))

    def touched(message: Any) -> tuple[str, ...]:
        return (CUSTOMER.stream(message.customer_id),)

    return Model(
        service="order",
        categories=(CUSTOMER,),
        routes={
            BlockCustomer: Route(touched, block),
            UnblockCustomer: Route(touched, unblock),
            SetCreditLimit: Route(touched, limit),
        },
    )


def count(key: str, row: Row | None, fact: Fact) -> Row:
    facts = [*(row or {}).get("facts", ()), f"{type(fact.event).__name__} {fact.lane}:{fact.position}"]
    return {"id": key, "facts": facts, "status": type(fact.event).__name__}


def toy_view(version: int = 1, project: Callable[[str, Row | None, Fact], Row | None] = count) -> View:
    return View(
        name="customers",
        version=version,
        handles=(CustomerBlocked, CustomerUnblocked),
        keys=lambda event: (event.customer_id,),
        project=project,
    )


def block(name: str = "a") -> BlockCustomer:
    return BlockCustomer(customer_id=name)


def set_limit(name: str = "a", limit: int = 5) -> SetCreditLimit:
    return SetCreditLimit(customer_id=name, limit=limit, currency="EUR")


def arrival(message: Payload, key: str = "", **columns: Any) -> Arrival:
    key = key or getattr(message, "customer_id", "a")
    settled = {"message_id": uuid4(), "correlation_id": key, "source": "/partner", **columns}
    return Arrival(message=message, partition_key=key, **settled)


def outgoing(
    message: Payload, key: str, message_id: str = "", value: bytes | None = None, about: str = ""
) -> Outgoing:
    metadata = Metadata(
        id=message_id or str(uuid4()),
        source="/partner",
        type=message.wire_type,
        partition_key=key,
        correlation_id=about,
    )
    return Outgoing(
        topic="order.commands",
        lane=lane_of(key),
        key=key.encode(),
        value=value if value is not None else message.model_dump_json().encode(),
        headers=headers_of(metadata),
    )


def record_of(message: Outgoing, offset: int = 0) -> Record:
    return Record(
        topic=message.topic,
        partition=message.lane % 8,
        offset=offset,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers),
    )


def calm(moment: str) -> None:
    return None


class Instance:
    """One process of the service, started or not."""

    def __init__(self, runtime: Runtime, broker: MemoryBroker, metrics: Metrics) -> None:
        self.runtime = runtime
        self.metrics = metrics
        self.broker = broker

    async def crash(self) -> None:
        """Be gone in the middle of everything; leases run out by themselves."""
        tasks = [*self.runtime._tasks.values()]
        if self.broker._delivering is not None:
            tasks.append(self.broker._delivering)
        if self.runtime._effects is not None:
            tasks += self.runtime._effects._running
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.broker.leave()


@dataclass
class Installation:
    """What outlives a process: tables and topics."""

    tables: Tables = field(default_factory=Tables)
    locks: Locks = field(default_factory=Locks)
    cluster: Cluster = field(default_factory=Cluster)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(asyncio.get_running_loop(), Random(1)))

    def store(self, hazard: Hazard = calm) -> MemoryStore:
        return MemoryStore(self.tables, self.locks, self.clock, hazard)

    def instance(
        self,
        owner: str = "one",
        *,
        model: Model | None = None,
        effects: Mapping[type[Event], Effect] | None = None,
        views: tuple[View, ...] = (),
        upcasters: Upcasters = UPCASTERS,
        store_hazard: Hazard = calm,
        broker_hazard: Hazard = calm,
    ) -> Instance:
        model = model or toy_model()
        store = self.store(store_hazard)
        broker = MemoryBroker(self.cluster, broker_hazard)
        definition = ServiceDefinition(
            model=model,
            topics=("order.commands",),
            translate=translate(model),
            effects=effects or {},
            views=views,
            upcasters=upcasters,
        )
        metrics = Metrics()
        runtime = Runtime(
            definition, store, broker, self.clock, metrics=metrics, owner=owner, source="/orderstream/order"
        )
        return Instance(runtime, broker, metrics)

    @asynccontextmanager
    async def running(self, owner: str = "one", **options: Any) -> AsyncIterator[Instance]:
        """An instance that is started, and stopped properly."""
        instance = self.instance(owner, **options)
        await instance.runtime.start()
        try:
            yield instance
        finally:
            await instance.runtime.stop()

    @asynccontextmanager
    async def pipeline(
        self, model: Model | None = None, store_hazard: Hazard = calm, translation: Translate | None = None
    ) -> AsyncIterator[Pipeline]:
        """A pipeline alone, running."""
        model = model or toy_model()
        pipeline = Pipeline(
            model,
            self.store(store_hazard),
            self.clock,
            translate=translation or translate(model),
            decoder=Decoder(CONTRACT),
            observer=Metrics(),
            on_commit=lambda committed: None,
        )
        running = asyncio.create_task(pipeline.run())
        try:
            yield pipeline
        finally:
            pipeline.stop()
            await running

    def facts(self, name: str = "a") -> list[str]:
        """What a customer's stream records."""
        entries = self.tables.stream_events.get(CUSTOMER.stream(name), [])
        assert [one.version for one in entries] == list(range(1, len(entries) + 1))
        return [one.type.split(".")[1].removeprefix("customer-") for one in entries]

    def published(self, topic: str) -> list[Record]:
        """All records of a topic, by partition and offset."""
        places = sorted(place for place in self.cluster.topics if place[0] == topic)
        return [one for place in places for one in self.cluster.topics[place]]


def translate(model: Model) -> Translate:
    return read_contract({message.wire_type: message for message in model.routes})


async def until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    """Let virtual time pass until it is so.

    Raises:
        TimeoutError: it does not come.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(0.01)

"""The order service with its real parts, in one process on the store and the broker in memory."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.order.app import definition
from services.order.settings import Settings
from services.order.translate import INTAKE
from shared.events.cloudevents import source_of
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.memory.broker import Cluster, MemoryBroker
from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.messages import Arrival, Record
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.runtime import Runtime
from tests.hostile.inputs import Input

SETTINGS: dict[str, Any] = {"database_url": "postgresql://unused", "kafka_bootstrap": "unused:1"}
PATIENCE_S = 60.0
"""How long nothing may move before the service is taken to stand still."""
PARTITIONS = 8


@dataclass(slots=True)
class World:
    """What is left when the service has taken what was published."""

    cluster: Cluster = field(default_factory=lambda: Cluster(partitions=PARTITIONS))
    tables: Tables = field(default_factory=Tables)
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    """What the intake made of the record at each place."""
    failure: BaseException | None = None
    """What ended a part of the service."""
    stuck: bool = False
    """Whether the service stood still before everything was taken, published and shown."""

    def publish(self, message: Input) -> str:
        """Append a record as a producer does; returns its place. A null key goes anywhere."""
        partition = lane_of(message.key.decode(errors="replace")) % PARTITIONS if message.key else 0
        log = self.cluster.topics.setdefault((INTAKE, partition), [])
        record = Record(
            topic=INTAKE,
            partition=partition,
            offset=len(log),
            key=message.key,
            value=message.value,
            headers=message.headers,  # type: ignore[arg-type]  # Kafka has null headers, whatever the client says
        )
        log.append(record)
        return record.place

    def published(self, topic: str) -> Iterable[Record]:
        """Everything in a topic."""
        return (one for (name, _), log in self.cluster.topics.items() if name == topic for one in log)


def run(messages: Sequence[Input]) -> tuple[World, list[str]]:
    """Let the service take the messages; the world afterwards, and the place of each message."""
    world = World()
    places = [world.publish(one) for one in messages]
    asyncio.run(_taken(world))
    return world, places


async def _taken(world: World) -> None:
    clock = SystemClock()
    made = definition(Settings(**SETTINGS))
    translate = made.translate

    def noted(record: Record) -> Arrival | None:
        arrival = translate(record)
        if arrival is not None:
            world.arrivals[record.place] = arrival
        return arrival

    runtime = Runtime(
        replace(made, translate=noted),
        MemoryStore(world.tables, Locks(), clock),
        MemoryBroker(world.cluster),
        clock,
        metrics=Metrics(),
        owner="one",
        source=source_of("order"),
    )
    await runtime.start()
    await _settled(world, runtime)
    if world.failure is None and not world.stuck:
        await runtime.stop()


async def _settled(world: World, runtime: Runtime) -> None:
    """Wait until everything is taken, published and shown, or nothing moves any more."""
    loop = asyncio.get_running_loop()
    seen, since = _progress(world), loop.time()
    while not _done(world):
        await asyncio.sleep(0.005)
        if runtime.failed.done():
            world.failure = runtime.failed.exception()
            return
        now = _progress(world)
        if now != seen:
            seen, since = now, loop.time()
        elif loop.time() - since > PATIENCE_S:
            world.stuck = True
            return


def _progress(world: World) -> tuple[int, int]:
    readers = world.tables.readers.values()
    return sum(world.cluster.offsets.values()), sum(row.position for rows in readers for row in rows.values())


def _done(world: World) -> bool:
    logs = ((place, log) for place, log in world.cluster.topics.items() if place[0] == INTAKE)
    offsets = world.cluster.offsets
    if any(offsets.get(("order", *place), 0) < len(log) for place, log in logs):
        return False
    heads = {lane: head.head for lane, head in world.tables.lanes.items()}
    relay = world.tables.readers.get("relay", {})
    return all(lane in relay and relay[lane].position == head for lane, head in heads.items() if head)

"""One instance of a service: a runtime on ports that its death cuts off at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random
from typing import Any, Protocol
from uuid import UUID

from shared.events.cloudevents import source_of
from shared.eventsourcing.broker import BrokerUnavailable, Outgoing
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.memory.broker import Cluster, MemoryBroker
from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.memory.transaction import MemoryTransaction
from shared.eventsourcing.memory.virtual_time import VirtualClock
from shared.eventsourcing.messages import Record
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.runtime import Runtime
from shared.eventsourcing.store import (
    Append,
    Claim,
    LaneHead,
    LaneSlice,
    Lease,
    LeaseLost,
    Loaded,
    Projection,
    ReaderPosition,
    StoredReminder,
    StoreUnavailable,
)
from shared.eventsourcing.views import view_id
from tests.simulation.processes import Process

CROWDED = 0.1
"""The part of the messages behind which others run before the next is sent."""


class Witness(Protocol):
    """Sees all that is written, before anyone else can."""

    def committed(self, instance: str, append: Append, claims: Sequence[Claim]) -> None:
        """A transaction took effect."""
        ...

    def cursor(self, reader: str, lane: int, before: int, after: int) -> None:
        """A reader's cursor was moved."""
        ...

    def fenced(self, what: str) -> None:
        """Somebody was kept from going on with what others have taken over."""
        ...

    def begins(self, owner: str, reader: str, lanes: Collection[int]) -> None:
        """A reader begins to do something about lanes that it read."""
        ...


class Uncounted(Metrics):
    """Metrics that nobody will ask for."""

    def __init__(self) -> None:
        pass

    def batch_committed(self, messages: int, duplicates: int, parked: int, seconds: float) -> None:
        pass

    def batch_retried(self, cause: str) -> None:
        pass

    def published(self, entries: int) -> None:
        pass

    def lag(self, positions: list[ReaderPosition]) -> None:
        pass


class WatchedTransaction(MemoryTransaction):
    """Lets others in between its statements, as a database does, and is gone when its process is."""

    def __init__(self, tables: Tables, locks: Locks, line: "Line") -> None:
        super().__init__(tables, locks)
        self._line = line
        self._ended = False

    async def claim(self, claims: Sequence[Claim]) -> frozenset[UUID]:
        await self.travel("claim")
        return await super().claim(claims)

    async def load(self, streams: Sequence[str], keys: Sequence[str], lanes: Sequence[int]) -> Loaded:
        await self.travel("load")
        return await super().load(streams, keys, lanes)

    async def _lock_lanes(self, lanes: Sequence[int]) -> Mapping[int, LaneHead]:
        await self.travel("lock lanes")
        return await super()._lock_lanes(lanes)

    async def append(self, append: Append) -> None:
        await self.travel("append")
        await super().append(append)

    async def travel(self, moment: str) -> None:
        """One statement, which fails when the database has ended the transaction."""
        await self._line.travel(moment)
        if self._ended:
            raise StoreUnavailable("the transaction stood still for too long")

    def end(self) -> None:
        """The database ends what its client has left open for too long."""
        self._ended = True
        self._locks.release_all(self)

    def written(self) -> tuple[Append | None, list[Claim]]:
        """What a commit makes visible."""
        return self._append, list(self._claims.values())


class Line:
    """A process's line to its database."""

    def __init__(self, process: Process, random: Random) -> None:
        self.down = False
        self._process = process
        self._random = random
        self._crowded = random.choice((0.1, 0.2, 0.7))
        self.open: dict[WatchedTransaction, None] = {}
        """Transactions under way."""
        self.refused = 0
        """How often it was down when it was needed."""

    async def travel(self, moment: str) -> None:
        """One statement: others may run meanwhile."""
        await self._process.stand(moment)
        if self._random.random() < self._crowded:
            await asyncio.sleep(0)
            await self._process.stand(moment)
        self.check()

    def check(self) -> None:
        """Raises StoreUnavailable while the line is down."""
        if self.down:
            self.refused += 1
            raise StoreUnavailable("the line to the database is down")


class WatchedStore(MemoryStore):
    """The store of one process: nothing is written once the process is dead."""

    def __init__(self, tables: Tables, locks: Locks, clock: Clock, process: Process, line: Line, witness: Witness):
        super().__init__(tables, locks, clock)
        self._process = process
        self._line = line
        self._witness = witness

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        await self._line.travel("begin")
        transaction = WatchedTransaction(self._tables, self._locks, self._line)
        self._line.open[transaction] = None
        try:
            yield transaction
            await transaction.travel("before commit")
            transaction.commit()
            append, claims = transaction.written()
            self._witness.committed(self._process.name, append or Append(recorded_at=self._clock.now()), claims)
        finally:
            del self._line.open[transaction]
            self._locks.release_all(transaction)
        await self._process.stand("after commit")

    async def due_reminders(self, now: datetime, limit: int) -> Sequence[StoredReminder]:
        self._line.check()
        return await super().due_reminders(now, limit)

    async def read(
        self, positions: Mapping[int, int], limit_per_lane: int, types: Collection[str] | None = None
    ) -> Sequence[LaneSlice]:
        await self._line.travel("read")
        return await super().read(positions, limit_per_lane, types)

    async def lease_lanes(
        self, reader: str, owner: str, ttl_s: float, near: Collection[int] = ()
    ) -> Mapping[int, Lease]:
        await self._line.travel("lease")
        return await super().lease_lanes(reader, owner, ttl_s, near)

    async def release_leases(self, owner: str) -> None:
        await self._line.travel("release")
        await super().release_leases(owner)

    async def advance(self, reader: str, owner: str, leases: Sequence[Lease]) -> frozenset[int]:
        await self._line.travel("before advance")
        rows = self._tables.readers[reader]
        before = {lease.lane: rows[lease.lane].position for lease in leases}
        held = await super().advance(reader, owner, leases)
        for lane in sorted(held):
            self._witness.cursor(reader, lane, before[lane], rows[lane].position)
        if len(held) < len(leases):
            self._witness.fenced("advance")
        await self._process.stand("after advance")
        return held

    async def project(self, reader: str, owner: str, leases: Sequence[Lease], projection: Projection) -> None:
        await self._line.travel("before project")
        rows = self._tables.readers[reader]
        before = {lease.lane: rows[lease.lane].position for lease in leases}
        try:
            await super().project(reader, owner, leases, projection)
        except LeaseLost:
            self._witness.fenced("project")
            raise
        for lane, position in before.items():
            self._witness.cursor(reader, lane, position, rows[lane].position)
        await self._process.stand("after project")

    async def discard_parked(
        self, key: str, *, at: datetime, actor: str, reason: str, only: Sequence[UUID] | None = None
    ) -> int:
        await self._line.travel("discard")
        return await super().discard_parked(key, at=at, actor=actor, reason=reason, only=only)


class WatchedBroker(MemoryBroker):
    """The broker's client of one process: nothing is published, no offset committed once the process is dead."""

    def __init__(self, cluster: Cluster, process: Process, random: Random, witness: Witness) -> None:
        super().__init__(cluster)
        self._process = process
        self._random = random
        self._witness = witness

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[bool]:
        self._witness.begins(self._process.name, "relay", {one.lane for one in messages})
        return await super().publish(messages)

    async def _send(self, message: Outgoing) -> None:
        await self._process.stand("before publish")
        self._cluster.append(message)
        if self._random.random() < CROWDED:
            await asyncio.sleep(0)
        await self._process.stand("after publish")

    def _commit(self, record: Record) -> None:
        self._process.reach("commit offset")
        super()._commit(record)

    def rejoin(self) -> None:
        """Be a member of the group again, after others had taken over."""
        members = self._cluster.members.setdefault(self._group, [])
        if self not in members:
            members.append(self)
            self._cluster.rebalance(self._group)


class Instance:
    """A process of a service with its own clock, its own caches and its own connections."""

    def __init__(
        self,
        definition: ServiceDefinition,
        process: Process,
        *,
        tables: Tables,
        locks: Locks,
        cluster: Cluster,
        clock: VirtualClock,
        store_clock: Clock,
        random: Random,
        witness: Witness,
    ) -> None:
        self.service = definition.model.service
        self.views = definition.views
        self.readers = ["relay", *(["effects"] if definition.effects else []), *map(view_id, definition.views)]
        self.process = process
        self.clock = clock
        self.line = Line(process, random)
        self._broker = WatchedBroker(cluster, process, random, witness)
        self.runtime = Runtime(
            definition,
            WatchedStore(tables, locks, store_clock, process, self.line, witness),
            self._broker,
            clock,
            metrics=Uncounted(),
            owner=process.name,
            source=source_of(self.service),
        )

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def responsive(self) -> bool:
        """Whether a caller reaches it."""
        return self.process.alive and not self.process.frozen and self.runtime.running

    def start(self) -> "asyncio.Task[Any]":
        """Begin to run, as a process of its own."""
        return self.process.spawn(self.runtime.start())

    def leave_group(self) -> None:
        """The broker has not heard of it for too long."""
        self._broker.leave()

    def rejoin_group(self) -> None:
        """The broker hears of it again."""
        self._broker.rejoin()

    def end_transactions(self) -> None:
        """The database has not heard of it for too long."""
        for transaction in self.line.open:
            transaction.end()

    def failure(self) -> BaseException | None:
        """What made a part of the runtime end, if anything did."""
        failed = self.runtime.failed
        return failed.exception() if failed.done() and not failed.cancelled() else None

    def poll(self) -> None:
        """What a look without being woken comes to."""
        self.runtime.wake_all()
        self.runtime._reminders.wake(self.clock.now())


def unacknowledged(moment: str, struck: Callable[[], None]) -> None:
    """A producer error; whether the broker has the message depends on the moment."""
    struck()
    raise BrokerUnavailable(f"no acknowledgement ({moment})")

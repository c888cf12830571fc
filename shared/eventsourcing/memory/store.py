"""The store port in memory."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from msgspec import structs

from shared.eventsourcing.allotment import allot
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.ids import NO_ID
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.tables import NEVER, ReaderRow, Tables
from shared.eventsourcing.memory.transaction import MemoryTransaction, require_storable
from shared.eventsourcing.store import (
    Backlog,
    DiscardedMessage,
    LaneHead,
    LaneSlice,
    Lease,
    LeaseLost,
    LogEntry,
    ParkedKey,
    ParkedMessage,
    Projection,
    ReaderPosition,
    StoredReminder,
    StreamRow,
)
from shared.eventsourcing.views import Row, document

Hazard = Callable[[str], None]
"""Called at `begin`, `before commit` and `after commit`; a simulation raises StoreUnavailable from it."""


def _calm(moment: str) -> None:
    return None


class MemoryStore:
    """Implements `Store`. Several stores over the same tables and locks are instances of one service."""

    def __init__(self, tables: Tables, locks: Locks, clock: Clock, hazard: Hazard = _calm) -> None:
        self._tables = tables
        self._locks = locks
        self._clock = clock
        self._hazard = hazard

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        self._hazard("begin")
        transaction = MemoryTransaction(self._tables, self._locks)
        try:
            yield transaction
            self._hazard("before commit")
            transaction.commit()
        finally:
            self._locks.release_all(transaction)
        self._hazard("after commit")

    async def due_reminders(self, now: datetime, limit: int) -> Sequence[StoredReminder]:
        due = [one for one in self._tables.reminders.values() if one.due_at <= now]
        return sorted(due, key=lambda one: (one.due_at, one.id))[:limit]

    async def next_reminder_at(self) -> datetime | None:
        return min((one.due_at for one in self._tables.reminders.values()), default=None)

    async def lease_lanes(
        self, reader: str, owner: str, ttl_s: float, near: Collection[int] = ()
    ) -> Mapping[int, Lease]:
        now = self._clock.now()
        until = now + timedelta(seconds=ttl_s)
        self._tables.instances[owner] = until
        self._tables.near[owner] = frozenset(near)
        self._tables.runs.setdefault(owner, set()).add(reader)
        rows = self._tables.readers.get(reader)
        if rows is None:
            rows = self._tables.readers[reader] = {lane: ReaderRow() for lane in range(LANES)}
        living = (one for one, seen in self._tables.instances.items() if seen > now and one != owner)
        others = [self._tables.near[one] for one in living if reader in self._tables.runs[one]]
        mine: list[int] = []
        free: list[int] = []
        for lane, row in rows.items():
            if row.expires_at <= now:
                free.append(lane)
            elif row.owner == owner:
                mine.append(lane)
        allotment = allot(mine, free, near, others)
        for lane in allotment.given_up:
            rows[lane].expires_at = NEVER
        for lane in allotment.taken:
            rows[lane].owner = owner
            rows[lane].epoch += 1
        leases = {}
        for lane in (*allotment.kept, *allotment.taken):
            row = rows[lane]
            row.expires_at = until
            leases[lane] = Lease(lane, row.position, row.epoch)
        return leases

    async def release_leases(self, owner: str) -> None:
        lives = {one for one in self._tables.instances if one == owner or one.startswith(f"{owner}/")}
        for rows in self._tables.readers.values():
            for row in rows.values():
                if row.owner in lives:
                    row.expires_at = NEVER
        for life in lives:
            del self._tables.instances[life], self._tables.near[life], self._tables.runs[life]

    async def read(
        self, positions: Mapping[int, int], limit_per_lane: int, types: Collection[str] | None = None
    ) -> Sequence[LaneSlice]:
        slices = []
        lanes = self._tables.lanes
        for lane in sorted(lane for lane, after in positions.items() if lanes[lane].head > after):
            head, after = lanes[lane].head, positions[lane]
            wanted = [one for one in self._tables.log[lane][after:] if types is None or one.type in types]
            entries = tuple(wanted[:limit_per_lane])
            full = len(entries) == limit_per_lane
            slices.append(LaneSlice(lane, entries, entries[-1].position if full else head))
        return slices

    async def advance(self, reader: str, owner: str, leases: Sequence[Lease]) -> frozenset[int]:
        held = self._held(reader, owner, leases)
        for lease in leases:
            if lease.lane in held:
                self._tables.readers[reader][lease.lane].position = lease.position
        return held

    async def project(self, reader: str, owner: str, leases: Sequence[Lease], projection: Projection) -> None:
        if len(self._held(reader, owner, leases)) != len(leases):
            raise LeaseLost(f"{reader} no longer holds all its lanes")
        require_storable(*projection.keys)
        rows = self._tables.views.setdefault(reader, {})
        after = projection.apply({key: rows[key] for key in projection.keys if key in rows})
        self._hazard("before commit")
        for lease in leases:
            self._tables.readers[reader][lease.lane].position = lease.position
        for key, row in after.items():
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = orjson.loads(document(row))

    async def view_row(self, view: str, key: str) -> Row | None:
        require_storable(key)
        return self._tables.views.get(view, {}).get(key)

    async def view_rows(
        self,
        view: str,
        where: Mapping[str, str | Sequence[str]],
        order_by: str,
        descending: bool,
        limit: int,
        offset: int,
    ) -> list[Row]:
        def matches(row: Row) -> bool:
            return all(
                row.get(name) is not None and _text(row[name]) in ([one] if isinstance(one, str) else one)
                for name, one in where.items()
            )

        rows = [(key, row) for key, row in self._tables.views.get(view, {}).items() if matches(row)]
        rows.sort(key=lambda found: (_text(found[1].get(order_by)), found[0]), reverse=descending)
        return [row for _, row in rows[offset : offset + limit]]

    async def view_counts(self, view: str, field: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for row in self._tables.views.get(view, {}).values():
            value = _text(row.get(field))
            counts[value] = counts.get(value, 0) + 1
        return dict(sorted(counts.items()))

    async def stream(self, stream: str) -> StreamRow | None:
        require_storable(stream)
        return self._tables.streams.get(stream)

    async def streams(self, category: str, after: str, limit: int) -> Sequence[tuple[str, StreamRow]]:
        names = sorted(name for name in self._tables.streams if name > after and name.startswith(f"{category}-"))
        return [(name, self._tables.streams[name]) for name in names[:limit]]

    async def stream_events(
        self, stream: str, after_version: int = 0, limit: int | None = None
    ) -> Sequence[LogEntry]:
        facts = self._tables.stream_events.get(stream, [])
        start = bisect_right(facts, after_version, key=lambda one: one.version)
        return facts[start:] if limit is None else facts[start : start + limit]

    async def correlated(self, correlation_id: str) -> Sequence[LogEntry]:
        return sorted(self._tables.correlated.get(correlation_id, ()), key=lambda one: (one.lane, one.position))

    async def reminders(self, correlation_ids: Collection[str]) -> Sequence[StoredReminder]:
        wanted = set(correlation_ids)
        found = [one for one in self._tables.reminders.values() if one.correlation_id in wanted]
        return sorted(found, key=lambda one: (one.due_at, one.id))

    async def lanes(self) -> Mapping[int, LaneHead]:
        return dict(self._tables.lanes)

    async def reader_positions(self) -> Sequence[ReaderPosition]:
        return [
            ReaderPosition(
                reader,
                lane,
                row.position,
                self._tables.lanes[lane].head,
                row.owner if row.expires_at > self._clock.now() else "",
                row.epoch,
            )
            for reader, rows in sorted(self._tables.readers.items())
            for lane, row in sorted(rows.items())
        ]

    async def backlog(self, overdue_since: datetime) -> Backlog:
        overdue = sum(1 for one in self._tables.reminders.values() if one.due_at < overdue_since)
        return Backlog(len(self._tables.parked), overdue)

    async def consumed(self, source: str, after: UUID, limit: int) -> Sequence[UUID]:
        inbox = self._tables.inbox.values()
        return sorted(one.message_id for one in inbox if one.source == source and one.message_id > after)[:limit]

    async def answers(self, after: UUID, limit: int) -> Sequence[tuple[UUID, str]]:
        return sorted(one for one in self._tables.replies.items() if one[0] > after)[:limit]

    async def taken(self, message_ids: Collection[UUID]) -> frozenset[UUID]:
        return frozenset(one for one in message_ids if one in self._tables.inbox)

    async def published(
        self, topic: str, types: Collection[str], lane: int, after: UUID, limit: int
    ) -> Sequence[UUID]:
        found = [
            one.id for one in self._tables.log[lane] if one.topic == topic and one.type in types and one.id > after
        ]
        return sorted(found)[:limit]

    async def parked(
        self, key: str | None = None, *, after: UUID = NO_ID, limit: int | None = None, whole: bool = True
    ) -> Sequence[ParkedMessage]:
        found = [one for one in self._tables.parked.values() if one.id > after and key in (None, one.key)]
        return [_as_told(one, whole) for one in sorted(found, key=attrgetter("id"))[:limit]]

    async def parked_keys(self, after: str, limit: int, *, whole: bool) -> Sequence[ParkedKey]:
        keys: dict[str, list[ParkedMessage]] = {}
        for one in self._tables.parked.values():
            keys.setdefault(one.key, []).append(one)
        page = sorted(key for key in keys if key > after)[:limit]
        return [ParkedKey(_as_told(keys[key][0], whole), len(keys[key])) for key in page]

    async def parked_under(self, key: str) -> int:
        return sum(one.key == key for one in self._tables.parked.values())

    async def first_parked(self, key: str) -> ParkedMessage | None:
        return next((one for one in self._tables.parked.values() if one.key == key and one.blocking), None)

    async def discard_parked(
        self, key: str, *, at: datetime, actor: str, reason: str, only: Sequence[UUID] | None = None
    ) -> int:
        under = [one for one in self._tables.parked.values() if one.key == key]
        gone = [one for one in under if only is None or one.id in only]
        for one in gone:
            del self._tables.parked[one.id]
            self._tables.discarded.append(DiscardedMessage(one, at, actor, reason))
        return len(gone)

    async def discarded(
        self, *, after: UUID = NO_ID, limit: int | None = None, whole: bool = True
    ) -> Sequence[DiscardedMessage]:
        found = sorted(self._tables.discarded, key=attrgetter("message.id"))
        page = [one for one in found if one.message.id > after][:limit]
        return [replace(one, message=_as_told(one.message, whole)) for one in page]

    async def ping(self) -> None:
        self._hazard("begin")

    def _held(self, reader: str, owner: str, leases: Sequence[Lease]) -> frozenset[int]:
        now = self._clock.now()
        rows = self._tables.readers.get(reader, {})
        return frozenset(
            lease.lane
            for lease in leases
            if (row := rows.get(lease.lane)) is not None
            and row.owner == owner
            and row.epoch == lease.epoch
            and row.expires_at > now
        )


def _as_told(message: ParkedMessage, whole: bool) -> ParkedMessage:
    return message if whole else structs.replace(message, payload=b"")


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()

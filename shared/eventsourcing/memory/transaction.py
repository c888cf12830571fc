"""One batch's transaction in memory: writes are kept back until the commit, rows stay locked until then."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import orjson
from msgspec import structs

from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.store import (
    Append,
    Claim,
    LaneHead,
    Loaded,
    LogEntry,
    ParkedMessage,
    StoreConflict,
    StoredReminder,
    StoredReply,
    StoreRejects,
    StreamRow,
    StreamWrite,
)


class MemoryTransaction:
    """Implements `Transaction`."""

    def __init__(self, tables: Tables, locks: Locks) -> None:
        self._tables = tables
        self._locks = locks
        self._claims: dict[UUID, Claim] = {}
        self._append: Append | None = None

    async def claim(self, claims: Sequence[Claim]) -> frozenset[UUID]:
        fresh = set()
        for claim in sorted(claims, key=lambda one: one.message_id):
            require_storable(claim.source)
            await self._locks.acquire(("inbox", claim.message_id), self)
            if claim.message_id not in self._tables.inbox and claim.message_id not in self._claims:
                self._claims[claim.message_id] = claim
                fresh.add(claim.message_id)
        return frozenset(fresh)

    async def replies(self, message_ids: Sequence[UUID]) -> Mapping[UUID, StoredReply]:
        known = {**self._tables.inbox, **self._claims}
        return {
            one: StoredReply(known[one].digest, self._tables.replies.get(one, ""))
            for one in message_ids
            if one in known
        }

    async def load(self, streams: Sequence[str], keys: Sequence[str], lanes: Sequence[int]) -> Loaded:
        require_storable(*streams, *keys)
        heads = await self._lock_lanes(lanes)
        parked = {one.key for one in self._tables.parked.values() if one.blocking}.intersection(keys)
        rows = {}
        for stream in sorted(streams):
            if stream in self._tables.streams:
                await self._locks.acquire(("stream", stream), self)
                rows[stream] = self._tables.streams[stream]
        return Loaded(rows, frozenset(parked), heads)

    async def standing(self, parked: Sequence[UUID]) -> frozenset[UUID]:
        for one in parked:
            await self._locks.acquire(("parked", one), self)
        return frozenset(one for one in parked if one in self._tables.parked)

    async def append(self, append: Append) -> None:
        _check_columns(append)
        for write in append.streams:
            stands = self._tables.streams.get(write.stream)
            if write.is_new != (stands is None):
                raise StoreConflict(f"stream {write.stream} was begun by another writer")
        if any(one not in self._tables.parked for one in append.unparked):
            raise StoreConflict("a parked message was taken by somebody else")
        self._append = append

    async def _lock_lanes(self, lanes: Sequence[int]) -> Mapping[int, LaneHead]:
        for lane in sorted(lanes):
            await self._locks.acquire(("lane", lane), self)
        return {lane: self._tables.lanes[lane] for lane in lanes}

    def commit(self) -> None:
        """Make everything visible at once.

        Raises:
            StoreConflict: another writer began the same stream or took a parked message first.
        """
        tables, append = self._tables, self._append
        if append is not None and (
            any(write.is_new and write.stream in tables.streams for write in append.streams)
            or any(one not in tables.parked for one in append.unparked)
        ):
            raise StoreConflict("another writer came first")
        tables.inbox.update(self._claims)
        if append is None:
            return
        for entry in append.entries:
            tables.log[entry.lane].append(entry)
            tables.correlated.setdefault(entry.correlation_id, []).append(entry)
            if entry.kind == "event":
                tables.stream_events.setdefault(entry.stream, []).append(entry)
        tables.lanes.update(append.heads)
        for write in append.streams:
            tables.streams[write.stream] = StreamRow(write.version, write.state)
        for reminder in append.reminders:
            tables.reminders[reminder.id] = reminder
        for done in append.done_reminders:
            tables.reminders.pop(done, None)
        tables.replies.update(append.replies)
        for message in append.parked:
            tables.parked[message.id] = message
        for one in append.unparked:
            del tables.parked[one]


def require_storable(*texts: str) -> None:
    """Refuse what a text column of PostgreSQL refuses.

    Raises:
        StoreRejects: a text contains NUL.
    """
    if "\x00" in "".join(texts):
        raise StoreRejects("a text column holds no NUL")


def _check_columns(append: Append) -> None:
    rows: list[LogEntry | StreamWrite | StoredReminder | ParkedMessage] = [*append.entries, *append.streams]
    rows += (*append.reminders, *append.parked)
    require_storable(*[one for row in rows for one in structs.astuple(row) if isinstance(one, str)])
    documents = [one.payload for one in append.entries] + [one.payload for one in append.reminders]
    for document in (*documents, *(one.state for one in append.streams)):
        try:
            orjson.loads(document)
        except orjson.JSONDecodeError as error:
            raise StoreRejects(f"a json column holds JSON only: {error}") from None

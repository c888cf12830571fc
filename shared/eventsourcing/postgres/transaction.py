"""One batch's transaction on PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from msgspec.structs import astuple

from shared.eventsourcing.postgres.statements import SQL
from shared.eventsourcing.store import (
    Append,
    Claim,
    LaneHead,
    Loaded,
    LogEntry,
    ParkedMessage,
    StoreConflict,
    StoredReply,
    StreamRow,
)

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


class PostgresTransaction:
    """Implements `Transaction`; the connection is inside BEGIN when it gets here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(self, claims: Sequence[Claim]) -> frozenset[UUID]:
        ordered = sorted(claims, key=lambda claim: claim.message_id)  # who claims in one order never deadlocks
        rows = await self._connection.fetch(
            SQL["claim_messages"],
            [claim.message_id for claim in ordered],
            [claim.source for claim in ordered],
            [claim.lane for claim in ordered],
            [claim.digest for claim in ordered],
        )
        return frozenset(row[0] for row in rows)

    async def replies(self, message_ids: Sequence[UUID]) -> Mapping[UUID, StoredReply]:
        rows = await self._connection.fetch(SQL["replies"], list(message_ids))
        return {row["message_id"]: StoredReply(row["digest"], row["reply"]) for row in rows}

    async def load(self, streams: Sequence[str], keys: Sequence[str], lanes: Sequence[int]) -> Loaded:
        heads = await self._connection.fetch(SQL["lock_lanes"], list(lanes))
        # A statement of its own, after the lock: whoever was waited for may have parked a key or begun a stream.
        rows = await self._connection.fetch(SQL["lock_streams"], list(streams), list(keys))
        return Loaded(
            {row["stream"]: StreamRow(row["version"], row["state"]) for row in rows if row["stream"] is not None},
            frozenset(rows[0]["parked_keys"]),
            {row["lane"]: LaneHead(row["head"], row["chain_hash"]) for row in heads},
        )

    async def standing(self, parked: Sequence[UUID]) -> frozenset[UUID]:
        rows = await self._connection.fetch(SQL["lock_parked"], list(parked))
        return frozenset(row[0] for row in rows)

    async def append(self, append: Append) -> None:
        if append.entries or append.streams or append.reminders or append.replies:
            await self._append(append)
        if append.done_reminders:
            await self._connection.execute(SQL["delete_reminders"], list(append.done_reminders))
        if append.parked:
            await self._park(append.parked)
        if append.unparked:
            gone = await self._connection.fetch(SQL["delete_parked"], list(append.unparked))
            if len(gone) != len(append.unparked):
                raise StoreConflict("a parked message was taken by somebody else")

    async def _append(self, append: Append) -> None:
        changed = [(write.stream, write.version, write.state) for write in append.streams if not write.is_new]
        updated = await self._connection.fetchval(
            SQL["append"],
            [_row(entry) for entry in append.entries],
            [(lane, head.head, head.chain_hash) for lane, head in append.heads.items()],
            [(write.stream, write.version, write.state) for write in append.streams if write.is_new],
            changed,
            [astuple(reminder) for reminder in append.reminders],
            list(append.replies.keys()),
            list(append.replies.values()),
        )
        if updated != len(changed):
            raise StoreConflict(f"streams changed under the batch: {updated} of {len(changed)}")

    async def _park(self, parked: Sequence[ParkedMessage]) -> None:
        await self._connection.execute(
            SQL["park"],
            [message.id for message in parked],
            [message.key for message in parked],
            [message.blocking for message in parked],
            [message.message_id for message in parked],
            [message.source for message in parked],
            [message.type for message in parked],
            [message.payload for message in parked],
            [message.correlation_id for message in parked],
            [message.actor for message in parked],
            [message.explanation for message in parked],
            [orjson.dumps(dict(message.origin)).decode() for message in parked],
            [message.parked_at for message in parked],
        )


def _row(entry: LogEntry) -> tuple[Any, ...]:
    """An entry as a row of the table."""
    return astuple(entry)[:-1]  # all but the message, which is its last

"""The store port on PostgreSQL."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from shared.eventsourcing.allotment import allot
from shared.eventsourcing.ids import NO_ID
from shared.eventsourcing.postgres.statements import SQL
from shared.eventsourcing.postgres.transaction import Connection, PostgresTransaction
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
    StoreConflict,
    StoredReminder,
    StoreRejects,
    StoreUnavailable,
    StreamRow,
)
from shared.eventsourcing.views import Row, document

log = structlog.get_logger()

_CONFLICTS = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.LockNotAvailableError,
)
_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the driver makes of a connection that dies in the middle of a statement
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a server that takes no writes while its disk is full
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    ConnectionError,
    OSError,
    TimeoutError,
)
_PASSING = (asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, ConnectionError)
"""Of a server that starts, recovers or is away: it may be there in a moment."""
PAUSE_S = 0.5
"""Between two looks for a server that is away."""
WAITS_S = 10.0
"""How long a statement waits for a connection of the pool."""
CLOSE_WITHIN_S = 10.0
"""How long what is under way may hold up the end."""
_REJECTED = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, asyncpg.IntegrityConstraintViolationError)


class _Connection(asyncpg.Connection):
    """A connection that goes back to its pool as it is: nothing here leaves settings, cursors or locks behind."""

    def get_reset_query(self) -> str:
        return ""


class PostgresStore:
    """Implements `Store` with a pool of connections to one service's database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", backends: set[int]) -> None:
        self._pool = pool
        self._backends = backends
        """Server processes of this pool's own connections."""

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        max_connections: int = 8,
        stands_still_s: float = 10.0,
        patience_s: float = 0.0,
    ) -> "PostgresStore":
        """Open the pool, and wait so long for a server that starts or is away.

        `stands_still_s` is how long a transaction may wait for its client; three times that is how long it may
        last. The server then ends it, so that a process that is frozen in the middle of one keeps its locks from
        nobody. Both, because between the two halves of a statement the server waits without calling it idle.

        Raises:
            StoreUnavailable: the database can't be reached.
        """
        address = url.rpartition("@")[2].partition("?")[0]
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return await cls._open(url, tls, max_connections, stands_still_s)
            except (asyncpg.PostgresError, *_UNAVAILABLE) as error:
                what = f"no database at {address}: {str(error) or type(error).__name__}"
                if not isinstance(error, _PASSING) or time.monotonic() > deadline:
                    raise StoreUnavailable(what) from error
            log.warning("waiting for the database", error=what)
            await asyncio.sleep(PAUSE_S)

    @classmethod
    async def _open(
        cls, url: str, tls: ssl.SSLContext | None, max_connections: int, stands_still_s: float
    ) -> "PostgresStore":
        backends: set[int] = set()

        async def note_backend(connection: asyncpg.Connection) -> None:
            backends.add(connection.get_server_pid())

        pool = await asyncpg.create_pool(
            url,
            connection_class=_Connection,
            init=note_backend,
            ssl=tls,
            min_size=1,
            max_size=max_connections,
            command_timeout=30,
            timeout=5,
            server_settings={
                "application_name": "orderstream",
                "jit": "off",
                "idle_in_transaction_session_timeout": str(round(stands_still_s * 1000)),
                "transaction_timeout": str(round(3 * stands_still_s * 1000)),
            },
        )
        return cls(pool, backends)

    async def close(self) -> None:
        """Close the pool, waiting a while for what is under way."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_WITHIN_S)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        async with self._begun() as connection:
            yield PostgresTransaction(connection)

    async def due_reminders(self, now: datetime, limit: int) -> Sequence[StoredReminder]:
        return [StoredReminder(**dict(row)) for row in await self._fetch("due_reminders", now, limit)]

    async def next_reminder_at(self) -> datetime | None:
        moment: datetime | None = (await self._fetch("next_reminder_at"))[0][0]
        return moment

    async def lease_lanes(
        self, reader: str, owner: str, ttl_s: float, near: Collection[int] = ()
    ) -> Mapping[int, Lease]:
        async with self._begun() as connection:
            await connection.execute(SQL["seen"], owner, ttl_s, sorted(near), reader)
            rows = await connection.fetch(SQL["lock_reader"], reader)
            if not rows:
                await connection.execute(SQL["add_reader"], reader)
                rows = await connection.fetch(SQL["lock_reader"], reader)
            others = [row["near"] for row in await connection.fetch(SQL["other_instances"], owner, reader)]
            mine = {row["lane"]: row for row in rows if row["held"] and row["owner"] == owner}
            free = [row["lane"] for row in rows if not row["held"]]
            allotment = allot(list(mine), free, near, others)
            if allotment.given_up:
                await connection.execute(SQL["give_up_leases"], reader, owner, allotment.given_up)
            if allotment.kept:
                await connection.execute(SQL["renew_leases"], reader, owner, allotment.kept, ttl_s)
            held = [mine[lane] for lane in allotment.kept]
            if allotment.taken:
                held += await connection.fetch(SQL["take_leases"], reader, owner, allotment.taken, ttl_s)
            return {row["lane"]: Lease(row["lane"], row["position"], row["epoch"]) for row in held}

    async def release_leases(self, owner: str) -> None:
        await self._fetch("release_leases", owner)
        await self._fetch("forget_instances", owner)

    async def read(
        self, positions: Mapping[int, int], limit_per_lane: int, types: Collection[str] | None = None
    ) -> Sequence[LaneSlice]:
        lanes, after = list(positions.keys()), list(positions.values())
        if types is None:
            rows = await self._fetch("read_lanes", lanes, after, limit_per_lane)
        else:
            rows = await self._fetch("read_lanes_of_types", lanes, after, limit_per_lane, list(types))
        by_lane: dict[int, list[LogEntry]] = {}
        heads: dict[int, int] = {}
        for row in rows:
            entries = by_lane.setdefault(row["cursor_lane"], [])
            heads[row["cursor_lane"]] = row["head"]
            if row["lane"] is not None:
                entries.append(_entry(row))
        return [
            LaneSlice(
                lane, tuple(entries), entries[-1].position if len(entries) == limit_per_lane else heads[lane]
            )
            for lane, entries in by_lane.items()
        ]

    async def advance(self, reader: str, owner: str, leases: Sequence[Lease]) -> frozenset[int]:
        rows = await self._fetch("advance", reader, owner, *_lease_columns(leases))
        return frozenset(row[0] for row in rows)

    async def project(self, reader: str, owner: str, leases: Sequence[Lease], projection: Projection) -> None:
        async with self._begun() as connection:
            held = await connection.fetch(SQL["advance"], reader, owner, *_lease_columns(leases))
            if len(held) != len(leases):
                raise LeaseLost(f"{reader} no longer holds all its lanes")
            locked = await connection.fetch(SQL["lock_view_rows"], reader, sorted(projection.keys))
            before = {row["key"]: orjson.loads(row["row"]) for row in locked}
            after = projection.apply(before)
            written = {key: document(row).decode() for key, row in sorted(after.items()) if row is not None}
            new = {key: row for key, row in written.items() if key not in before}
            changed = {key: row for key, row in written.items() if key in before}
            if new:
                status = await connection.execute(SQL["add_view_rows"], reader, list(new), list(new.values()))
                if status != f"INSERT 0 {len(new)}":
                    # There was nothing to lock: another lane's reader began one of these rows meanwhile.
                    raise StoreConflict(f"rows of {reader} were begun by another writer")
            if changed:
                columns = list(changed), list(changed.values())
                await connection.execute(SQL["rewrite_view_rows"], reader, *columns)
            if gone := [key for key in before if after.get(key, before[key]) is None]:
                await connection.execute(SQL["delete_view_rows"], reader, gone)

    async def view_row(self, view: str, key: str) -> Row | None:
        rows = await self._fetch("view_row", view, key)
        return orjson.loads(rows[0]["row"]) if rows else None

    async def view_rows(
        self,
        view: str,
        where: Mapping[str, str | Sequence[str]],
        order_by: str,
        descending: bool,
        limit: int,
        offset: int,
    ) -> list[Row]:
        wanted = {field: [value] if isinstance(value, str) else list(value) for field, value in where.items()}
        first = next(iter(wanted), "")
        values = wanted.pop(first, [])
        name = "view_rows_descending" if descending else "view_rows_ascending"
        besides = orjson.dumps(wanted).decode()
        rows = await self._fetch(name, view, first, values, besides, order_by, limit, offset)
        return [orjson.loads(row["row"]) for row in rows]

    async def view_counts(self, view: str, field: str) -> dict[str, int]:
        return {row["value"]: row["number"] for row in await self._fetch("view_counts", view, field)}

    async def stream(self, stream: str) -> StreamRow | None:
        rows = await self._fetch("stream", stream)
        return StreamRow(rows[0]["version"], rows[0]["state"]) if rows else None

    async def streams(self, category: str, after: str, limit: int) -> Sequence[tuple[str, StreamRow]]:
        rows = await self._fetch("streams", after, f"{category}-", f"{category}.", limit)
        return [(row["stream"], StreamRow(row["version"], row["state"])) for row in rows]

    async def stream_events(
        self, stream: str, after_version: int = 0, limit: int | None = None
    ) -> Sequence[LogEntry]:
        return [_entry(row) for row in await self._fetch("stream_events", stream, after_version, limit)]

    async def correlated(self, correlation_id: str) -> Sequence[LogEntry]:
        return [_entry(row) for row in await self._fetch("correlated", correlation_id)]

    async def reminders(self, correlation_ids: Collection[str]) -> Sequence[StoredReminder]:
        return [StoredReminder(**dict(row)) for row in await self._fetch("reminders_of", list(correlation_ids))]

    async def lanes(self) -> Mapping[int, LaneHead]:
        return {row["lane"]: LaneHead(row["head"], row["chain_hash"]) for row in await self._fetch("lanes")}

    async def reader_positions(self) -> Sequence[ReaderPosition]:
        return [ReaderPosition(**dict(row)) for row in await self._fetch("reader_positions")]

    async def backlog(self, overdue_since: datetime) -> Backlog:
        return Backlog(**dict((await self._fetch("backlog", overdue_since))[0]))

    async def consumed(self, source: str, after: UUID, limit: int) -> Sequence[UUID]:
        return [row[0] for row in await self._fetch("consumed", source, after, limit)]

    async def answers(self, after: UUID, limit: int) -> Sequence[tuple[UUID, str]]:
        return [(row["message_id"], row["reply"]) for row in await self._fetch("answers", after, limit)]

    async def taken(self, message_ids: Collection[UUID]) -> frozenset[UUID]:
        return frozenset(row[0] for row in await self._fetch("taken", list(message_ids)))

    async def published(
        self, topic: str, types: Collection[str], lane: int, after: UUID, limit: int
    ) -> Sequence[UUID]:
        return [row[0] for row in await self._fetch("published", lane, topic, list(types), after, limit)]

    async def parked(
        self, key: str | None = None, *, after: UUID = NO_ID, limit: int | None = None, whole: bool = True
    ) -> Sequence[ParkedMessage]:
        return [_parked(dict(row)) for row in await self._fetch("parked_messages", key, after, limit, whole)]

    async def parked_keys(self, after: str, limit: int, *, whole: bool) -> Sequence[ParkedKey]:
        found = []
        for row in await self._fetch("parked_keys", after, limit, whole):
            columns = dict(row)
            messages = columns.pop("messages")
            found.append(ParkedKey(_parked(columns), messages))
        return found

    async def parked_under(self, key: str) -> int:
        number: int = (await self._fetch("parked_under", key))[0]["number"]
        return number

    async def first_parked(self, key: str) -> ParkedMessage | None:
        rows = await self._fetch("first_parked", key)
        return _parked(dict(rows[0])) if rows else None

    async def discard_parked(
        self, key: str, *, at: datetime, actor: str, reason: str, only: Sequence[UUID] | None = None
    ) -> int:
        async with self._begun() as connection:
            status = await connection.execute(SQL["discard_parked"], key, at, actor, reason, only)
            return int(status.rpartition(" ")[2])

    async def discarded(
        self, *, after: UUID = NO_ID, limit: int | None = None, whole: bool = True
    ) -> Sequence[DiscardedMessage]:
        found = []
        for row in await self._fetch("discarded_messages", after, limit, whole):
            columns = dict(row)
            decided = [columns.pop(name) for name in ("discarded_at", "discarded_by", "discarded_because")]
            found.append(DiscardedMessage(_parked(columns), *decided))
        return found

    async def ping(self) -> None:
        await self._fetch("lanes")

    async def listen(
        self,
        written: Callable[[Collection[int]], None],
        listening: Callable[[], None],
        pause: Callable[[], Awaitable[object]],
    ) -> None:
        """Tell to which lanes another instance has written; after each `pause` make sure the connection lives.

        Calls `listening` as soon as nothing goes unheard any more.
        A commit rings only while several instances are known to run; one that begins polls until it is known.

        Raises:
            StoreUnavailable: the connection was lost.
        """

        def notified(_: object, backend: int, __: str, lanes: object) -> None:
            if backend not in self._backends:
                written([int(lane) for lane in str(lanes).split()])

        async with self._connected() as connection:
            await connection.add_listener("log", notified)
            listening()
            try:
                while True:
                    await pause()
                    await connection.fetchval("select 1")
            finally:
                if not connection.is_closed():
                    await connection.remove_listener("log", notified)

    async def _fetch(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self._connected() as connection:
            return await connection.fetch(SQL[name], *arguments)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        try:
            async with asyncio.timeout(WAITS_S):  # the pool's own timeout costs a task each time
                connection = await self._pool.acquire()
            try:
                yield connection
            finally:
                await self._pool.release(connection)
        except _CONFLICTS as error:
            raise StoreConflict(str(error)) from error
        except _UNAVAILABLE as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
        except _REJECTED as error:
            raise StoreRejects(f"{type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[Connection]:
        async with self._connected() as connection, connection.transaction():
            yield connection


def _lease_columns(leases: Sequence[Lease]) -> tuple[list[int], list[int], list[int]]:
    return [one.lane for one in leases], [one.position for one in leases], [one.epoch for one in leases]


def _entry(row: asyncpg.Record) -> LogEntry:
    return LogEntry(
        lane=row["lane"],
        position=row["position"],
        id=row["id"],
        kind=row["kind"],
        type=row["type"],
        topic=row["topic"],
        stream=row["stream"],
        version=row["version"],
        partition_key=row["partition_key"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        actor=row["actor"],
        reason=row["reason"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        traceparent=row["traceparent"],
        payload=row["payload"],
        hash=row["hash"],
    )


def _parked(columns: dict[str, Any]) -> ParkedMessage:
    columns["origin"] = orjson.loads(columns["origin"])
    return ParkedMessage(**columns)

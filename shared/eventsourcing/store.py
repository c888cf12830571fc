"""The port to a service's store: inbox, streams, lanes, reminders, parked messages, readers and views."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from shared.events.payload import Payload
from shared.eventsourcing.ids import NO_ID
from shared.eventsourcing.views import Row


class StoreConflict(Exception):
    """Another writer came first: roll back and decide again."""


class StoreUnavailable(Exception):
    """The store can't be reached or lost the connection; whether a commit took effect may be unknown."""


class StoreRejects(Exception):
    """The store can't hold a value of this batch; trying again won't help."""


class LeaseLost(Exception):
    """Another reader holds the lane now."""


class Claim(Struct, frozen=True, gc=False):
    """A message id to be claimed in the inbox."""

    message_id: UUID
    source: str
    lane: int
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What an earlier message with this id was, and what it was answered."""

    digest: bytes
    reply: str
    """JSON; empty when it had no answer yet (it is parked)."""


class StreamRow(Struct, frozen=True, gc=False):
    """A stream's folded state; version 0 stands for a stream that does not exist yet."""

    version: int
    state: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch needs before it can be decided."""

    streams: Mapping[str, StreamRow]
    parked_keys: frozenset[str]
    heads: Mapping[int, "LaneHead"]


class LaneHead(Struct, frozen=True, gc=False):
    """The last position of a lane and its chain hash."""

    head: int
    chain_hash: bytes


class LogEntry(Struct, frozen=True, kw_only=True, gc=False):
    """One row of the log: an event of a stream, or a command to another service; fields as the columns are."""

    lane: int
    position: int
    id: UUID
    kind: Literal["event", "command"]
    type: str
    topic: str
    stream: str
    """Empty for a command."""
    version: int
    """0 for a command."""
    partition_key: str
    correlation_id: str
    causation_id: UUID
    actor: str
    reason: str
    occurred_at: datetime
    recorded_at: datetime
    traceparent: str
    payload: str
    hash: bytes
    message: Payload | None = None
    """The payload as this process decided it; None for an entry that came from the store."""


class StreamWrite(Struct, frozen=True, kw_only=True, gc=False):
    """A stream's state after the batch."""

    stream: str
    version: int
    state: str
    is_new: bool


class StoredReminder(Struct, frozen=True, kw_only=True, gc=False):
    """A message to the service itself, due at a time."""

    id: UUID
    due_at: datetime
    type: str
    payload: str
    partition_key: str
    correlation_id: str
    actor: str
    traceparent: str = ""


class ParkedMessage(Struct, frozen=True, kw_only=True, gc=False):
    """A message that could not be decided, with all that is needed to try it again."""

    id: UUID
    key: str
    blocking: bool
    """Later messages of the key queue behind it."""
    message_id: UUID
    source: str
    type: str
    """Empty when the bytes hold no message."""
    payload: bytes
    correlation_id: str
    actor: str
    explanation: str
    origin: Mapping[str, str]
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """A key that stands still."""

    first: ParkedMessage
    """What is tried again first."""
    messages: int
    """How many there are with it."""


@dataclass(frozen=True, slots=True)
class DiscardedMessage:
    """A parked message that a person decided to drop: it stays readable."""

    message: ParkedMessage
    at: datetime
    actor: str
    reason: str


class Append(Struct, frozen=True, kw_only=True, gc=False):
    """All that one batch writes; one statement of the store."""

    recorded_at: datetime
    entries: Sequence[LogEntry] = ()
    heads: Mapping[int, LaneHead] = {}
    streams: Sequence[StreamWrite] = ()
    reminders: Sequence[StoredReminder] = ()
    done_reminders: Sequence[UUID] = ()
    replies: Mapping[UUID, str] = {}
    parked: Sequence[ParkedMessage] = ()
    unparked: Sequence[UUID] = ()


class Transaction(Protocol):
    """One batch's transaction. Locks are taken in one order: streams by name, then lanes by number."""

    async def claim(self, claims: Sequence[Claim]) -> frozenset[UUID]:
        """Claim message ids; returns those that were not claimed before."""
        ...

    async def replies(self, message_ids: Sequence[UUID]) -> Mapping[UUID, StoredReply]:
        """What was answered to messages claimed earlier."""
        ...

    async def load(self, streams: Sequence[str], keys: Sequence[str], lanes: Sequence[int]) -> Loaded:
        """The heads of lanes and the states of streams, locked until the end, and which of the keys are parked.

        The lanes first: what another writer of them parked or began until then is seen.
        """
        ...

    async def standing(self, parked: Sequence[UUID]) -> frozenset[UUID]:
        """Which parked messages are still there, locked until the end."""
        ...

    async def append(self, append: Append) -> None:
        """Write the batch."""
        ...


class Lease(Struct, frozen=True, gc=False):
    """A reader's hold on a lane: fenced by its epoch."""

    lane: int
    position: int
    epoch: int


class LaneSlice(Struct, frozen=True, gc=False):
    """Entries of one lane after a position; `scanned_to` is how far the lane has been looked through."""

    lane: int
    entries: tuple[LogEntry, ...]
    scanned_to: int


@dataclass(frozen=True, slots=True)
class ReaderPosition:
    """How far a reader is in a lane."""

    reader: str
    lane: int
    position: int
    head: int
    owner: str
    """Who holds the lane; empty: nobody does."""
    epoch: int
    """How often the lane has been taken."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a person, or should have been brought by now."""

    parked: int
    overdue_reminders: int


class Store(Protocol):
    """A service's own store."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that commits when its block ends and rolls back when it raises.

        Raises:
            StoreConflict: a concurrent writer came first.
            StoreUnavailable: the store can't be reached; after a commit was sent its outcome may be unknown.
            StoreRejects: a value can't be stored.
        """
        ...

    async def due_reminders(self, now: datetime, limit: int) -> Sequence[StoredReminder]:
        """Reminders that are due, the earliest first."""
        ...

    async def next_reminder_at(self) -> datetime | None:
        """When the earliest reminder is due."""
        ...

    async def lease_lanes(
        self, reader: str, owner: str, ttl_s: float, near: Collection[int] = ()
    ) -> Mapping[int, Lease]:
        """Renew what the owner holds and take of what nobody holds, as `allot` says; returns all it holds now.

        `near` are the lanes that its process writes, as far as it knows. Only instances that run this reader count
        as sharing it: a new version of a view gets its lanes beside instances that know nothing of it.
        """
        ...

    async def release_leases(self, owner: str) -> None:
        """Give up all that the owner or a life of it (`owner/…`) holds, so that nobody waits for its leases."""
        ...

    async def read(
        self, positions: Mapping[int, int], limit_per_lane: int, types: Collection[str] | None = None
    ) -> Sequence[LaneSlice]:
        """Entries of lanes after positions, in order; of all types or only the given ones."""
        ...

    async def advance(self, reader: str, owner: str, leases: Sequence[Lease]) -> frozenset[int]:
        """Move cursors to the leases' positions; returns the lanes that were still held under their epoch."""
        ...

    async def project(self, reader: str, owner: str, leases: Sequence[Lease], projection: "Projection") -> None:
        """Move cursors and rewrite rows of a view in one transaction.

        Raises:
            LeaseLost: one of the lanes is no longer held; nothing was written.
        """
        ...

    async def view_row(self, view: str, key: str) -> Row | None:
        """One row of a view."""
        ...

    async def view_rows(
        self,
        view: str,
        where: Mapping[str, str | Sequence[str]],
        order_by: str,
        descending: bool,
        limit: int,
        offset: int,
    ) -> list[Row]:
        """Rows whose top-level text fields have the given values; the first field may have an index."""
        ...

    async def view_counts(self, view: str, field: str) -> dict[str, int]:
        """Rows by the value of a top-level text field."""
        ...

    async def stream(self, stream: str) -> StreamRow | None:
        """A stream's state."""
        ...

    async def streams(self, category: str, after: str, limit: int) -> Sequence[tuple[str, StreamRow]]:
        """Streams of a category in the order of their names."""
        ...

    async def stream_events(
        self, stream: str, after_version: int = 0, limit: int | None = None
    ) -> Sequence[LogEntry]:
        """The facts of a stream after a version, in the order of their versions; all of them without a limit."""
        ...

    async def correlated(self, correlation_id: str) -> Sequence[LogEntry]:
        """All entries about one order, by lane and position."""
        ...

    async def reminders(self, correlation_ids: Collection[str]) -> Sequence[StoredReminder]:
        """Reminders that wait, about some orders, the next due first."""
        ...

    async def lanes(self) -> Mapping[int, LaneHead]:
        """Every lane's head."""
        ...

    async def reader_positions(self) -> Sequence[ReaderPosition]:
        """How far every reader is, and who it is."""
        ...

    async def backlog(self, overdue_since: datetime) -> Backlog:
        """How much is parked, and how many reminders were due before a time."""
        ...

    async def consumed(self, source: str, after: UUID, limit: int) -> Sequence[UUID]:
        """Message ids of a source that were claimed, in the order of the ids."""
        ...

    async def answers(self, after: UUID, limit: int) -> Sequence[tuple[UUID, str]]:
        """Message ids that were answered, each with the answer as it is kept (JSON), in the order of the ids."""
        ...

    async def taken(self, message_ids: Collection[UUID]) -> frozenset[UUID]:
        """Which of these message ids were claimed."""
        ...

    async def published(
        self, topic: str, types: Collection[str], lane: int, after: UUID, limit: int
    ) -> Sequence[UUID]:
        """Ids of log entries for a topic, of the given types, in the order of the ids."""
        ...

    async def parked(
        self, key: str | None = None, *, after: UUID = NO_ID, limit: int | None = None, whole: bool = True
    ) -> Sequence[ParkedMessage]:
        """Parked messages in the order of their ids, the oldest first; of one key or of all.

        Those that are not `whole` come without their payload.
        """
        ...

    async def parked_keys(self, after: str, limit: int, *, whole: bool) -> Sequence[ParkedKey]:
        """Keys under which something is parked, in their order; a first message has its payload if `whole`."""
        ...

    async def parked_under(self, key: str) -> int:
        """How many messages are parked under a key."""
        ...

    async def first_parked(self, key: str) -> ParkedMessage | None:
        """The message that the others of its key queue behind."""
        ...

    async def discard_parked(
        self, key: str, *, at: datetime, actor: str, reason: str, only: Sequence[UUID] | None = None
    ) -> int:
        """Set aside what is parked under a key, with who decided it and why; returns how many.

        With `only` these alone, by their ids, as far as they are still parked under it.
        """
        ...

    async def discarded(
        self, *, after: UUID = NO_ID, limit: int | None = None, whole: bool = True
    ) -> Sequence[DiscardedMessage]:
        """What was discarded, in the order in which it was parked; without payloads if not `whole`."""
        ...

    async def ping(self) -> None:
        """Raises StoreUnavailable when the store doesn't answer."""
        ...


class Projection(Protocol):
    """What a view does with the rows it touches."""

    keys: Sequence[str]

    def apply(self, rows: Mapping[str, Row]) -> Mapping[str, Row | None]:
        """The rows afterwards, None for those that go."""
        ...

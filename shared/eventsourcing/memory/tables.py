"""The tables of a store in memory."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from shared.eventsourcing.chain import GENESIS
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.store import (
    Claim,
    DiscardedMessage,
    LaneHead,
    LogEntry,
    ParkedMessage,
    StoredReminder,
    StreamRow,
)
from shared.eventsourcing.views import Row

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class ReaderRow:
    """How far a reader is in a lane, and who holds it."""

    position: int = 0
    owner: str = ""
    epoch: int = 0
    expires_at: datetime = NEVER


@dataclass(slots=True)
class Tables:
    """All that is committed. It outlives a crash of the process that the store stands in for."""

    lanes: dict[int, LaneHead] = field(
        default_factory=lambda: {lane: LaneHead(0, GENESIS) for lane in range(LANES)}
    )
    log: dict[int, list[LogEntry]] = field(default_factory=lambda: {lane: [] for lane in range(LANES)})
    streams: dict[str, StreamRow] = field(default_factory=dict)
    stream_events: dict[str, list[LogEntry]] = field(default_factory=dict)
    correlated: dict[str, list[LogEntry]] = field(default_factory=dict)
    inbox: dict[UUID, Claim] = field(default_factory=dict)
    replies: dict[UUID, str] = field(default_factory=dict)
    reminders: dict[UUID, StoredReminder] = field(default_factory=dict)
    parked: dict[UUID, ParkedMessage] = field(default_factory=dict)
    discarded: list[DiscardedMessage] = field(default_factory=list)
    readers: dict[str, dict[int, ReaderRow]] = field(default_factory=dict)
    instances: dict[str, datetime] = field(default_factory=dict)
    near: dict[str, frozenset[int]] = field(default_factory=dict)
    """The lanes that each instance writes."""
    runs: dict[str, set[str]] = field(default_factory=dict)
    """The readers that each instance runs."""
    views: dict[str, dict[str, Row]] = field(default_factory=dict)

"""Short ways to write into a store as the pipeline does."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.eventsourcing.store import (
    Append,
    Claim,
    LaneHead,
    LogEntry,
    ParkedMessage,
    Store,
    StoredReminder,
    StreamWrite,
    Transaction,
)
from shared.eventsourcing.views import Row

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BLOCKED, UNBLOCKED = "order.customer-blocked.v1", "order.customer-unblocked.v1"


def claim(message_id: UUID, *, source: str = "/partner", lane: int = 1, digest: bytes = b"") -> Claim:
    return Claim(message_id, source, lane, digest)


def entry(
    lane: int,
    position: int,
    *,
    stream: str = "customer-a",
    version: int = 1,
    type: str = BLOCKED,
    topic: str = "order.events",
    kind: Literal["event", "command"] = "event",
    correlation_id: str = "a",
    payload: str = '{"customer_id": "a"}',
) -> LogEntry:
    return LogEntry(
        lane=lane,
        position=position,
        id=uuid7(),
        kind=kind,
        type=type,
        topic=topic,
        stream=stream,
        version=version,
        partition_key="a",
        correlation_id=correlation_id,
        causation_id=uuid7(),
        actor="maria",
        reason="she asked",
        occurred_at=NOON,
        recorded_at=NOON + timedelta(microseconds=1),
        traceparent="",
        payload=payload,
        hash=bytes([lane, position % 256]) * 16,
    )


async def write(transaction: Transaction, lane: int, stream: str, **columns: Any) -> LogEntry:
    """One more fact of a stream in a lane, as the transaction finds both."""
    loaded = await transaction.load([stream], [], [lane])
    version = loaded.streams[stream].version + 1 if stream in loaded.streams else 1
    head = loaded.heads[lane].head
    fact = entry(lane, head + 1, stream=stream, version=version, **columns)
    await transaction.append(
        Append(
            recorded_at=NOON,
            entries=[fact],
            heads={lane: LaneHead(fact.position, fact.hash)},
            streams=[
                StreamWrite(stream=stream, version=version, state=f'{{"n": {version}}}', is_new=version == 1)
            ],
        )
    )
    return fact


async def record(store: Store, lane: int, stream: str, **columns: Any) -> LogEntry:
    """The same in a transaction of its own."""
    async with store.transaction() as transaction:
        return await write(transaction, lane, stream, **columns)


async def append(store: Store, **written: Any) -> None:
    """A transaction that appends and nothing else."""
    async with store.transaction() as transaction:
        await transaction.append(Append(recorded_at=NOON, **written))


def reminder(seconds: float = 0, *, correlation_id: str = "a", **columns: Any) -> StoredReminder:
    return StoredReminder(
        id=uuid7(),
        due_at=NOON + timedelta(seconds=seconds),
        type="order.unblock-customer.v1",
        payload='{"customer_id": "a"}',
        partition_key=columns.get("partition_key", "a"),
        correlation_id=correlation_id,
        actor="maria",
    )


def parked(key: str = "a", *, blocking: bool = True, explanation: str = "boom") -> ParkedMessage:
    return ParkedMessage(
        id=uuid7(),
        key=key,
        blocking=blocking,
        message_id=uuid7(),
        source="/partner",
        type="order.block-customer.v1",
        payload=b'{"customer_id": "\xff\x00"}',
        correlation_id=key,
        actor="maria",
        explanation=explanation,
        origin={"place": "order.commands/3/42"},
        parked_at=NOON,
    )


class Rewriting:
    """Implements `Projection`: given rows afterwards, or one more in the count of each key."""

    def __init__(self, *keys: str, rows: Mapping[str, Row | None] | None = None) -> None:
        self.keys: Sequence[str] = keys or list(rows or {})
        self._rows = rows

    def apply(self, rows: Mapping[str, Row]) -> Mapping[str, Row | None]:
        if self._rows is not None:
            return self._rows
        return {key: {"count": rows.get(key, {"count": 0})["count"] + 1} for key in self.keys}

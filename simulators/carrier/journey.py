"""The way of a parcel: planned at its hand-over, kept in the ledger, and advanced as time passes."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators.faults import draw
from simulators.ledger import Ledger, now, stamp
from simulators.webhooks import Outbox

MOST_AT_ONCE = 500
POLL_S = 0.5
GATHER_S = 0.02
DELAY = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How parcels fare; pace is the seconds from hand-over to delivery when nothing goes wrong."""

    seed: int
    delay: float
    exception: float
    pace: float


@dataclass(frozen=True, slots=True)
class Step:
    """One event to come, at a share of the pace after the hand-over."""

    kind: str
    share: float
    location: str
    reason: str | None = None


def plan(db: sqlite3.Connection, fate: Fate, label: sqlite3.Row, start: datetime) -> None:
    """Write down all that will happen to a parcel that was just handed over."""
    estimated_at = label["estimated_at"]
    for ordinal, step in enumerate(_steps(fate, label)):
        if step.kind == "parcel.delayed":
            estimated_at = stamp(datetime.fromisoformat(label["promised_at"]) + DELAY)
        occurs_at = stamp(start + timedelta(seconds=fate.pace * step.share))
        db.execute(
            "INSERT INTO movement VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (label["id"], ordinal, step.kind, occurs_at, step.location, estimated_at, step.reason),
        )


def enter(
    db: sqlite3.Connection,
    operation: str,
    label: Mapping[str, Any] | sqlite3.Row,
    *,
    amount: int = 0,
    key: str | None = None,
    at: str,
) -> None:
    """Write an effect into the book."""
    db.execute(
        "INSERT INTO effect (operation, label_id, tracking_number, reference, amount, currency,"
        " idempotency_key, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            operation,
            label["id"],
            label["tracking_number"],
            label["reference"],
            amount,
            label["currency"],
            key,
            at,
        ),
    )


class Network:
    """Moves parcels on when their time has come, also the time that passed while nobody was here."""

    def __init__(self, ledger: Ledger, outbox: Outbox, moved: Callable[[], None]) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._moved = moved
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """A parcel may have been handed over."""
        self._wake.set()

    async def run(self) -> None:
        """Advance until cancelled."""
        while True:
            moved, wait = await self._ledger.run(self._advance)
            if moved:
                self._moved()
            await asyncio.sleep(GATHER_S)
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    def _advance(self, db: sqlite3.Connection) -> tuple[int, float]:
        """Let happen what is due; return how much it was, and seconds until more is."""
        rows = db.execute(
            "SELECT movement.kind, movement.ordinal, movement.occurs_at, movement.location, movement.reason,"
            " movement.estimated_at AS estimate, label.*"
            " FROM movement JOIN label ON label.id = movement.label_id"
            " WHERE happened = 0 AND occurs_at <= ? ORDER BY occurs_at, ordinal LIMIT ?",
            (stamp(now()), MOST_AT_ONCE),
        ).fetchall()
        for row in rows:
            self._happen(db, row)
        coming = db.execute("SELECT min(occurs_at) FROM movement WHERE happened = 0").fetchone()[0]
        if coming is None:
            return len(rows), POLL_S
        return len(rows), min(POLL_S, max(0.0, (datetime.fromisoformat(coming) - now()).total_seconds()))

    def _happen(self, db: sqlite3.Connection, row: sqlite3.Row) -> None:
        db.execute(
            "UPDATE movement SET happened = 1 WHERE label_id = ? AND ordinal = ?", (row["id"], row["ordinal"])
        )
        delivered = row["kind"] == "parcel.delivered"
        db.execute(
            "UPDATE label SET estimated_at = ?, status = ? WHERE id = ?",
            (row["estimate"], "delivered" if delivered else row["status"], row["id"]),
        )
        if delivered:
            enter(db, "deliver", row, at=row["occurs_at"])
        data = {
            "tracking_number": row["tracking_number"],
            "label_id": row["id"],
            "reference": row["reference"],
            "occurred_at": row["occurs_at"],
            "location": row["location"],
            "estimated_at": row["estimate"],
            "reason": row["reason"],
        }
        self._outbox.put(db, row["kind"], row["occurs_at"], data, row["reference"], row["ordinal"])


def _steps(fate: Fate, label: sqlite3.Row) -> list[Step]:
    origin, to, later = label["origin_city"], label["to_city"], 0.0
    steps = [Step("parcel.accepted", 0.02, origin), Step("parcel.in_transit", 0.3, f"{origin} hub")]
    if draw(fate.seed, "delay", label["reference"]) < fate.delay:
        steps.append(Step("parcel.delayed", 0.5, f"{origin} hub", "weather"))
        later += 0.5
    steps.append(Step("parcel.out_for_delivery", 0.7 + later, f"{to} depot"))
    if draw(fate.seed, "exception", label["reference"]) < fate.exception:
        steps.append(Step("parcel.exception", 0.9 + later, to, "recipient_absent"))
        later += 0.5
        steps.append(Step("parcel.out_for_delivery", 0.7 + later, f"{to} depot"))
    steps.append(Step("parcel.delivered", 1.0 + later, to))
    return steps

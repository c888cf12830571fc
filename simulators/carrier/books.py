"""The carrier's tables, and the questions that can be asked of them."""

import sqlite3
from typing import Any

from simulators import operations, webhooks
from simulators.carrier.labels import BOUGHT

SCHEMA = (
    operations.SCHEMA
    + webhooks.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS label (
    id TEXT PRIMARY KEY,
    tracking_number TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL,
    service TEXT NOT NULL,
    status TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    promised_at TEXT NOT NULL,
    estimated_at TEXT NOT NULL,
    origin_city TEXT NOT NULL,
    to_city TEXT NOT NULL,
    label TEXT NOT NULL,
    handed_over_at TEXT
);
CREATE INDEX IF NOT EXISTS label_by_reference ON label (reference);
CREATE TABLE IF NOT EXISTS movement (
    label_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL,
    occurs_at TEXT NOT NULL,
    location TEXT NOT NULL,
    estimated_at TEXT NOT NULL,
    reason TEXT,
    happened INTEGER NOT NULL,
    PRIMARY KEY (label_id, ordinal)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS movement_to_come ON movement (occurs_at) WHERE happened = 0;
CREATE TABLE IF NOT EXISTS refusal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reference TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS effect (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL,
    label_id TEXT NOT NULL,
    tracking_number TEXT NOT NULL,
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    idempotency_key TEXT,
    at TEXT NOT NULL
);
"""
)
COUNTS = {"buy_label": "bought", "void": "voided", "hand_over": "handed_over", "deliver": "delivered"}

TOTALS_BY_CURRENCY = """
SELECT currency, operation, sum(amount) AS amount, count(*) AS number FROM effect GROUP BY 1, 2 ORDER BY 1, 2
"""


def label_view(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A label with all that happened to its parcel so far."""
    events = db.execute(
        "SELECT kind AS type, occurs_at AS occurred_at, location, estimated_at, reason FROM movement"
        " WHERE label_id = ? AND happened = 1 ORDER BY ordinal",
        (row["id"],),
    ).fetchall()
    shown = (*BOUGHT, "handed_over_at", "estimated_at")
    return {**{name: row[name] for name in shown}, "events": [dict(event) for event in events]}


def labels_of(db: sqlite3.Connection, reference: str) -> dict[str, Any]:
    rows = db.execute("SELECT * FROM label WHERE reference = ? ORDER BY rowid", (reference,)).fetchall()
    return {"labels": [label_view(db, row) for row in rows]}


def effects(db: sqlite3.Connection, after: int, limit: int) -> dict[str, Any]:
    rows = db.execute(
        "SELECT * FROM effect WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
    ).fetchall()
    return {"effects": [dict(row) for row in rows], "next": rows[-1]["sequence"] if rows else after}


def summary(db: sqlite3.Connection) -> dict[str, Any]:
    counts = dict.fromkeys(COUNTS.values(), 0)
    currencies: dict[str, dict[str, int]] = {}
    for row in db.execute(TOTALS_BY_CURRENCY):
        name = COUNTS[row["operation"]]
        counts[name] += row["number"]
        currency = currencies.setdefault(row["currency"], {"bought": 0, "voided": 0})
        if name in currency:
            currency[name] = row["amount"]
    doubled = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM effect WHERE idempotency_key IS NOT NULL"
        " GROUP BY idempotency_key HAVING count(*) > 1)"
    ).fetchone()
    refused = db.execute("SELECT count(*) FROM refusal").fetchone()
    return {
        **counts,
        "effects": sum(counts.values()),
        "keys_with_more_than_one_effect": doubled[0],
        "refused": refused[0],
        "currencies": currencies,
    }

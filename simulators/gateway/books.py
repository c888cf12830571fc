"""The gateway's tables, and the questions that can be asked of them."""

import sqlite3
from typing import Any

from simulators import operations, webhooks
from simulators.gateway.rules import captured_amount

SCHEMA = (
    operations.SCHEMA
    + webhooks.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS authorisation (
    id TEXT PRIMARY KEY,
    reference TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    token TEXT NOT NULL,
    status TEXT NOT NULL,
    decline_code TEXT,
    expires_at TEXT,
    voided_amount INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS authorisation_by_reference ON authorisation (reference, attempt);
CREATE TABLE IF NOT EXISTS capture (
    id TEXT PRIMARY KEY,
    authorisation_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS capture_by_authorisation ON capture (authorisation_id);
CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY,
    capture_id TEXT NOT NULL,
    amount INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refund_by_capture ON refund (capture_id);
CREATE TABLE IF NOT EXISTS effect (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    authorisation_id TEXT NOT NULL,
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    at TEXT NOT NULL
);
"""
)
TOTALS = {"authorise": "authorised", "capture": "captured", "void": "voided", "refund": "refunded"}

TOTALS_BY_CURRENCY = """
SELECT currency, operation, sum(amount) AS amount, count(*) AS number FROM effect GROUP BY 1, 2 ORDER BY 1, 2
"""


def authorisation_view(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """An authorisation with what became of it."""
    refunded = db.execute(
        "SELECT coalesce(sum(refund.amount), 0) FROM refund JOIN capture ON capture.id = capture_id"
        " WHERE authorisation_id = ?",
        (row["id"],),
    ).fetchone()
    shown = ("id", "status", "decline_code", "reference", "amount", "currency", "expires_at")
    return {
        **{name: row[name] for name in shown},
        "captured_amount": captured_amount(db, row["id"]),
        "refunded_amount": refunded[0],
        "voided_amount": row["voided_amount"],
    }


def authorisations_of(db: sqlite3.Connection, reference: str) -> dict[str, Any]:
    rows = db.execute("SELECT * FROM authorisation WHERE reference = ? ORDER BY attempt", (reference,)).fetchall()
    return {"authorisations": [authorisation_view(db, row) for row in rows]}


def effects(db: sqlite3.Connection, after: int, limit: int) -> dict[str, Any]:
    rows = db.execute(
        "SELECT * FROM effect WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
    ).fetchall()
    return {"effects": [dict(row) for row in rows], "next": rows[-1]["sequence"] if rows else after}


def summary(db: sqlite3.Connection) -> dict[str, Any]:
    currencies: dict[str, dict[str, int]] = {}
    counts: dict[str, int] = {}
    for row in db.execute(TOTALS_BY_CURRENCY):
        counts[row["operation"]] = counts.get(row["operation"], 0) + row["number"]
        if row["operation"] in TOTALS:
            currency = currencies.setdefault(row["currency"], dict.fromkeys(TOTALS.values(), 0))
            currency[TOTALS[row["operation"]]] = row["amount"]
    doubled = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM effect GROUP BY idempotency_key HAVING count(*) > 1)"
    ).fetchone()
    declined = db.execute("SELECT count(*) FROM authorisation WHERE status = 'declined'").fetchone()
    return {
        "currencies": currencies,
        "effects": sum(counts.values()),
        "operations": counts,
        "declined": declined[0],
        "keys_with_more_than_one_effect": doubled[0],
    }

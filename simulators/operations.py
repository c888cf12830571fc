"""Answers kept under their idempotency keys: the same request gets the same answer."""

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from simulators.errors import RequestError
from simulators.faults import Fault
from simulators.ledger import now, stamp

SCHEMA = """
CREATE TABLE IF NOT EXISTS operation (
    idempotency_key TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    subject TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer BLOB NOT NULL,
    at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS operation_by_subject ON operation (subject, operation);
CREATE TABLE IF NOT EXISTS fault_met (idempotency_key TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One POST, as the ledger sees it."""

    operation: str
    key: str | None
    method: str
    path: str
    body: dict[str, Any]

    @property
    def fingerprint(self) -> bytes:
        content = orjson.dumps([self.method, self.path, self.body], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).digest()

    def identifier(self, prefix: str) -> str:
        """An id for what this request makes: unique because its key is."""
        return f"{prefix}_{hashlib.sha256(f'{prefix}/{self.key}'.encode()).hexdigest()[:20]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back, and the fault it meets on the way."""

    status: int
    body: dict[str, Any]
    replayed: bool = False
    fault: Fault = Fault.NONE


def perform(
    db: sqlite3.Connection,
    request: Request,
    subject: str,
    fault: Callable[[], Fault],
    decide: Callable[[], Answer],
) -> Answer:
    """Answer a request once: from its key if that is known, else by deciding.

    The subject is what operations are counted by, for the seed. Raises RequestError; that keeps nothing.
    """
    if request.key is None:
        return decide()
    kept = db.execute(
        "SELECT fingerprint, status, answer FROM operation WHERE idempotency_key = ?", (request.key,)
    ).fetchone()
    if kept is not None:
        if kept["fingerprint"] != request.fingerprint:
            raise RequestError(409, "idempotency_conflict", f"The key {request.key} belongs to another request.")
        return Answer(status=kept["status"], body=orjson.loads(kept["answer"]), replayed=True)
    met = _meet(db, request.key, fault())
    if met is not Fault.NONE and not met.hides_effect:
        return Answer(status=500, body=server_error(), fault=met)
    answer = decide()
    db.execute(
        "INSERT INTO operation VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            request.key,
            request.operation,
            subject,
            request.fingerprint,
            answer.status,
            orjson.dumps(answer.body),
            stamp(now()),
        ),
    )
    return Answer(status=answer.status, body=answer.body, fault=met)


def server_error() -> dict[str, Any]:
    return {"code": "server_error", "message": "Something went wrong here; the outcome is unknown."}


def earlier(db: sqlite3.Connection, operation: str, subject: str) -> int:
    """How many operations of this kind the subject has behind it."""
    counted = db.execute(
        "SELECT count(*) FROM operation WHERE subject = ? AND operation = ?", (subject, operation)
    ).fetchone()
    return int(counted[0])


def recorded(db: sqlite3.Connection, key: str) -> dict[str, Any]:
    """The kept operation of a key. Raises RequestError when there is none."""
    row = db.execute("SELECT * FROM operation WHERE idempotency_key = ?", (key,)).fetchone()
    if row is None:
        raise RequestError(404, "not_found", f"No answer was decided under the key {key}.")
    return {
        "idempotency_key": key,
        "operation": row["operation"],
        "at": row["at"],
        "status": row["status"],
        "answer": orjson.loads(row["answer"]),
    }


def _meet(db: sqlite3.Connection, key: str, fault: Fault) -> Fault:
    """A key meets its fault once, so that its retry goes through."""
    if fault in (Fault.NONE, Fault.SERVER_ERROR_ALWAYS):
        return fault
    first = db.execute("INSERT OR IGNORE INTO fault_met VALUES (?)", (key,)).rowcount == 1
    return fault if first else Fault.NONE

"""Mails as they were accepted, and the questions that can be asked of them."""

import sqlite3
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from typing import Any

from simulators.errors import RequestError
from simulators.ledger import now, stamp

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    notice_id TEXT,
    notice_kind TEXT,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS mail_by_notice ON mail (notice_id);
CREATE TABLE IF NOT EXISTS recipient (
    address TEXT NOT NULL COLLATE NOCASE,
    sequence INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (address, sequence, ordinal)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recipient_by_mail ON recipient (sequence, ordinal);
"""
FIND = """
SELECT mail.* FROM mail
WHERE sequence > :after
  AND (:to = '' OR sequence IN (SELECT sequence FROM recipient WHERE address = :to))
  AND (:subject = '' OR instr(lower(subject), lower(:subject)) > 0)
ORDER BY sequence LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as its envelope and headers tell."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    notice_id: str | None
    notice_kind: str | None
    content: bytes


def read_mail(sender: str, recipients: tuple[str, ...], content: bytes) -> Mail:
    headers = BytesHeaderParser(policy=policy.default).parsebytes(content)

    def header(name: str) -> str | None:
        value = headers.get(name)
        return str(value).strip() if value is not None else None

    return Mail(
        sender=sender,
        recipients=recipients,
        subject=header("Subject") or "",
        notice_id=header("X-Notice-Id"),
        notice_kind=header("X-Notice-Kind"),
        content=content,
    )


def keep(db: sqlite3.Connection, mail: Mail) -> int:
    """Write a mail down and return its sequence."""
    row = (stamp(now()), mail.sender, mail.subject, mail.notice_id, mail.notice_kind, mail.content)
    kept = db.execute(
        "INSERT INTO mail (received_at, sender, subject, notice_id, notice_kind, content)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        row,
    )
    sequence = kept.lastrowid
    assert sequence is not None
    rows = [(address, sequence, ordinal) for ordinal, address in enumerate(mail.recipients)]
    db.executemany("INSERT INTO recipient VALUES (?, ?, ?)", rows)
    return sequence


def find(db: sqlite3.Connection, *, to: str, subject: str, after: int, limit: int) -> dict[str, Any]:
    rows = db.execute(FIND, {"to": to, "subject": subject, "after": after, "limit": limit}).fetchall()
    return {"mails": [_view(db, row) for row in rows], "next": rows[-1]["sequence"] if rows else after}


def content(db: sqlite3.Connection, sequence: int) -> bytes:
    """A mail as it came. Raises RequestError when there is none."""
    row = db.execute("SELECT content FROM mail WHERE sequence = ?", (sequence,)).fetchone()
    if row is None:
        raise RequestError(404, "not_found", f"There is no mail {sequence}.")
    return bytes(row["content"])


def summary(db: sqlite3.Connection) -> dict[str, Any]:
    kinds = db.execute("SELECT notice_kind, count(*) FROM mail GROUP BY 1 ORDER BY 1").fetchall()
    doubled = db.execute("SELECT count(notice_id) - count(DISTINCT notice_id) FROM mail").fetchone()
    return {
        "count": sum(number for _, number in kinds),
        "kinds": {kind: number for kind, number in kinds if kind is not None},
        "without_kind": sum(number for kind, number in kinds if kind is None),
        "duplicates": doubled[0],
    }


def _view(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    recipients = db.execute(
        "SELECT address FROM recipient WHERE sequence = ? ORDER BY ordinal", (row["sequence"],)
    ).fetchall()
    return {
        "sequence": row["sequence"],
        "received_at": row["received_at"],
        "from": row["sender"],
        "to": [recipient["address"] for recipient in recipients],
        "subject": row["subject"],
        "notice_id": row["notice_id"],
        "notice_kind": row["notice_kind"],
        "text": _text(row["content"]),
    }


def _text(raw: bytes) -> str:
    message = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    try:
        text = str(part.get_content())
    except (LookupError, ValueError):  # a charset nobody knows
        text = raw.decode(errors="replace")
    return text.replace("\r\n", "\n")

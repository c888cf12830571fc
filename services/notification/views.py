"""What the service can be asked: every notice with its status."""

from services.notification.domain.due import notice_id
from shared.events.notification import (
    NoticeDelayed,
    NoticeFailed,
    NoticeOwed,
    NoticeRequested,
    NoticeSent,
)
from shared.eventsourcing.views import Fact, Row, View

NoticeFact = NoticeOwed | NoticeRequested | NoticeDelayed | NoticeSent | NoticeFailed


def _keys(event: NoticeFact) -> tuple[str, ...]:
    return (_identity(event),)


def _identity(event: NoticeFact) -> str:
    if isinstance(event, NoticeOwed):
        return notice_id(event.order_number, event.kind, event.subject_id)
    return event.notice_id


def _project(key: str, row: Row | None, fact: Fact) -> Row | None:
    before = row or {"kind": "", "status": "", "tries": 0, "waiting_since": "", "explanation": ""}
    match fact.event:
        case NoticeOwed(kind=kind):
            return _row(key, fact, kind, "owed", 0)
        case NoticeRequested(kind=kind, asked=asked):
            offered = _row(key, fact, kind, "offered", asked)
            return {**offered, **_wait(before)} if before["status"] == "delayed" else offered
        case NoticeDelayed(explanation=explanation, ask_again_at=again_at):
            delayed = _row(key, fact, before["kind"], "delayed", before["tries"], explanation)
            since = before["waiting_since"] or fact.recorded_at.isoformat()
            return {**delayed, "waiting_since": since, "ask_again_at": again_at.isoformat()}
        case NoticeSent(kind=kind):
            return _row(key, fact, kind, "sent", before["tries"])
        case NoticeFailed(kind=kind, explanation=explanation):
            return _row(key, fact, kind or before["kind"], "failed", before["tries"], explanation)
        case _:
            return row


def _wait(row: Row) -> Row:
    """A notice that is offered again waits on until the mail server has answered."""
    return {field: row[field] for field in ("waiting_since", "explanation")}


def _row(key: str, fact: Fact, kind: str, status: str, tries: int, explanation: str = "") -> Row:
    return {
        "notice_id": key,
        "order_number": fact.stream.partition("-")[2],
        "kind": kind,
        "status": status,
        "kind_and_status": f"{kind}/{status}",
        "tries": tries,
        "explanation": explanation,
        "waiting_since": "",
        "ask_again_at": "",
        "changed_at": fact.recorded_at.isoformat(),
    }


NOTICES = View(
    name="notices",
    version=2,
    handles=(NoticeOwed, NoticeRequested, NoticeDelayed, NoticeSent, NoticeFailed),
    keys=_keys,
    project=_project,
)

VIEWS: tuple[View, ...] = (NOTICES,)

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
    before = row or {"kind": "", "tries": 0}
    match fact.event:
        case NoticeOwed(kind=kind):
            return _row(key, fact, kind, "owed", 0)
        case NoticeRequested(kind=kind, asked=asked):
            return _row(key, fact, kind, "offered", asked)
        case NoticeDelayed(explanation=explanation):
            return _row(key, fact, before["kind"], "delayed", before["tries"], explanation)
        case NoticeSent(kind=kind):
            return _row(key, fact, kind, "sent", before["tries"])
        case NoticeFailed(kind=kind, explanation=explanation):
            return _row(key, fact, kind or before["kind"], "failed", before["tries"], explanation)
        case _:
            return row


def _row(key: str, fact: Fact, kind: str, status: str, tries: int, explanation: str = "") -> Row:
    return {
        "notice_id": key,
        "order_number": fact.stream.partition("-")[2],
        "kind": kind,
        "status": status,
        "kind_and_status": f"{kind}/{status}",
        "tries": tries,
        "explanation": explanation,
        "changed_at": fact.recorded_at.isoformat(),
    }


NOTICES = View(
    name="notices",
    version=1,
    handles=(NoticeOwed, NoticeRequested, NoticeDelayed, NoticeSent, NoticeFailed),
    keys=_keys,
    project=_project,
)

VIEWS: tuple[View, ...] = (NOTICES,)

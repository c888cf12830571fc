"""The notices of one order: to whom they go, and how far each has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from services.notification.domain.due import notice_id
from shared.events.notification import (
    ContactNoted,
    NoticeDelayed,
    NoticeFailed,
    NoticeFailure,
    NoticeKind,
    NoticeOwed,
    NoticeRequested,
    NoticeSent,
)
from shared.events.payload import Event
from shared.eventsourcing.decider import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where notices go, and what is to be said in all of them."""

    name: str
    email: str
    language: Literal["en", "zh"]
    payment: Literal["card", "prepaid", "none"] = "card"
    delivery: Literal["ship", "collect"] = "ship"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Due, with nobody to tell yet."""

    kind: NoticeKind
    facts: Mapping[str, str]
    status: Literal["owed"] = "owed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """With the mail server; its answer is awaited."""

    kind: NoticeKind
    facts: Mapping[str, str]
    asked: int
    email: str = ""
    """The address that it was offered to."""
    status: Literal["offered"] = "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed:
    """Not taken; offered again when the reminder comes."""

    kind: NoticeKind
    facts: Mapping[str, str]
    asked: int
    email: str = ""
    """The address that it was offered to."""
    status: Literal["delayed"] = "delayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The customer was told."""

    status: Literal["sent"] = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The customer can't be told, unless a person or another address asks anew."""

    kind: NoticeKind | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    asked: int = 0
    cause: NoticeFailure = "refused"
    status: Literal["failed"] = "failed"


Notice = Owed | Offered | Delayed | Sent | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondence:
    """The contact of one order, and each of its notices by id."""

    contact: Contact | None = None
    notices: Mapping[str, Notice] = field(default_factory=dict)

    def with_notice(self, notice_id: str, notice: Notice) -> "Correspondence":
        return replace(self, notices={**self.notices, notice_id: notice})


def evolve(state: Correspondence, event: Event) -> Correspondence:
    """Fold one fact; foreign facts change nothing."""
    match event:
        case ContactNoted():
            contact = Contact(
                name=event.name,
                email=event.email,
                language=event.language,
                payment=event.payment,
                delivery=event.delivery,
            )
            return replace(state, contact=contact)
        case NoticeOwed():
            identity = notice_id(event.order_number, event.kind, event.subject_id)
            return state.with_notice(identity, Owed(kind=event.kind, facts=event.facts))
        case NoticeRequested():
            offered = Offered(kind=event.kind, facts=event.facts, asked=event.asked, email=event.email)
            return state.with_notice(event.notice_id, offered)
        case NoticeDelayed():
            match state.notices.get(event.notice_id):
                case Offered(kind=kind, facts=facts, asked=asked, email=email):
                    delayed = Delayed(kind=kind, facts=facts, asked=asked, email=email)
                    return state.with_notice(event.notice_id, delayed)
                case _:
                    return state
        case NoticeSent():
            return state.with_notice(event.notice_id, Sent())
        case NoticeFailed():
            return state.with_notice(event.notice_id, _failed(state.notices.get(event.notice_id), event))
        case _:
            return state


NOTICE = Category("notice", Correspondence, Correspondence(), evolve)
"""One stream per order; its key is the order number."""


def _failed(notice: Notice | None, event: NoticeFailed) -> Failed:
    failed = Failed(kind=event.kind, facts=event.facts, cause=event.cause)
    match notice:
        case Offered(kind=kind, facts=facts, asked=asked) | Delayed(kind=kind, facts=facts, asked=asked):
            return replace(failed, kind=kind, facts=facts, asked=asked)
        case Owed(kind=kind, facts=facts):
            return replace(failed, kind=kind, facts=facts)
        case _:
            return failed

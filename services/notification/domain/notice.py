"""What one order's customer is told: each notice once, as soon as there is someone to tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from services.notification.domain.due import Due, Telling, due, notice_id
from services.notification.domain.messages import MailAnswered, OfferAgain
from services.notification.domain.policy import Policy
from shared.events.notification import (
    ContactNoted,
    NoticeDelayed,
    NoticeFailed,
    NoticeKind,
    NoticeOwed,
    NoticeRequested,
    NoticeSent,
)
from shared.events.order import OrderPlaced, OrderReplaced
from shared.events.payload import Event
from shared.eventsourcing.decider import NOTHING, Category, Context, Decision, Recorded, Reminder, States


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where notices go."""

    name: str
    email: str
    language: Literal["en", "zh"]


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
    status: Literal["offered"] = "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed:
    """Not taken; offered again when the reminder comes."""

    kind: NoticeKind
    facts: Mapping[str, str]
    asked: int
    status: Literal["delayed"] = "delayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The customer was told."""

    status: Literal["sent"] = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The customer can't be told."""

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
            contact = Contact(name=event.name, email=event.email, language=event.language)
            return replace(state, contact=contact)
        case NoticeOwed():
            identity = notice_id(event.order_number, event.kind, event.subject_id)
            return state.with_notice(identity, Owed(kind=event.kind, facts=event.facts))
        case NoticeRequested():
            offered = Offered(kind=event.kind, facts=event.facts, asked=event.asked)
            return state.with_notice(event.notice_id, offered)
        case NoticeDelayed():
            match state.notices.get(event.notice_id):
                case Offered(kind=kind, facts=facts, asked=asked):
                    return state.with_notice(event.notice_id, Delayed(kind=kind, facts=facts, asked=asked))
                case _:
                    return state
        case NoticeSent():
            return state.with_notice(event.notice_id, Sent())
        case NoticeFailed():
            return state.with_notice(event.notice_id, Failed())
        case _:
            return state


NOTICE = Category("notice", Correspondence, Correspondence(), evolve)
"""One stream per order; its key is the order number."""


def note_contact(states: States, message: OrderPlaced | OrderReplaced, context: Context) -> Decision:
    """Remember who is told, and tell what was owed; the same contact again changes nothing."""
    state = states.of(NOTICE, message.order_number)
    customer = message.content.customer
    contact = Contact(name=customer.name, email=customer.email.strip(), language=customer.language)
    if contact == state.contact:
        return NOTHING
    noted = ContactNoted(
        order_number=message.order_number, name=contact.name, email=contact.email, language=contact.language
    )
    owed = (
        _offer(message.order_number, identity, notice.kind, notice.facts, contact)
        for identity, notice in state.notices.items()
        if isinstance(notice, Owed)
    )
    return _record(noted, *owed)


def tell(states: States, message: Telling, context: Context) -> Decision:
    """Tell the customer of a fact, once; owe it while the customer is unknown."""
    state = states.of(NOTICE, message.order_number)
    notice = due(message)
    if notice.notice_id in state.notices:
        return NOTHING
    if state.contact is None:
        return _record(_owe(notice))
    return _record(_offer(notice.order_number, notice.notice_id, notice.kind, notice.facts, state.contact))


def take_answer(policy: Policy, states: States, message: MailAnswered, context: Context) -> Decision:
    """Record what the mail server said; anything unclear is asked again for as long as it takes."""
    notice = states.of(NOTICE, message.order_number).notices.get(message.notice_id)
    if not isinstance(notice, Offered | Delayed):
        return NOTHING
    if message.outcome == "sent":
        sent = NoticeSent(order_number=message.order_number, notice_id=message.notice_id, kind=notice.kind)
        return _record(sent)
    if message.asked != notice.asked:
        return NOTHING
    if message.outcome == "refused":
        return _record(_fail(message.order_number, message.notice_id, notice.kind, message.explanation))
    if isinstance(notice, Delayed):
        return NOTHING
    return _ask_later(policy, message, context)


def offer_again(states: States, message: OfferAgain, context: Context) -> Decision:
    """Offer a delayed notice again, to the contact as it stands now."""
    state = states.of(NOTICE, message.order_number)
    notice = state.notices.get(message.notice_id)
    if state.contact is None or not isinstance(notice, Delayed) or notice.asked != message.asked:
        return NOTHING
    return _record(
        _offer(
            message.order_number,
            message.notice_id,
            notice.kind,
            notice.facts,
            state.contact,
            notice.asked + 1,
        )
    )


def _owe(notice: Due) -> NoticeOwed:
    return NoticeOwed(
        order_number=notice.order_number,
        kind=notice.kind,
        subject_id=notice.subject_id,
        facts=dict(notice.facts),
    )


def _offer(
    order_number: str,
    identity: str,
    kind: NoticeKind,
    facts: Mapping[str, str],
    contact: Contact,
    asked: int = 1,
) -> NoticeRequested | NoticeFailed:
    if not contact.email:
        return _fail(order_number, identity, kind, "the customer gave no address")
    return NoticeRequested(
        order_number=order_number,
        notice_id=identity,
        kind=kind,
        email=contact.email,
        name=contact.name,
        language=contact.language,
        facts=dict(facts),
        asked=asked,
    )


def _fail(order_number: str, identity: str, kind: NoticeKind, explanation: str) -> NoticeFailed:
    return NoticeFailed(order_number=order_number, notice_id=identity, kind=kind, explanation=explanation)


def _ask_later(policy: Policy, message: MailAnswered, context: Context) -> Decision:
    again_at = context.now + policy.wait_after(message.asked)
    delayed = NoticeDelayed(
        order_number=message.order_number,
        notice_id=message.notice_id,
        explanation=message.explanation,
        ask_again_at=again_at,
    )
    reminder = OfferAgain(order_number=message.order_number, notice_id=message.notice_id, asked=message.asked)
    return _record(delayed) + Decision(reminders=(Reminder(again_at, reminder),))


Stated = ContactNoted | NoticeOwed | NoticeRequested | NoticeSent | NoticeDelayed | NoticeFailed


def _record(*events: Stated) -> Decision:
    return Decision(events=tuple(Recorded(NOTICE.stream(event.order_number), event) for event in events))

"""When a notice is offered to the mail server: once it is due, and again until there is a clear answer."""

from collections.abc import Iterator, Mapping

from services.notification.domain.due import Due, Telling, due, too_late
from services.notification.domain.messages import MailAnswered, OfferAgain, SendNotice
from services.notification.domain.notice import (
    NOTICE,
    Contact,
    Correspondence,
    Delayed,
    Failed,
    Offered,
    Owed,
)
from services.notification.domain.policy import Policy
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
from shared.events.order import OrderPlaced, OrderReplaced
from shared.events.values import OrderContent
from shared.eventsourcing.decider import NOTHING, Context, Decision, Recorded, Reminder, Reply, States


def note_contact(states: States, message: OrderPlaced | OrderReplaced, context: Context) -> Decision:
    """Remember who is told, and tell what waited for an address; the same contact again changes nothing."""
    state = states.of(NOTICE, message.order_number)
    contact = _contact(message.content)
    if contact == state.contact:
        return NOTHING
    noted = ContactNoted(
        order_number=message.order_number,
        name=contact.name,
        email=contact.email,
        language=contact.language,
        payment=contact.payment,
        delivery=contact.delivery,
    )
    return _record(noted, *_offers_to(contact, message.order_number, state, context))


def tell(states: States, message: Telling, context: Context) -> Decision:
    """Tell the customer of a fact, once; owe it while the customer is unknown."""
    state = states.of(NOTICE, message.order_number)
    notice = due(message)
    if notice.notice_id in state.notices:
        return NOTHING
    if state.contact is None:
        return _record(_owe(notice))
    return _record(
        _offer(notice.order_number, notice.notice_id, notice.kind, notice.facts, state.contact, context)
    )


def take_answer(policy: Policy, states: States, message: MailAnswered, context: Context) -> Decision:
    """Record what the mail server said; anything unclear is asked again for as long as it takes."""
    state = states.of(NOTICE, message.order_number)
    notice = state.notices.get(message.notice_id)
    if not isinstance(notice, Offered | Delayed):
        return NOTHING
    if message.outcome == "sent":
        sent = NoticeSent(order_number=message.order_number, notice_id=message.notice_id, kind=notice.kind)
        return _record(sent)
    if message.asked != notice.asked:
        return NOTHING
    match message.outcome:
        case "refused":
            return _record(_failed(message, notice, "refused"))
        case "too_late":
            return _record(_failed(message, notice, "too_late"))
        case "address_refused":
            return _address_refused(state.contact, notice, message, context)
        case "unknown":
            return NOTHING if isinstance(notice, Delayed) else _ask_later(policy, message, context)


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
            context,
            notice.asked + 1,
        )
    )


def send_again(states: States, message: SendNotice, context: Context) -> Decision:
    """Offer a notice that failed again, to the contact as it stands now, because a person asks for it."""
    state = states.of(NOTICE, message.order_number)
    match state.notices.get(message.notice_id):
        case None:
            return Decision(reply=Reply("not_found", {"notice_id": message.notice_id}))
        case Failed(kind=kind, facts=facts, asked=asked) if state.contact and kind and facts:
            number, contact = message.order_number, state.contact
            offer = _offer(number, message.notice_id, kind, facts, contact, context, asked + 1)
            if isinstance(offer, NoticeFailed):
                return _not_sent(message, "failed", offer.explanation)
            accepted = Reply("accepted", {"notice_id": message.notice_id, "status": "offered"})
            return _record(offer) + Decision(reply=accepted)
        case Failed():
            return _not_sent(message, "failed", "what it says was not kept")
        case notice:
            return _not_sent(message, notice.status, "only what failed is sent again")


Offer = NoticeRequested | NoticeFailed
"""The mail server is asked, or the notice fails: there is nobody to send it to, or it would come too late."""


def _contact(content: OrderContent) -> Contact:
    customer = content.customer
    return Contact(
        name=customer.name,
        email=customer.email.strip(),
        language=customer.language,
        payment=content.payment.kind if content.total else "none",
        delivery=content.delivery,
    )


def _offers_to(contact: Contact, order_number: str, state: Correspondence, context: Context) -> Iterator[Offer]:
    """What waited for somebody to tell, and what another address than the last may still reach."""
    moved = state.contact is not None and contact.email not in ("", state.contact.email)
    for identity, notice in state.notices.items():
        match notice:
            case Owed(kind=kind, facts=facts):
                yield _offer(order_number, identity, kind, facts, contact, context)
            case Failed(cause="no_address" | "address_refused", kind=kind, facts=facts, asked=asked):
                if moved and kind:
                    yield _offer(order_number, identity, kind, facts, contact, context, asked + 1)
            case _:
                pass


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
    context: Context,
    asked: int = 1,
) -> Offer:
    hindrance: tuple[NoticeFailure, str] | None = None
    if not contact.email:
        hindrance = "no_address", "the customer gave no address"
    elif explanation := too_late(facts, context.now):
        hindrance = "too_late", explanation
    if hindrance:
        cause, explanation = hindrance
        return NoticeFailed(
            order_number=order_number,
            notice_id=identity,
            kind=kind,
            explanation=explanation,
            cause=cause,
            facts=dict(facts),
        )
    return NoticeRequested(
        order_number=order_number,
        notice_id=identity,
        kind=kind,
        email=contact.email,
        name=contact.name,
        language=contact.language,
        facts={
            **facts,
            "payment": facts.get("paid_by", contact.payment),
            "delivery": contact.delivery,
        },
        asked=asked,
    )


def _failed(message: MailAnswered, notice: Offered | Delayed, cause: NoticeFailure) -> NoticeFailed:
    return NoticeFailed(
        order_number=message.order_number,
        notice_id=message.notice_id,
        kind=notice.kind,
        explanation=message.explanation,
        cause=cause,
    )


def _address_refused(
    contact: Contact | None, notice: Offered | Delayed, message: MailAnswered, context: Context
) -> Decision:
    """The notice fails; where the customer gave another address meanwhile, it is offered to that one."""
    failed = _failed(message, notice, "address_refused")
    if contact is None or contact.email in ("", notice.email):
        return _record(failed)
    number, identity = message.order_number, message.notice_id
    again = _offer(number, identity, notice.kind, notice.facts, contact, context, notice.asked + 1)
    return _record(failed, again)


def _ask_later(policy: Policy, message: MailAnswered, context: Context) -> Decision:
    again_at = context.now + policy.back_off.after(message.asked)
    delayed = NoticeDelayed(
        order_number=message.order_number,
        notice_id=message.notice_id,
        explanation=message.explanation,
        ask_again_at=again_at,
    )
    reminder = OfferAgain(order_number=message.order_number, notice_id=message.notice_id, asked=message.asked)
    return _record(delayed) + Decision(reminders=(Reminder(again_at, reminder),))


def _not_sent(message: SendNotice, status: str, explanation: str) -> Decision:
    body = {"notice_id": message.notice_id, "status": status, "explanation": explanation}
    return Decision(reply=Reply("conflict", body))


Stated = ContactNoted | NoticeOwed | NoticeRequested | NoticeSent | NoticeDelayed | NoticeFailed


def _record(*events: Stated) -> Decision:
    return Decision(events=tuple(Recorded(NOTICE.stream(event.order_number), event) for event in events))

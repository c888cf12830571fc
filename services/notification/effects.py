"""What the service does outside: offers a notice to the mail server."""

from collections.abc import Callable, Mapping
from datetime import datetime

from services.notification.composing import address_of, compose
from services.notification.domain.due import too_late
from services.notification.domain.messages import MailAnswered, Outcome
from services.notification.letters import Letters
from services.notification.mail import Answer, MailServer
from shared.events.notification import NoticeRequested
from shared.events.payload import Event
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.definition import Effect

_SYSTEM_CLOCK = SystemClock()


def effects(
    mail_server: MailServer,
    letters: Letters,
    *,
    sender: str,
    sender_name: str,
    now: Callable[[], datetime] = _SYSTEM_CLOCK.now,
) -> Mapping[type[Event], Effect]:
    """What each intent does; the answer comes back as a message of the service to itself."""

    async def offer(notice: NoticeRequested) -> MailAnswered:
        if explanation := too_late(notice.facts, now()):
            return _answered(notice, "too_late", explanation)
        try:
            recipient = address_of(notice)
        except ValueError as error:
            answer = Answer("address_refused", f"not an address: {error}"[:2_000])
        else:
            mail = compose(notice, recipient, letters, sender=sender, sender_name=sender_name)
            answer = await mail_server.send(mail, sender=sender, recipient=recipient.addr_spec)
        return _answered(notice, answer.outcome, answer.explanation)

    return {NoticeRequested: offer}


def _answered(notice: NoticeRequested, outcome: Outcome, explanation: str) -> MailAnswered:
    return MailAnswered(
        order_number=notice.order_number,
        notice_id=notice.notice_id,
        asked=notice.asked,
        outcome=outcome,
        explanation=explanation,
    )

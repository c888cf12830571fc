"""A mail server in memory, and the notification service's effect over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.notification.domain.messages import MailAnswered
from shared.events.notification import NoticeRequested
from shared.events.payload import Event
from shared.eventsourcing.definition import Effect
from tests.simulation.processes import Process
from tests.simulation.wire import Wire


@dataclass(slots=True)
class Mailbox:
    """Keeps every mail it accepts; a mail has no idempotency key, so one whose answer is lost comes again."""

    wire: Wire
    mails: dict[str, int] = field(default_factory=dict)
    """Mails by notice."""
    addresses: dict[str, set[str]] = field(default_factory=dict)
    """Where they went."""

    def take(self, notice: NoticeRequested) -> MailAnswered:
        """Accept a mail, or refuse an address that is none."""
        if "@" not in notice.email:
            return _answer(notice, "address_refused", "not an address")
        self.mails[notice.notice_id] = self.mails.get(notice.notice_id, 0) + 1
        self.addresses.setdefault(notice.notice_id, set()).add(notice.email)
        return _answer(notice, "sent", "")


def effects(mailbox: Mailbox, process: Process) -> Mapping[type[Event], Effect]:
    """What the notification service does outside, for one process."""

    async def offer(notice: NoticeRequested) -> MailAnswered:
        return await mailbox.wire.ask(
            process,
            "mail",
            lambda: mailbox.take(notice),
            lambda explanation: _answer(notice, "unknown", explanation),
        )

    return {NoticeRequested: offer}


def _answer(notice: NoticeRequested, outcome: str, explanation: str) -> MailAnswered:
    return MailAnswered.model_validate(
        {
            "order_number": notice.order_number,
            "notice_id": notice.notice_id,
            "asked": notice.asked,
            "outcome": outcome,
            "explanation": explanation,
        }
    )

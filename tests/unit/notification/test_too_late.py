"""An invitation to pay again is for the time in which it can be followed."""

from datetime import timedelta

from services.notification.domain.messages import MailAnswered, OfferAgain, SendNotice
from services.notification.domain.model import model
from shared.events.notification import NoticeFailed, NoticeRequested
from shared.eventsourcing.testing import Scenario
from tests.unit.notification.samples import CONTACT, DECLINED, NUMBER, STREAM, THURSDAY

KNOWN = Scenario(model()).given(STREAM, CONTACT)
INVITED = "SO-7-payment_failed-20260305T093000000000Z"
LATE = NoticeFailed(
    order_number=NUMBER,
    notice_id=INVITED,
    kind="payment_failed",
    explanation="the time to pay again ended at 2026-03-05T09:30:00+00:00",
    cause="too_late",
    facts={"until": THURSDAY.isoformat()},
)


def test_nobody_is_invited_to_pay_after_the_time_to_pay_is_over() -> None:
    KNOWN.at(THURSDAY).when(DECLINED).then(LATE)
    (told,) = KNOWN.at(THURSDAY - timedelta(seconds=1)).when(DECLINED).events

    assert isinstance(told, NoticeRequested)


def test_an_invitation_to_pay_that_was_delayed_for_too_long_is_not_sent() -> None:
    invited = KNOWN.when(DECLINED).after
    down = MailAnswered(order_number=NUMBER, notice_id=INVITED, asked=1, outcome="unknown", explanation="down")
    delayed = invited.when(down).after.at(THURSDAY)

    outcome = delayed.when(OfferAgain(order_number=NUMBER, notice_id=INVITED, asked=1))

    (failed,) = outcome.events
    assert isinstance(failed, NoticeFailed)
    assert (failed.cause, failed.explanation) == (LATE.cause, LATE.explanation)


def test_an_invitation_to_pay_that_came_too_late_is_not_sent_again() -> None:
    outcome = KNOWN.given(STREAM, LATE).at(THURSDAY).when(SendNotice(order_number=NUMBER, notice_id=INVITED))

    outcome.then_nothing_happened()
    assert outcome.reply is not None
    assert outcome.reply.body["explanation"] == LATE.explanation


def test_an_invitation_to_pay_that_lay_too_long_before_it_was_offered_fails() -> None:
    invited = KNOWN.when(DECLINED).after
    late = MailAnswered(
        order_number=NUMBER, notice_id=INVITED, asked=1, outcome="too_late", explanation=LATE.explanation
    )

    invited.when(late).then(LATE.model_copy(update={"facts": {}}))

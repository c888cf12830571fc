"""The way back for a notice that failed: a person asks for it, or the order brings another address."""

from typing import Literal

import pytest

from services.notification.domain.due import Due, order_number_of
from services.notification.domain.messages import MailAnswered, SendNotice
from services.notification.domain.model import model
from shared.events.notification import (
    ContactNoted,
    NoticeDelayed,
    NoticeFailed,
    NoticeFailure,
    NoticeKind,
    NoticeOwed,
    NoticeSent,
)
from shared.events.order import OrderPlaced, OrderReplaced
from shared.events.payload import Event
from shared.eventsourcing.decider import Reply
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.notification.samples import (
    CONFIRMATION_FACTS,
    CONFIRMED,
    CONTACT,
    NUMBER,
    REPLACED,
    STREAM,
    WITHOUT_ADDRESS,
    content,
    requested,
)

IDENTITY = "SO-7-confirmation"
ANOTHER = "ada@example.org"
MOVED = CONTACT.model_copy(update={"email": ANOTHER})
NOWHERE = CONTACT.model_copy(update={"email": ""})
ASKED = SendNotice(order_number=NUMBER, notice_id=IDENTITY)
SENT = NoticeSent(order_number=NUMBER, notice_id=IDENTITY, kind="confirmation")
DOWN = NoticeDelayed(order_number=NUMBER, notice_id=IDENTITY, explanation="down", ask_again_at=NOON)
ADDRESSLESS = NoticeFailed(
    order_number=NUMBER,
    notice_id=IDENTITY,
    kind="confirmation",
    explanation="the customer gave no address",
    cause="no_address",
    facts=CONFIRMATION_FACTS,
)


def failed(cause: NoticeFailure = "refused", explanation: str = "554 spam") -> NoticeFailed:
    return NoticeFailed(
        order_number=NUMBER, notice_id=IDENTITY, kind="confirmation", explanation=explanation, cause=cause
    )


def refused(asked: int, outcome: Literal["refused", "address_refused"] = "address_refused") -> MailAnswered:
    return MailAnswered(
        order_number=NUMBER, notice_id=IDENTITY, asked=asked, outcome=outcome, explanation="550 who?"
    )


def scenario(*events: Event) -> Scenario:
    return Scenario(model()).given(STREAM, *events)


def conflict(status: str, explanation: str) -> Reply:
    return Reply("conflict", {"notice_id": IDENTITY, "status": status, "explanation": explanation})


def test_a_notice_that_failed_is_sent_again_when_a_person_asks_for_it() -> None:
    outcome = scenario(CONTACT, requested(), failed()).when(ASKED, actor="bea", reason="the server is mended")

    outcome.then(requested(2))
    assert outcome.reply == Reply("accepted", {"notice_id": IDENTITY, "status": "offered"})


def test_a_notice_sent_again_goes_to_the_contact_as_it_stands_now() -> None:
    scenario(CONTACT, requested(), DOWN, failed(), MOVED).when(ASKED).then(requested(2, email=ANOTHER))


def test_a_notice_that_never_had_an_address_says_what_it_was_to_say() -> None:
    told = scenario(NOWHERE).when(CONFIRMED).then(ADDRESSLESS)

    told.after.given(STREAM, CONTACT).when(ASKED).then(requested())


def test_a_notice_without_anybody_to_send_it_to_is_not_sent_again() -> None:
    outcome = scenario(NOWHERE, ADDRESSLESS).when(ASKED)

    outcome.then_nothing_happened()
    assert outcome.reply == conflict("failed", "the customer gave no address")


@pytest.mark.parametrize(
    ("past", "status"),
    [
        ((NoticeOwed(order_number=NUMBER, kind="confirmation", subject_id="", facts={}),), "owed"),
        ((CONTACT, requested()), "offered"),
        ((CONTACT, requested(), DOWN), "delayed"),
        ((CONTACT, requested(), SENT), "sent"),
        ((CONTACT, requested(), failed(), requested(2)), "offered"),
    ],
)
def test_only_what_failed_is_sent_again(past: tuple[Event, ...], status: str) -> None:
    outcome = scenario(*past).when(ASKED)

    outcome.then_nothing_happened()
    assert outcome.reply == conflict(status, "only what failed is sent again")


def test_a_notice_that_failed_before_its_words_were_kept_is_not_sent_again() -> None:
    outcome = scenario(CONTACT, failed()).when(ASKED)

    outcome.then_nothing_happened()
    assert outcome.reply == conflict("failed", "what it says was not kept")


def test_a_notice_that_failed_before_its_words_were_kept_still_says_what_it_was_owed_to_say() -> None:
    owed = NoticeOwed(order_number=NUMBER, kind="confirmation", subject_id="", facts=CONFIRMATION_FACTS)

    scenario(owed, NOWHERE, failed("no_address"), CONTACT).when(ASKED).then(requested())


def test_a_notice_that_nobody_knows_is_not_found() -> None:
    outcome = scenario(CONTACT).when(ASKED)

    outcome.then_nothing_happened()
    assert outcome.reply == Reply("not_found", {"notice_id": IDENTITY})


def test_what_had_no_address_is_offered_to_the_one_that_comes() -> None:
    scenario(NOWHERE, ADDRESSLESS).when(REPLACED).then(MOVED, requested(email=ANOTHER))


def test_what_an_address_refused_is_offered_to_another_one_once() -> None:
    moved = scenario(CONTACT, requested(), failed("address_refused")).when(REPLACED)

    moved.then(MOVED, requested(2, email=ANOTHER))
    refused_again = moved.after.when(refused(2)).then(failed("address_refused", "550 who?"))
    refused_again.after.when(REPLACED).then_nothing_happened()


def test_what_the_mail_server_refused_for_what_it_says_is_not_offered_to_another_address() -> None:
    scenario(CONTACT, requested(), failed("refused")).when(REPLACED).then(MOVED)


@pytest.mark.parametrize(
    ("message", "noted"),
    [
        (WITHOUT_ADDRESS, NOWHERE),
        (
            OrderReplaced(order_number=NUMBER, content=content(name="Ada King")),
            CONTACT.model_copy(update={"name": "Ada King"}),
        ),
    ],
)
def test_a_contact_without_another_address_brings_nothing_back(
    message: OrderPlaced | OrderReplaced, noted: ContactNoted
) -> None:
    scenario(CONTACT, requested(), failed("address_refused")).when(message).then(noted)


@pytest.mark.parametrize("past", [(requested(), MOVED), (requested(), DOWN, MOVED)])
def test_an_address_refused_after_another_one_came_lets_the_notice_go_there(past: tuple[Event, ...]) -> None:
    outcome = scenario(CONTACT, *past).when(refused(1))

    outcome.then(failed("address_refused", "550 who?"), requested(2, email=ANOTHER))


def test_a_mail_refused_for_what_it_says_after_another_address_came_fails() -> None:
    scenario(CONTACT, requested(), MOVED).when(refused(1, "refused")).then(failed("refused", "550 who?"))


def test_an_address_refused_after_it_was_taken_back_fails() -> None:
    scenario(CONTACT, requested(), NOWHERE).when(refused(1)).then(failed("address_refused", "550 who?"))


@pytest.mark.parametrize(
    ("kind", "subject_id"),
    [
        ("confirmation", ""),
        ("delay", ""),
        ("delay", "7XZA-0Q4B-CC1D-F1"),
        ("delivered", "7XZA-0Q4B-CC1D-F12"),
        ("payment_failed", "20260305T093000000000Z"),
    ],
)
def test_the_id_of_a_notice_tells_its_order(kind: NoticeKind, subject_id: str) -> None:
    notice = Due(order_number="7XZA-0Q4B-CC1D", kind=kind, subject_id=subject_id)

    assert order_number_of(notice.notice_id) == "7XZA-0Q4B-CC1D"


@pytest.mark.parametrize("name", ["nothing", "-confirmation", "SO-7-confirmed"])
def test_what_is_no_id_of_a_notice_stands_for_itself(name: str) -> None:
    assert order_number_of(name) == name

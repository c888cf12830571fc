"""Mails over real SMTP: what is sent, and what every kind of trouble is taken for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest

from services.notification.composing import address_of, compose
from services.notification.domain.messages import MailAnswered
from services.notification.effects import effects
from services.notification.letters import Letters
from services.notification.mail import Answer, SmtpMailServer
from shared.events.notification import NoticeRequested
from tests.unit.notification.samples import CONFIRMATION_FACTS, NUMBER, THURSDAY, requested
from tests.unit.notification.sink import Sink, running

SENDER = "orders@shop.example.com"
LETTERS = Letters()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with running(Sink()) as sink:
        yield sink


@pytest.fixture
async def server(sink: Sink) -> AsyncIterator[SmtpMailServer]:
    async with SmtpMailServer(host="127.0.0.1", port=sink.port, timeout_s=2.0) as server:
        yield server


async def offer(server: SmtpMailServer, notice: NoticeRequested, now: datetime = THURSDAY) -> MailAnswered:
    intents = effects(server, LETTERS, sender=SENDER, sender_name="The Shop", now=lambda: now)
    result = await intents[NoticeRequested](notice)
    assert isinstance(result, MailAnswered)
    return result


def mail(notice: NoticeRequested | None = None) -> EmailMessage:
    notice = notice or requested()
    return compose(notice, address_of(notice), LETTERS, sender=SENDER)


async def test_a_notice_arrives_with_its_identity_in_the_headers(sink: Sink, server: SmtpMailServer) -> None:
    answer = await offer(server, requested(asked=2))

    (taken,) = sink.mails
    assert answer == MailAnswered(order_number=NUMBER, notice_id="SO-7-confirmation", asked=2, outcome="sent")
    assert taken["X-Notice-Id"] == "SO-7-confirmation"
    assert taken["X-Notice-Kind"] == "confirmation"
    assert taken["Subject"] == "Your order SO-7 is confirmed"
    assert taken["To"] == "Ada Byron <ada@example.com>"
    assert taken["From"] == f"The Shop <{SENDER}>"
    assert "$15.00" in taken.get_content()
    assert sink.recipients == ["ada@example.com"]


async def test_a_chinese_notice_arrives_readable(sink: Sink, server: SmtpMailServer) -> None:
    await offer(server, requested(name="李雷").model_copy(update={"language": "zh"}))

    (taken,) = sink.mails
    assert taken["Subject"] == "您的订单 SO-7 已确认"
    assert taken["To"].addresses[0].display_name == "李雷"
    assert "感谢您的订购" in taken.get_content()


def test_the_same_notice_has_the_same_message_id_however_often_it_is_offered() -> None:
    other = requested().model_copy(update={"notice_id": "SO-8-confirmation"})

    assert mail(requested(1))["Message-ID"] == mail(requested(2))["Message-ID"] != mail(other)["Message-ID"]
    assert mail()["Message-ID"].endswith("@shop.example.com>")


@pytest.mark.parametrize(
    "name", ["Ada\r\nBcc: all@example.com", "Ada\nX-Evil: 1", "Ada\x00\u2028B", '"A" <x@y>, B']
)
def test_a_name_can_not_add_a_header_or_a_recipient(name: str) -> None:
    composed = mail(requested(name=name))

    assert set(composed.keys()) == set(mail().keys())
    assert [recipient.addr_spec for recipient in composed["To"].addresses] == ["ada@example.com"]
    assert all("\n" not in value and "\r" not in value for value in composed.values())


def test_an_identity_can_not_add_a_header() -> None:
    composed = mail(requested().model_copy(update={"notice_id": "SO-7\r\nBcc: all@example.com"}))

    assert composed["X-Notice-Id"] == "SO-7 Bcc: all@example.com"
    assert "Bcc" not in composed


@pytest.mark.parametrize(
    "email",
    ["nobody", "a@b@c", "ada@example.com\r\nRCPT TO:<all@example.com>", "a b@example.com", "@", "<>", "a@"],
)
async def test_what_is_no_address_is_refused_without_asking_anyone(
    sink: Sink, server: SmtpMailServer, email: str
) -> None:
    answer = await offer(server, requested(email=email))

    assert answer.outcome == "address_refused"
    assert sink.mails == []


async def test_a_notice_that_lay_until_its_time_was_over_is_not_sent(sink: Sink, server: SmtpMailServer) -> None:
    invitation = requested().model_copy(
        update={"kind": "payment_failed", "facts": {"until": THURSDAY.isoformat()}}
    )

    answer = await offer(server, invitation, THURSDAY)
    before = await offer(server, invitation, THURSDAY - timedelta(seconds=1))

    assert (answer.outcome, before.outcome) == ("too_late", "sent")
    assert answer.explanation == "the time to pay again ended at 2026-03-05T09:30:00+00:00"
    assert len(sink.mails) == 1


async def test_a_notice_of_yesterday_is_a_parcel_paid_by_card(sink: Sink, server: SmtpMailServer) -> None:
    await offer(server, requested().model_copy(update={"facts": CONFIRMATION_FACTS}))

    assert "we will charge you $15.00" in sink.mails[0].get_content()


async def test_an_address_with_letters_of_any_script_is_served(sink: Sink, server: SmtpMailServer) -> None:
    answer = await offer(server, requested(email="李雷@example.com"))

    assert answer.outcome == "sent"
    assert sink.recipients == ["李雷@example.com"]


async def test_an_address_that_the_server_can_not_write_is_refused(sink: Sink, server: SmtpMailServer) -> None:
    sink.takes_any_script = False

    answer = await offer(server, requested(email="李雷@example.com"))

    assert answer.outcome == "address_refused"
    assert sink.mails == []


async def test_many_mails_share_few_connections(sink: Sink) -> None:
    async with SmtpMailServer(host="127.0.0.1", port=sink.port, connections=2) as server:
        answers = await asyncio.gather(*(offer(server, requested()) for _ in range(30)))

    assert {answer.outcome for answer in answers} == {"sent"}
    assert len(sink.mails) == 30
    assert sink.connections == 2


async def test_a_connection_ends_after_its_share_of_mails(sink: Sink) -> None:
    async with SmtpMailServer(host="127.0.0.1", port=sink.port, connections=1, mails_per_connection=2) as server:
        for _ in range(5):
            await offer(server, requested())

    assert (len(sink.mails), sink.connections) == (5, 3)


async def test_a_connection_that_was_idle_for_long_is_not_trusted(sink: Sink) -> None:
    async with SmtpMailServer(host="127.0.0.1", port=sink.port, idle_s=0.0) as server:
        await offer(server, requested())
        await offer(server, requested())

    assert sink.connections == 2


@pytest.mark.parametrize(
    ("to_recipient", "to_mail", "outcome"),
    [
        ("550 no such user", "250 OK", "address_refused"),
        ("450 mailbox busy", "250 OK", "unknown"),
        ("250 OK", "554 spam", "refused"),
        ("250 OK", "451 try again", "unknown"),
    ],
)
async def test_a_refusal_for_good_is_told_from_one_for_now(
    sink: Sink, server: SmtpMailServer, to_recipient: str, to_mail: str, outcome: str
) -> None:
    sink.says_to_recipient, sink.says_to_mail = to_recipient, to_mail
    answer = await offer(server, requested())
    sink.says_to_recipient = sink.says_to_mail = "250 OK"
    next_answer = await offer(server, requested())

    assert answer.outcome == outcome
    assert answer.explanation[:3] in to_recipient + to_mail
    assert next_answer.outcome == "sent"
    assert sink.connections == 1


async def test_a_mail_server_that_is_down_is_an_unknown_outcome() -> None:
    async with running(Sink()) as sink:
        pass
    async with SmtpMailServer(host="127.0.0.1", port=sink.port) as server:
        answer = await offer(server, requested())

    assert answer.outcome == "unknown"
    assert "SMTPConnectError" in answer.explanation


async def test_a_mail_server_that_comes_back_is_used_again() -> None:
    sink = Sink()
    async with running(sink):
        pass
    async with SmtpMailServer(host="127.0.0.1", port=sink.port) as server:
        before = await offer(server, requested())
        async with running(sink):
            after = await offer(server, requested())

    assert (before.outcome, after.outcome) == ("unknown", "sent")


async def test_a_mail_server_that_does_not_answer_is_an_unknown_outcome(sink: Sink) -> None:
    sink.silent = True
    async with SmtpMailServer(host="127.0.0.1", port=sink.port, timeout_s=0.1) as server:
        silent = await server.send(mail(), sender=SENDER, recipient="ada@example.com")
        sink.silent = False
        answered = await server.send(mail(), sender=SENDER, recipient="ada@example.com")

    assert (silent.outcome, answered.outcome) == ("unknown", "sent")
    assert sink.connections == 2


async def test_a_server_that_does_not_want_us_says_nothing_about_the_mail() -> None:
    async def unwelcoming(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no service here\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(unwelcoming, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, SmtpMailServer(host="127.0.0.1", port=port) as server:
        answer = await server.send(mail(), sender=SENDER, recipient="ada@example.com")

    assert answer.outcome == "unknown"
    assert isinstance(answer, Answer)

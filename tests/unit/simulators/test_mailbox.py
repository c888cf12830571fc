"""The mail sink's protocol, over real SMTP and HTTP."""

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.unit.simulators.running import ROOT, Simulator, running


@pytest.fixture(scope="module")
def shared_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running("mailbox", tmp_path_factory.mktemp("mailbox")) as simulator:
        yield simulator


@pytest.fixture
def mailbox(shared_mailbox: Simulator) -> Simulator:
    shared_mailbox.mode("up")
    return shared_mailbox


def send(
    mailbox: Simulator,
    to: str,
    subject: str = "Your order",
    kind: str | None = None,
    notice: str | None = None,
) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", to, subject
    if kind is not None:
        message["X-Notice-Kind"] = kind
    if notice is not None:
        message["X-Notice-Id"] = notice
    message.set_content("亲爱的顾客 / Dear customer\n")
    with smtplib.SMTP("127.0.0.1", mailbox.started["smtp_port"], timeout=10) as session:
        session.send_message(message)


def count(mailbox: Simulator) -> int:
    return int(mailbox.get("/mails/summary")["count"])


def test_a_mail_is_found_by_recipient_and_by_part_of_its_subject(mailbox: Simulator) -> None:
    send(mailbox, "ada@example.com", "您的订单 SO-1 已确认", kind="confirmation", notice="n-1")
    send(mailbox, "bob@example.com", "Your order SO-2 is confirmed")

    (mail,) = mailbox.get("/mails?to=ADA@example.com")["mails"]
    by_subject = mailbox.get("/mails?subject=so-2 IS")["mails"]

    assert (mail["subject"], mail["text"]) == ("您的订单 SO-1 已确认", "亲爱的顾客 / Dear customer\n")
    assert (mail["notice_id"], mail["notice_kind"]) == ("n-1", "confirmation")
    assert (mail["from"], mail["to"]) == ("shop@example.com", ["ada@example.com"])
    assert [each["to"] for each in by_subject] == [["bob@example.com"]]
    raw = mailbox.http.get(f"/mails/{mail['sequence']}")
    assert "X-Notice-Id: n-1" in raw.text
    assert mailbox.http.get("/mails/999999").status_code == 404


def test_mails_are_paged_in_the_order_they_came(mailbox: Simulator) -> None:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda n: send(mailbox, "page@example.com", f"Mail {n}"), range(5)))
    sizes, sequences, after = [], [], 0
    while (page := mailbox.get(f"/mails?to=page@example.com&after={after}&limit=2"))["mails"]:
        sizes.append(len(page["mails"]))
        sequences += [mail["sequence"] for mail in page["mails"]]
        after = page["next"]
    assert sizes == [2, 2, 1]
    assert sequences == sorted(sequences)
    assert mailbox.http.get("/mails?limit=0").status_code == 422


def test_the_summary_counts_kinds_and_duplicates(mailbox: Simulator) -> None:
    before = mailbox.get("/mails/summary")
    for notice in ("d-1", "d-1", "d-2", None):
        send(mailbox, "sum@example.com", kind="counted", notice=notice)
    after = mailbox.get("/mails/summary")
    assert after["count"] == before["count"] + 4
    assert after["kinds"]["counted"] == 4
    assert after["duplicates"] == before["duplicates"] + 1


@pytest.mark.parametrize(("mode", "code"), [("reject_temporarily", 451), ("reject_permanently", 554)])
def test_a_rejected_mail_is_not_kept(mailbox: Simulator, mode: str, code: int) -> None:
    before = count(mailbox)
    mailbox.mode(mode)
    with pytest.raises(smtplib.SMTPDataError) as rejected:
        send(mailbox, "no@example.com")
    assert rejected.value.smtp_code == code
    assert count(mailbox) == before


def test_a_sink_that_is_down_refuses_connections_and_comes_back_on_its_port(mailbox: Simulator) -> None:
    before = count(mailbox)
    mailbox.mode("down")
    with pytest.raises(ConnectionRefusedError):
        send(mailbox, "down@example.com")
    mailbox.mode("up")
    send(mailbox, "down@example.com")
    assert count(mailbox) == before + 1
    assert mailbox.get("/health") == {
        "status": "ok",
        "mode": "up",
        "smtp_port": mailbox.started["smtp_port"],
    }


def test_a_kill_9_loses_no_mail_that_was_accepted(mailbox: Simulator) -> None:
    send(mailbox, "kept@example.com")
    mailbox.kill()
    mailbox.start_again()
    assert len(mailbox.get("/mails?to=kept@example.com")["mails"]) == 1
    send(mailbox, "kept@example.com")
    assert len(mailbox.get("/mails?to=kept@example.com")["mails"]) == 2


def test_a_taken_port_is_told_in_one_line(mailbox: Simulator, tmp_path: Path) -> None:
    taken = f"--smtp-port={mailbox.started['smtp_port']}"
    command = [sys.executable, "-m", "simulators.mailbox", f"--state={tmp_path}", taken]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20, check=False)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "in use" in ended.stderr

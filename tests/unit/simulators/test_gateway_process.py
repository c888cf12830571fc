"""The gateway as a process: faults by seed, webhooks, kill -9, options."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.unit.simulators.conftest import Start
from tests.unit.simulators.running import KEY, NO_FAULTS, ROOT, SECRET, Receiver, Simulator, eventually

QUIET = (f"--key={KEY}", "--decline=0", "--timeout-before-effect=0", *NO_FAULTS)


def outcome(gateway: Simulator, reference: str, key: str) -> str:
    body = {"reference": reference, "amount": 100, "currency": "EUR", "token": "tok_visa"}
    try:
        response = gateway.post("/v1/authorisations", body, key)
    except httpx2.TransportError:
        return "timeout"
    return str(response.json()["status"]) if response.status_code == 201 else str(response.status_code)


def test_a_seed_repeats_the_same_faults_whatever_the_keys_and_the_interleaving(start: Start) -> None:
    faults = (
        "--decline=0.2",
        "--timeout-after-effect=0.1",
        "--timeout-before-effect=0.1",
        "--server-error=0.2",
    )
    options = (f"--key={KEY}", "--seed=7", "--latency-ms=0", "--hold-s=0.01", *faults)
    first, second = (start("gateway", *options, state=name) for name in ("one", "two"))
    references = [f"SO-{n}" for n in range(60)]

    with ThreadPoolExecutor(6) as pool:
        forwards = list(pool.map(lambda r: outcome(first, r, f"{r}/a"), references))
        backwards = list(pool.map(lambda r: outcome(second, r, f"other/{r}"), references[::-1]))
    with ThreadPoolExecutor(6) as pool:
        retried = set(pool.map(lambda r: outcome(first, r, f"{r}/a"), references))

    assert forwards == backwards[::-1]
    assert set(forwards) == {"authorised", "declined", "timeout", "500"}
    assert retried == {"authorised", "declined"}
    assert first.get("/v1/ledger/summary")["keys_with_more_than_one_effect"] == 0


def test_a_kill_9_under_load_loses_no_answer_and_leaves_one_effect_for_each_key(start: Start) -> None:
    gateway = start("gateway", *QUIET)
    keys = [f"key-{n}" for n in range(200)]

    def answer(key: str) -> bytes | None:
        body = {"reference": key, "amount": 100, "currency": "EUR", "token": "tok_visa"}
        try:
            return gateway.post("/v1/authorisations", body, key).content
        except httpx2.TransportError:
            return None

    with ThreadPoolExecutor(8) as pool:
        attempts = [pool.submit(answer, key) for key in keys]
        eventually(lambda: sum(attempt.done() for attempt in attempts) > 40)
        gateway.kill()
        first = [attempt.result() for attempt in attempts]
    gateway.start_again()
    with ThreadPoolExecutor(8) as pool:
        second = list(pool.map(answer, keys))

    assert None in first
    assert all(before in (None, after) for before, after in zip(first, second, strict=True))
    summary = gateway.get("/v1/ledger/summary")
    assert (summary["effects"], summary["keys_with_more_than_one_effect"]) == (200, 0)


def test_webhooks_are_signed_and_tell_of_every_effect_and_decline(start: Start, receiver: Receiver) -> None:
    gateway = start("gateway", *QUIET, *receiver.options, "--webhook-shuffle=0", "--webhook-double=0")
    body = {"reference": "SO-1", "amount": 100, "currency": "EUR", "token": "tok_visa"}
    identifier = gateway.post("/v1/authorisations", body, "a").json()["id"]
    gateway.post("/v1/authorisations", {**body, "token": "tok_decline"}, "d")
    captured = gateway.post(f"/v1/authorisations/{identifier}/captures", {"amount": 60}, "c").json()["id"]
    gateway.post(f"/v1/captures/{captured}/refunds", {"amount": 10}, "r")
    gateway.post(f"/v1/authorisations/{identifier}/void", {}, "v")

    eventually(lambda: len(receiver.received) == 5)

    for headers, raw in receiver.received:
        Webhook(SECRET).verify(raw, headers)
    told = {event["type"]: event["data"] for event in receiver.events}
    assert {kind: data["amount"] for kind, data in told.items()} == {
        "payment.authorised": 100,
        "payment.declined": 100,
        "payment.captured": 60,
        "payment.refunded": 10,
        "payment.voided": 40,
    }
    assert told["payment.captured"] == {
        "reference": "SO-1",
        "authorisation_id": identifier,
        "operation_id": captured,
        "amount": 60,
        "currency": "EUR",
        "idempotency_key": "c",
    }
    assert told["payment.declined"]["decline_code"] == "do_not_honour"


def test_key_and_secret_may_come_by_the_environment(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATOR_KEY", KEY)
    monkeypatch.setenv("SIMULATOR_WEBHOOK_SECRET", SECRET)
    url, _ = receiver.options
    gateway = start("gateway", *QUIET[1:], url)

    assert outcome(gateway, "SO-1", "a") == "authorised"

    eventually(lambda: receiver.received)
    headers, raw = receiver.received[0]
    Webhook(SECRET).verify(raw, headers)
    assert gateway.http.get("/v1/ledger", headers={"Authorization": "Bearer another"}).status_code == 401


def test_webhooks_overtake_one_another_and_come_twice_with_the_same_id_and_body(
    start: Start, receiver: Receiver
) -> None:
    misorder = ("--webhook-shuffle=0.5", "--webhook-double=1", "--seed=3")
    gateway = start("gateway", *QUIET, *receiver.options, *misorder)
    references = [f"SO-{n}" for n in range(10)]
    for reference in references:
        outcome(gateway, reference, reference)

    eventually(lambda: len(receiver.received) == 20)

    told = list(dict.fromkeys(event["data"]["reference"] for event in receiver.events))
    assert told != references
    assert sorted(told) == sorted(references)
    twice = Counter((headers["webhook-id"], body) for headers, body in receiver.received)
    assert set(twice.values()) == {2}


def test_webhooks_are_retried_until_accepted_also_over_a_kill_9(start: Start, receiver: Receiver) -> None:
    receiver.status = 500
    gateway = start("gateway", *QUIET, *receiver.options, "--webhook-shuffle=0", "--webhook-double=0")
    outcome(gateway, "SO-1", "a")
    eventually(lambda: len(receiver.received) >= 2)
    gateway.kill()
    receiver.status = 204
    refused = len(receiver.received)

    gateway.start_again()

    eventually(lambda: len(receiver.received) > refused)
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def test_sigterm_ends_it_with_0_also_while_a_timeout_is_held(start: Start) -> None:
    gateway = start("gateway", *QUIET, "--hold-s=60")
    body = {"reference": "SO-1", "amount": 1, "currency": "EUR", "token": "tok_timeout_after_effect"}
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(gateway.post, "/v1/authorisations", body, "a")
        eventually(lambda: gateway.get("/v1/ledger/summary")["effects"] == 1)
        gateway.process.terminate()
        assert gateway.process.wait(10) == 0
        assert isinstance(held.exception(), httpx2.TransportError)


def test_what_keeps_it_from_starting_is_told_in_one_line(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATOR_KEY", "")
    taken = start("gateway", *QUIET)
    complaints = {
        "--decline=2": "--decline: 2 is not between 0 and 1",
        "--webhook-url=http://x": "--webhook-url needs --webhook-secret",
        "--webhook-secret=whsec_": "--webhook-secret",
        "--state=/proc/none": "/proc/none",
        f"--state={taken.state}": "locked",
        "--seed=1": "the following arguments are required: --key",
    }

    def attempt(option: str) -> tuple[int, str]:
        key = [] if option == "--seed=1" else ["--key=k"]
        command = [sys.executable, "-m", "simulators.gateway", f"--state={tmp_path}", *key, option]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
        return ended.returncode, ended.stderr

    with ThreadPoolExecutor(len(complaints)) as pool:
        answers = dict(zip(complaints, pool.map(attempt, complaints), strict=True))

    for option, complaint in complaints.items():
        code, told = answers[option]
        assert code in (1, 2), option
        assert complaint in told, option
        assert len(told.splitlines()) == 1, option

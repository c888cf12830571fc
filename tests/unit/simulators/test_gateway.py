"""The payment gateway's protocol, through its own door."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.unit.simulators.running import KEY, NO_FAULTS, Simulator, eventually, running

QUIET = (f"--key={KEY}", "--decline=0", "--timeout-before-effect=0", *NO_FAULTS, "--short-lifetime-s=0.05")
ORDINARY = "tok_visa"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running("gateway", tmp_path_factory.mktemp("gateway"), *QUIET) as simulator:
        yield simulator


@pytest.fixture
def reference() -> str:
    return f"SO-{next(numbers)}"


def authorise(gateway: Simulator, reference: str, amount: int = 1000, token: str = ORDINARY) -> dict[str, Any]:
    response = ask(gateway, reference, amount, token)
    assert response.status_code == 201, response.text
    return dict(response.json())


def ask(
    gateway: Simulator, reference: str, amount: int = 1000, token: str = ORDINARY, key: str | None = None
) -> httpx2.Response:
    body = {"reference": reference, "amount": amount, "currency": "USD", "token": token}
    return gateway.post("/v1/authorisations", body, key or f"{reference}/auth")


def capture(gateway: Simulator, authorisation: dict[str, Any], amount: int, key: str) -> dict[str, Any]:
    response = gateway.post(f"/v1/authorisations/{authorisation['id']}/captures", {"amount": amount}, key)
    assert response.status_code == 201, response.text
    return dict(response.json())


def effects(gateway: Simulator, reference: str) -> list[tuple[str, int]]:
    page = gateway.get("/v1/ledger?limit=5000")
    return [(e["operation"], e["amount"]) for e in page["effects"] if e["reference"] == reference]


def test_an_authorisation_is_captured_in_parts_but_never_above_its_amount(
    gateway: Simulator, reference: str
) -> None:
    authorisation = authorise(gateway, reference, 1000)
    assert authorisation["status"] == "authorised"

    answers = [capture(gateway, authorisation, amount, f"{reference}/c{amount}") for amount in (600, 401, 400)]

    assert [(a["status"], a["refusal_code"]) for a in answers] == [
        ("captured", None),
        ("refused", "exceeds_authorised"),
        ("captured", None),
    ]
    assert effects(gateway, reference) == [("authorise", 1000), ("capture", 600), ("capture", 400)]


def test_concurrent_captures_never_exceed_the_authorised_amount(gateway: Simulator, reference: str) -> None:
    authorisation = authorise(gateway, reference, 1000)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: capture(gateway, authorisation, 300, f"{reference}/c{n}"), range(12)))

    assert sum(a["status"] == "captured" for a in answers) == 3
    assert gateway.get(f"/v1/authorisations/{authorisation['id']}")["captured_amount"] == 900


def test_the_same_key_with_the_same_body_gets_the_same_answer_and_one_effect(
    gateway: Simulator, reference: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(gateway, reference), range(8)))

    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    assert sum(a.headers.get("Idempotent-Replayed") == "true" for a in answers) == 7
    assert effects(gateway, reference) == [("authorise", 1000)]


def test_the_same_key_with_another_body_is_a_conflict(gateway: Simulator, reference: str) -> None:
    authorise(gateway, reference, 1000)
    response = ask(gateway, reference, 1001)
    assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")


def test_a_post_without_a_key_and_a_caller_without_the_bearer_key_are_turned_away(gateway: Simulator) -> None:
    body = {"reference": "r", "amount": 1, "currency": "USD", "token": "t"}
    assert gateway.post("/v1/authorisations", body).json()["code"] == "idempotency_key_required"
    response = gateway.post("/v1/authorisations", body, "k", Authorization="Bearer wrong")
    assert (response.status_code, response.json()["code"]) == (401, "unauthorised")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": "5"}, "amount"),
        ({"currency": "usd"}, "currency"),
        ({"reference": ""}, "reference"),
    ],
)
def test_a_bad_field_is_named_and_leaves_the_key_free(
    gateway: Simulator, reference: str, change: dict[str, Any], named: str
) -> None:
    body = {"reference": reference, "amount": 5, "currency": "USD", "token": "t"}
    response = gateway.post("/v1/authorisations", {**body, **change}, f"{reference}/auth")
    assert response.status_code == 422
    assert named in response.json()["message"]
    assert gateway.post("/v1/authorisations", body, f"{reference}/auth").status_code == 201


def test_what_is_not_json_is_malformed_and_what_is_not_there_is_not_found(gateway: Simulator) -> None:
    response = gateway.http.post("/v1/authorisations", content=b"{", headers={"Idempotency-Key": "m"})
    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    for path in ("/v1/authorisations/auth_no", "/v1/operations/no", "/v1/nothing"):
        assert gateway.http.get(path).status_code == 404
    assert gateway.post("/v1/authorisations/auth_no/void", {}, "v").json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("token", "code"), [("tok_decline", "do_not_honour"), ("tok_insufficient_funds", "insufficient_funds")]
)
def test_a_declined_payment_succeeds_with_another_token(
    gateway: Simulator, reference: str, token: str, code: str
) -> None:
    declined = authorise(gateway, reference, token=token)
    assert (declined["status"], declined["decline_code"], declined["expires_at"]) == ("declined", code, None)
    assert capture(gateway, declined, 1, f"{reference}/c")["refusal_code"] == "declined"

    again = ask(gateway, reference, key=f"{reference}/second")

    assert again.json()["status"] == "authorised"
    assert effects(gateway, reference) == [("authorise", 1000)]
    shown = gateway.get(f"/v1/authorisations?reference={reference}")["authorisations"]
    assert [a["status"] for a in shown] == ["declined", "authorised"]


def test_a_timeout_after_effect_is_found_by_its_key_and_answered_on_the_retry(
    gateway: Simulator, reference: str
) -> None:
    with pytest.raises(httpx2.TransportError):
        ask(gateway, reference, token="tok_timeout_after_effect")

    recorded = gateway.get(f"/v1/operations/{quote(f'{reference}/auth', safe='')}")
    retried = ask(gateway, reference, token="tok_timeout_after_effect")

    assert (recorded["operation"], recorded["status"]) == ("authorise", 201)
    assert retried.json() == recorded["answer"]
    assert effects(gateway, reference) == [("authorise", 1000)]


def test_a_capture_that_timed_out_after_its_effect_is_captured_once(gateway: Simulator, reference: str) -> None:
    authorisation = authorise(gateway, reference, token="tok_capture_timeout_after_effect")
    with pytest.raises(httpx2.TransportError):
        capture(gateway, authorisation, 1000, f"{reference}/c")
    assert capture(gateway, authorisation, 1000, f"{reference}/c")["status"] == "captured"
    assert effects(gateway, reference) == [("authorise", 1000), ("capture", 1000)]


def test_a_timeout_before_effect_leaves_nothing_and_the_retry_goes_through(
    gateway: Simulator, reference: str
) -> None:
    with pytest.raises(httpx2.TransportError):
        ask(gateway, reference, token="tok_timeout_before_effect")
    assert gateway.http.get(f"/v1/operations/{reference}/auth").status_code == 404
    assert authorise(gateway, reference, token="tok_timeout_before_effect")["status"] == "authorised"


def test_a_server_error_passes_once_or_never_as_its_token_says(gateway: Simulator, reference: str) -> None:
    once = [ask(gateway, reference, token="tok_server_error_once").status_code for _ in range(2)]
    always = [
        ask(gateway, reference, token="tok_server_error_always", key=reference).status_code for _ in range(3)
    ]
    assert once == [500, 201]
    assert always == [500, 500, 500]
    assert gateway.http.get(f"/v1/operations/{reference}").status_code == 404


def test_a_refused_capture_is_kept_under_its_key_and_tried_again_under_a_new_one(
    gateway: Simulator, reference: str
) -> None:
    authorisation = authorise(gateway, reference, token="tok_capture_refused_once")
    codes = [
        capture(gateway, authorisation, 1000, f"{reference}/{key}")["refusal_code"] for key in ("a", "a", "b")
    ]
    assert codes == ["processor_declined", "processor_declined", None]

    stubborn = authorise(gateway, f"{reference}-x", token="tok_capture_refused")
    codes = [capture(gateway, stubborn, 1, f"{reference}-x/{n}")["refusal_code"] for n in range(3)]
    assert codes == ["processor_declined"] * 3


def test_a_void_releases_what_is_not_captured_and_ends_captures(gateway: Simulator, reference: str) -> None:
    authorisation = authorise(gateway, reference, 1000)
    capture(gateway, authorisation, 400, f"{reference}/c")
    path = f"/v1/authorisations/{authorisation['id']}/void"

    voided, again = (gateway.post(path, {}, f"{reference}/v{n}") for n in (1, 2))

    assert (voided.status_code, voided.json()["voided_amount"]) == (200, 600)
    assert (again.status_code, again.json()["code"]) == (409, "already_voided")
    assert capture(gateway, authorisation, 1, f"{reference}/c2")["refusal_code"] == "voided"
    assert effects(gateway, reference)[-1] == ("void", 600)


def test_a_void_after_a_full_capture_is_refused(gateway: Simulator, reference: str) -> None:
    authorisation = authorise(gateway, reference, 1000)
    capture(gateway, authorisation, 1000, f"{reference}/c")
    response = gateway.post(f"/v1/authorisations/{authorisation['id']}/void", {}, f"{reference}/v")
    assert (response.status_code, response.json()["code"]) == (409, "already_captured")


def test_an_expired_authorisation_refuses_capture_and_renewal_and_can_be_voided(
    gateway: Simulator, reference: str
) -> None:
    authorisation = authorise(gateway, reference, token="tok_expires_soon")
    path = f"/v1/authorisations/{authorisation['id']}"
    wait_until_passed(authorisation["expires_at"])

    assert capture(gateway, authorisation, 1, f"{reference}/c")["refusal_code"] == "expired"
    assert gateway.post(f"{path}/renew", {}, f"{reference}/r").json()["refusal_code"] == "expired"
    assert gateway.post(f"{path}/void", {}, f"{reference}/v").status_code == 200


def test_a_renewal_extends_the_life_of_an_authorisation(gateway: Simulator, reference: str) -> None:
    authorisation = authorise(gateway, reference)
    path = f"/v1/authorisations/{authorisation['id']}/renew"
    renewed = gateway.post(path, {}, f"{reference}/r").json()
    assert (renewed["status"], renewed["refusal_code"]) == ("renewed", None)
    assert renewed["expires_at"] > authorisation["expires_at"]


def test_refunds_never_exceed_the_captured_amount(gateway: Simulator, reference: str) -> None:
    authorisation = authorise(gateway, reference, 1000)
    captured = capture(gateway, authorisation, 500, f"{reference}/c")
    path = f"/v1/captures/{captured['id']}/refunds"

    answers = [
        gateway.post(path, {"amount": amount}, f"{reference}/r{amount}").json() for amount in (300, 201, 200)
    ]

    assert [a["refusal_code"] for a in answers] == [None, "exceeds_captured", None]
    assert gateway.get(f"/v1/authorisations/{authorisation['id']}")["refunded_amount"] == 500


def test_the_ledger_pages_without_gaps_and_adds_up_to_its_summary(gateway: Simulator, reference: str) -> None:
    authorisation = authorise(gateway, reference, 1000)
    capture(gateway, authorisation, 100, f"{reference}/c")

    pages, after = [], 0
    while (page := gateway.get(f"/v1/ledger?after={after}&limit=3"))["effects"]:
        pages += page["effects"]
        after = page["next"]
    summary = gateway.get("/v1/ledger/summary")

    assert [e["sequence"] for e in pages] == list(range(1, len(pages) + 1))
    assert summary["effects"] == len(pages)
    assert summary["keys_with_more_than_one_effect"] == 0
    assert summary["currencies"]["USD"]["captured"] == sum(
        e["amount"] for e in pages if e["operation"] == "capture"
    )
    assert set(pages[-1]) == {
        "sequence", "operation", "operation_id", "authorisation_id", "reference", "amount", "currency",
        "idempotency_key", "at",
    }  # fmt: skip


def test_the_whole_gateway_can_be_down_refusing_or_slow(gateway: Simulator, reference: str) -> None:
    gateway.mode("down")
    assert ask(gateway, reference).status_code == 503
    assert gateway.get("/health")["mode"] == "down"
    gateway.mode("refuse")
    assert authorise(gateway, reference)["decline_code"] == "do_not_honour"
    gateway.mode("slow", hold_ms=1)
    assert ask(gateway, reference, key=f"{reference}/again").json()["status"] == "authorised"
    gateway.mode("up")
    assert gateway.post("/control/faults", {"mode": "sideways"}).status_code == 422


def wait_until_passed(moment: str) -> None:
    eventually(lambda: datetime.now(UTC) > datetime.fromisoformat(moment))

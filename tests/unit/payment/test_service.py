"""The service put together on the store and the broker in memory, beside a gateway in a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook

from services.payment.app import definition
from services.payment.settings import Settings
from shared.events.payload import Payload
from shared.events.values import PaymentMethod
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.messages import Arrival
from shared.eventsourcing.runtime import Runtime
from tests.served import NO_SERVERS, an_api_key, bearer, client_of, serving, shown
from tests.unit.payment.given import F1, F2, ORDER, VOID, authorise, capture
from tests.unit.simulators.running import KEY, NO_FAULTS, SECRET, Simulator
from tests.unit.simulators.running import running as simulating

WRITER, READER = bearer("writer"), bearer("reader")
KEYS = (an_api_key("maria", "writer", "payments:write"), an_api_key("jon", "reader", "payments:read"))


class Service:
    """A running payment service, a client of it, and the gateway that it speaks to."""

    def __init__(
        self, runtime: Runtime, store: MemoryStore, client: httpx2.AsyncClient, gateway: Simulator
    ) -> None:
        self.runtime = runtime
        self.store = store
        self.client = client
        self.gateway = gateway

    async def take(self, command: Payload) -> None:
        """A command arrives."""
        arrival = Arrival(
            message=command, message_id=uuid4(), partition_key=ORDER, correlation_id=ORDER, source="test"
        )
        await self.runtime.pipeline.take([arrival])

    async def pays(self, card: str = "tok_visa", amount: int = 100, attempt: int = 1) -> None:
        """The order asks for its payment."""
        method = PaymentMethod(kind="card", token=card)
        await self.take(authorise(attempt, amount, method))

    async def get(self, path: str) -> httpx2.Response:
        return await self.client.get(path, headers=READER)

    async def refund(self, key: str = "R1", **changes: Any) -> httpx2.Response:
        body = {"amount": 30, "currency": "EUR", "reason": "arrived broken", **changes}
        headers = {**WRITER, "Idempotency-Key": key}
        return await self.client.post(f"/payments/{ORDER}/refund", json=body, headers=headers)

    async def notify(self, kind: str, notice_id: str = "msg_1", **changes: Any) -> httpx2.Response:
        """The gateway's notice, signed as it signs them."""
        data = {
            "reference": ORDER,
            "authorisation_id": "auth_x",
            "operation_id": "auth_x",
            "amount": 100,
            "currency": "EUR",
            "idempotency_key": "some-key",
        }
        told = json.dumps({"type": kind, "timestamp": "2026-11-21T10:15:30Z", "data": {**data, **changes}})
        now = datetime.now(UTC)
        headers = {
            "webhook-id": notice_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(notice_id, now, told),
        }
        return await self.client.post("/webhooks/gateway", content=told, headers=headers)

    async def shown(self, path: str, as_expected: Callable[[Any], bool]) -> Any:
        """What a view shows once it shows what is expected."""
        return await shown(lambda: self.get(path), as_expected)

    async def records(self, fact: str, count: int) -> None:
        """Until a fact is recorded so often."""
        for _ in range(500):
            recorded = [entry.type for entry in await self.store.correlated(ORDER)]
            if recorded.count(fact) >= count:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"recorded: {recorded}")

    async def stands(self, status: str) -> Any:
        """The payment, once its status is so."""
        return await self.shown(f"/payments/{ORDER}", lambda row: row["status"] == status)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    options = (f"--key={KEY}", "--decline=0", "--timeout-before-effect=0", *NO_FAULTS)
    with simulating("gateway", tmp_path, *options) as gateway:
        async with running(gateway) as started:
            yield started


@asynccontextmanager
async def running(gateway: Simulator) -> AsyncIterator[Service]:
    partner = {
        "gateway_url": str(gateway.http.base_url),
        "gateway_key": KEY,
        "gateway_webhook_secret": SECRET,
    }
    settings = Settings.model_validate({**NO_SERVERS, **partner, "api_keys": KEYS})
    async with serving(settings, definition(settings)) as served, client_of(served) as client:
        yield Service(served.runtime, served.store, client, gateway)


async def test_a_payment_is_authorised_captured_in_parts_refunded_and_the_rest_let_go(service: Service) -> None:
    await service.pays()
    await service.stands("authorised")
    await service.take(capture(F1, 40))
    await service.take(capture(F2, 25))
    await service.shown(f"/payments/{ORDER}", lambda row: row["captured"] == 65)
    accepted = await service.refund()
    assert (accepted.status_code, accepted.json()["status"]) == (202, "under_way")
    await service.take(VOID)
    row = await service.shown(f"/payments/{ORDER}", lambda row: (row["refunded"], row["voided"]) == (30, 35))
    assert (row["status"], row["authorised"], row["captured"]) == ("captured", 100, 65)
    theirs = service.gateway.get("/v1/ledger/summary")
    assert theirs["currencies"] == {"EUR": {"authorised": 100, "captured": 65, "voided": 35, "refunded": 30}}
    assert theirs["keys_with_more_than_one_effect"] == 0
    summary = await service.shown(
        "/ledger/summary", lambda body: body["currencies"].get("EUR", {}).get("debits") == 100 + 130 + 35 + 30
    )
    assert summary["balanced"]
    balances = {name: sides["balance"] for name, sides in summary["currencies"]["EUR"]["accounts"].items()}
    assert balances == {
        "authorised": 0,
        "authorised_contra": 0,
        "gateway_clearing": 35,
        "revenue": -65,
        "refunds": 30,
    }
    booked = await service.shown(f"/ledger?order_number={ORDER}", lambda body: len(body["operations"]) == 5)
    assert booked["operations"][0]["fact"] == "payment.authorised.v1"
    assert (await service.get("/ledger?order_number=other")).json() == {"operations": []}


@pytest.mark.parametrize("token", ["tok_timeout_after_effect", "tok_server_error_once"])
async def test_a_lost_answer_is_asked_for_until_it_is_known(service: Service, token: str) -> None:
    await service.pays(token)
    await service.stands("authorised")
    theirs = service.gateway.get("/v1/ledger/summary")
    assert (theirs["effects"], theirs["keys_with_more_than_one_effect"]) == (1, 0)


async def test_what_the_gateway_first_answered_under_a_key_is_taken_when_the_request_differs(
    service: Service,
) -> None:
    """As after a token was replaced between two tries of which the first was not heard."""
    earlier = {"reference": ORDER, "amount": 100, "currency": "EUR", "token": "tok_before"}
    accepted = service.gateway.post("/v1/authorisations", earlier, key=f"{ORDER}-auth-1")
    await service.pays("tok_after")
    row = await service.stands("authorised")
    assert row["attempts"][0]["authorisation_id"] == accepted.json()["id"]
    assert service.gateway.get("/v1/ledger/summary")["effects"] == 1
    await service.take(VOID)
    await service.stands("voided")
    (account,) = service.gateway.get(f"/v1/authorisations?reference={ORDER}")["authorisations"]
    assert account["voided_amount"] == 100


async def test_a_capture_whose_key_belongs_to_another_one_is_neither_refused_nor_asked_under_a_new_key(
    service: Service,
) -> None:
    await service.pays()
    authorisation_id = (await service.stands("authorised"))["attempts"][0]["authorisation_id"]
    captures = f"/v1/authorisations/{authorisation_id}/captures"
    key = f"{ORDER}-capture-{F1}-1"
    assert service.gateway.post(captures, {"amount": 30}, key=key).status_code == 201
    await service.take(capture(F1, 40))
    await service.records("payment.gateway-outcome-unknown.v1", 2)
    await service.take(capture(F1, 40))
    row = await service.shown(f"/payments/{ORDER}", lambda row: row["captures"])
    assert row["captures"][0]["status"] == "under_way"
    theirs = service.gateway.get("/v1/ledger/summary")
    assert (theirs["operations"]["capture"], theirs["currencies"]["EUR"]["captured"]) == (1, 30)


async def test_what_the_gateway_captured_by_itself_stands_in_suspense_and_not_as_let_go(service: Service) -> None:
    await service.pays()
    authorisation_id = (await service.stands("authorised"))["attempts"][0]["authorisation_id"]
    captures = f"/v1/authorisations/{authorisation_id}/captures"
    assert service.gateway.post(captures, {"amount": 100}, key="by-hand").status_code == 201
    await service.take(VOID)
    row = await service.stands("voided")
    assert (row["voided"], row["attempts"][0]["captured_unrecorded"], len(row["anomalies"])) == (0, 100, 1)
    summary = await service.shown("/ledger/summary", lambda body: body["currencies"]["EUR"]["debits"] == 300)
    balances = {name: sides["balance"] for name, sides in summary["currencies"]["EUR"]["accounts"].items()}
    assert balances == {"authorised": 0, "authorised_contra": 0, "gateway_clearing": 100, "suspense": -100}


async def test_a_void_waits_for_an_authorisation_whose_answer_was_lost(service: Service) -> None:
    await service.pays("tok_timeout_after_effect")
    await service.take(VOID)
    await service.shown(f"/payments/{ORDER}", lambda row: (row["status"], row["voided"]) == ("voided", 100))
    (account,) = service.gateway.get(f"/v1/authorisations?reference={ORDER}")["authorisations"]
    assert (account["status"], account["voided_amount"]) == ("voided", 100)


async def test_a_declined_payment_says_why(service: Service) -> None:
    await service.pays("tok_insufficient_funds")
    row = await service.stands("declined")
    assert row["attempts"][0]["decline_code"] == "insufficient_funds"


async def test_a_short_authorisation_is_renewed_and_captured_after_its_first_expiry(service: Service) -> None:
    await service.pays("tok_expires_soon")
    first = (await service.stands("authorised"))["attempts"][0]["expires_at"]
    await service.shown(f"/payments/{ORDER}", lambda row: row["attempts"][0]["expires_at"] != first)
    await service.take(capture(F1, 100))
    await service.stands("captured")


async def test_payments_are_listed_by_status(service: Service) -> None:
    await service.pays()
    await service.stands("authorised")
    found = (await service.get("/payments?status=authorised")).json()["payments"]
    assert [row["order_number"] for row in found] == [ORDER]
    assert (await service.get("/payments?status=declined")).json() == {"payments": []}


async def test_a_refund_under_the_same_key_is_one_refund(service: Service) -> None:
    await service.pays()
    await service.take(capture(F1, 40))
    await service.shown(f"/payments/{ORDER}", lambda row: row["authorised"] == 100)
    await service.take(capture(F1, 40))
    await service.shown(f"/payments/{ORDER}", lambda row: row["captured"] == 40)
    answers = await asyncio.gather(service.refund(), service.refund(reason="asked twice"))
    for answer in answers:
        assert (answer.status_code, answer.json()["refund_id"], answer.json()["amount"]) == (202, "R1", 30)
    other = await service.refund(amount=31)
    assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")
    row = await service.shown(f"/payments/{ORDER}", lambda row: row["refunded"] == 30)
    assert row["refunds"] == [
        {"refund_id": "R1", "status": "refunded", "amount": 30, "refunded": 30, "currency": "EUR"}
    ]
    assert service.gateway.get("/v1/ledger/summary")["operations"]["refund"] == 1


async def test_a_refund_that_was_refused_is_tried_again_under_the_same_key(service: Service) -> None:
    await service.pays()
    await service.stands("authorised")
    assert (await service.refund()).status_code == 409
    await service.take(capture(F1, 40))
    await service.shown(f"/payments/{ORDER}", lambda row: row["captured"] == 40)
    assert (await service.refund()).status_code == 202
    await service.shown(f"/payments/{ORDER}", lambda row: row["refunded"] == 30)


async def test_a_refund_is_refused_with_its_reason(service: Service) -> None:
    unknown = await service.refund()
    assert unknown.status_code == 404
    await service.pays()
    await service.stands("authorised")
    refused = await service.refund("R2")
    assert (refused.status_code, refused.json()["refusal_code"]) == (409, "exceeds_captured")


async def test_a_refund_without_amount_currency_reason_or_key_is_invalid(service: Service) -> None:
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("R1", {"amount": 0}),
        ("R1", {"currency": "euro"}),
        ("R1", {"reason": ""}),
        ("R 1", {}),
        ("R" * 101, {}),
    ]
    for key, changes in wrong:
        answer = await service.refund(key, **changes)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_every_route_wants_its_scope(service: Service) -> None:
    for path in ("/payments", f"/payments/{ORDER}", "/ledger", "/ledger/summary"):
        assert (await service.client.get(path)).status_code == 401
        assert (await service.client.get(path, headers=WRITER)).status_code == 403
    body = {"amount": 30, "currency": "EUR", "reason": "x"}
    refund = f"/payments/{ORDER}/refund"
    headers = {**READER, "Idempotency-Key": "R1"}
    assert (await service.client.post(refund, json=body, headers=headers)).status_code == 403
    assert (await service.client.post(refund, json=body)).status_code in (401, 422)
    assert (await service.get(f"/payments/{ORDER}")).status_code == 404


async def test_a_notice_about_something_unknown_is_kept_once_for_a_person(service: Service) -> None:
    first = await service.notify("payment.captured")
    again = await service.notify("payment.captured")
    other = await service.notify("payment.captured", "msg_2")
    assert [first.status_code, again.status_code, other.status_code] == [204, 204, 204]
    row = await service.stands("none")
    assert len(row["anomalies"]) == 1


async def test_a_notice_tells_what_the_answer_did_not(service: Service) -> None:
    service.gateway.mode("down")
    await service.pays()
    await service.stands("authorising")
    told = {"idempotency_key": f"{ORDER}-auth-1", "decline_code": "do_not_honour"}
    assert (await service.notify("payment.declined", **told)).status_code == 204
    row = await service.stands("declined")
    assert row["anomalies"] == []


async def test_notices_that_are_not_the_gateways_or_not_readable_are_refused(service: Service) -> None:
    unsigned = await service.client.post("/webhooks/gateway", content=b"{}")
    large = await service.client.post("/webhooks/gateway", content=b" " * (64 * 1024 + 1))
    unreadable = await service.notify("payment.captured", amount=-1)
    useless = await service.notify("payment.disputed", "msg_3")
    answers = (unsigned, large, unreadable, useless)
    assert [answer.status_code for answer in answers] == [401, 413, 422, 204]


def test_a_wrong_setting_is_refused_before_the_service_starts() -> None:
    settings: dict[str, Any] = {
        "database_url": "postgresql://unused",
        "kafka_bootstrap": "unused:1",
        "gateway_url": "gateway",
        "gateway_key": "",
        "gateway_webhook_secret": "no secret",
    }
    with pytest.raises(ValidationError) as refused:
        Settings(**settings)
    assert [(fault["loc"], fault["msg"]) for fault in refused.value.errors()] == [
        (("gateway_url",), "String should match pattern '^https?://\\S+$'"),
        (("gateway_key",), "Value should have at least 1 item after validation, not 0"),
        (("gateway_webhook_secret",), "Value error, it must be whsec_ followed by base64"),
    ]

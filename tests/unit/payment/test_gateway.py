"""The HTTP adapter against a server that behaves as gateways do, well and badly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from services.payment.gateway import Authorised, Captured, Outcome, Refunded, Renewed, Voided
from services.payment.http_gateway import ANOTHER_AMOUNT, HttpGateway
from shared.eventsourcing.partners import Refused, Unknown

NEXT_WEEK = "2026-11-28T10:15:30.123456Z"
MOMENT = datetime(2026, 11, 28, 10, 15, 30, 123456, tzinfo=UTC)
AUTHORISED = {
    "id": "auth_1",
    "status": "authorised",
    "decline_code": None,
    "amount": 100,
    "currency": "EUR",
    "expires_at": NEXT_WEEK,
}
CAPTURED = {"id": "cap_1", "status": "captured", "refusal_code": None, "amount": 40, "currency": "EUR"}
REFUNDED = {"id": "ref_1", "status": "refunded", "refusal_code": None, "amount": 30, "currency": "EUR"}


class Server:
    """Answers every request as told and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 201
        self.body: Any = AUTHORISED
        self.recorded: Any = None
        """What a question about a key is answered with."""
        self.hang = False
        self.closing = asyncio.Event()
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.raw_path, dict(request.headers), body))
        if request.method == "GET":
            return web.json_response(self.recorded, status=200 if "operation" in self.recorded else 404)
        if self.hang:
            await self.closing.wait()
        if isinstance(self.body, bytes):
            return web.Response(body=self.body, status=self.status)
        return web.json_response(self.body, status=self.status)


@asynccontextmanager
async def serving(timeout_s: float = 5.0) -> AsyncIterator[tuple[Server, HttpGateway]]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with HttpGateway(f"http://{host}:{port}/", "secret", timeout_s=timeout_s) as gateway:
            yield server, gateway
    finally:
        server.closing.set()
        await runner.cleanup()


async def authorise(gateway: HttpGateway) -> object:
    return await gateway.authorise("O1-auth-1", reference="O1", amount=100, currency="EUR", token="tok_visa")


async def test_an_authorisation_is_asked_as_the_protocol_says() -> None:
    async with serving() as (server, gateway):
        assert await authorise(gateway) == Authorised("auth_1", MOMENT)
        ((method, path, headers, body),) = server.asked
    assert (method, path) == ("POST", "/v1/authorisations")
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Idempotency-Key"] == "O1-auth-1"
    assert body == {"reference": "O1", "amount": 100, "currency": "EUR", "token": "tok_visa"}


async def test_a_capture_is_asked_of_its_authorisation() -> None:
    async with serving() as (server, gateway):
        server.body = CAPTURED
        captured = await gateway.capture("k", authorisation_id="auth/1", amount=40, currency="EUR")
        assert captured == Captured("cap_1")
        assert server.asked[0][1] == "/v1/authorisations/auth%2F1/captures"
        assert server.asked[0][3] == {"amount": 40}


async def test_a_void_tells_what_was_let_go() -> None:
    async with serving() as (server, gateway):
        server.body = {"id": "auth_1", "status": "voided", "voided_amount": 60, "currency": "EUR"}
        assert await gateway.void("k", authorisation_id="auth_1") == Voided(60)
        assert server.asked[0][1] == "/v1/authorisations/auth_1/void"


async def test_a_renewal_tells_the_new_expiry() -> None:
    async with serving() as (server, gateway):
        server.body = {"id": "auth_1", "status": "renewed", "refusal_code": None, "expires_at": NEXT_WEEK}
        assert await gateway.renew("k", authorisation_id="auth_1") == Renewed(MOMENT)
        assert server.asked[0][1] == "/v1/authorisations/auth_1/renew"


async def test_a_refund_is_asked_of_its_capture() -> None:
    async with serving() as (server, gateway):
        server.body = REFUNDED
        assert await gateway.refund("k", capture_id="cap_1", amount=30, currency="EUR") == Refunded()
        assert server.asked[0][1] == "/v1/captures/cap_1/refunds"


async def test_a_decline_or_refusal_carries_its_code() -> None:
    async with serving() as (server, gateway):
        server.body = {**AUTHORISED, "status": "declined", "decline_code": "expired_card", "expires_at": None}
        assert await authorise(gateway) == Refused("expired_card")
        server.body = {**AUTHORISED, "status": "declined"}
        assert await authorise(gateway) == Refused("declined")
        server.body = {**CAPTURED, "status": "refused", "refusal_code": "expired"}
        refused = await gateway.capture("k", authorisation_id="a", amount=40, currency="EUR")
        assert refused == Refused("expired")
        server.body = {**REFUNDED, "status": "refused", "refusal_code": "exceeds_captured"}
        assert await gateway.refund("k", capture_id="c", amount=30, currency="EUR") == Refused("exceeds_captured")
        server.body = {"id": "a", "status": "refused", "refusal_code": "voided", "expires_at": NEXT_WEEK}
        assert await gateway.renew("k", authorisation_id="a") == Refused("voided")


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_an_error_about_the_request_itself_is_a_refusal(status: int) -> None:
    async with serving() as (server, gateway):
        server.status, server.body = status, {"code": "no_way", "message": "No."}
        assert await authorise(gateway) == Refused("no_way", "No.")
        assert await gateway.void("k", authorisation_id="a") == Refused("no_way", "No.")


def recorded(operation: str, answer: Any, status: int = 201) -> dict[str, Any]:
    return {"idempotency_key": "k", "operation": operation, "at": NEXT_WEEK, "status": status, "answer": answer}


async def test_a_key_tells_what_came_of_it() -> None:
    told: list[tuple[dict[str, Any], Outcome]] = [
        (recorded("authorise", AUTHORISED), Authorised("auth_1", MOMENT)),
        (recorded("authorise", {**AUTHORISED, "status": "declined"}), Refused("declined")),
        (recorded("capture", CAPTURED), Captured("cap_1")),
        (recorded("void", {"status": "voided", "voided_amount": 60}, 200), Voided(60)),
        (recorded("void", {"code": "already_voided"}, 409), Refused("already_voided")),
        (recorded("renew", {"status": "renewed", "expires_at": NEXT_WEEK}, 200), Renewed(MOMENT)),
        (recorded("refund", REFUNDED), Refunded()),
    ]
    async with serving() as (server, gateway):
        for server.recorded, outcome in told:
            assert await gateway.query("k/1") == outcome
        assert server.asked[0][:2] == ("GET", "/v1/operations/k%2F1")
        for unclear in (recorded("dispute", {}), recorded("capture", {}), {"code": "not_found"}):
            server.recorded = unclear
            assert isinstance(await gateway.query("k"), Unknown)


async def test_a_key_of_another_request_is_answered_with_what_came_of_that_one() -> None:
    async with serving() as (server, gateway):
        server.status, server.body = 409, {"code": "idempotency_conflict"}
        server.recorded = recorded("authorise", {**AUTHORISED, "reference": "O1"})
        assert await authorise(gateway) == Authorised("auth_1", MOMENT)
        server.recorded = recorded("capture", {**CAPTURED, "authorisation_id": "a"})
        assert await gateway.capture("k", authorisation_id="a", amount=40, currency="EUR") == Captured("cap_1")
        server.recorded = recorded("void", {"id": "a", "status": "voided", "voided_amount": 60}, 200)
        assert await gateway.void("k", authorisation_id="a") == Voided(60)
        server.recorded = recorded("renew", {"id": "a", "status": "renewed", "expires_at": NEXT_WEEK}, 200)
        assert await gateway.renew("k", authorisation_id="a") == Renewed(MOMENT)
        server.recorded = recorded("refund", {**REFUNDED, "capture_id": "c"})
        assert await gateway.refund("k", capture_id="c", amount=30, currency="EUR") == Refunded()


@pytest.mark.parametrize(
    "first",
    [
        {"code": "not_found"},
        recorded("void", {"id": "auth_1", "status": "voided", "voided_amount": 100}, 200),
        recorded("authorise", {**AUTHORISED, "reference": "another"}),
        recorded("authorise", {**AUTHORISED, "reference": "O1", "amount": 99}),
        recorded("authorise", {"reference": "O1"}),
        recorded("authorise", {"code": "idempotency_conflict"}, 409),
    ],
)
async def test_a_key_of_another_request_that_says_nothing_of_ours_leaves_the_outcome_unknown(first: Any) -> None:
    async with serving() as (server, gateway):
        server.status, server.body, server.recorded = 409, {"code": "idempotency_conflict"}, first
        assert isinstance(await authorise(gateway), Unknown)


@pytest.mark.parametrize("status", [204, 302, 401, 403, 408, 418, 429, 500, 502, 503, 599])
async def test_any_other_status_leaves_the_outcome_unknown(status: int) -> None:
    async with serving() as (server, gateway):
        server.status, server.body = status, b""
        outcome = await authorise(gateway)
    assert isinstance(outcome, Unknown)
    assert str(status) in outcome.explanation


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b"\xff\xfe",
        {},
        [],
        {**AUTHORISED, "id": ""},
        {**AUTHORISED, "status": "perhaps"},
        {**AUTHORISED, "expires_at": None},
        {**AUTHORISED, "expires_at": "soon"},
        {**AUTHORISED, "amount": 99},
        {**AUTHORISED, "currency": "USD"},
    ],
)
async def test_an_answer_that_makes_no_sense_leaves_the_outcome_unknown(body: Any) -> None:
    async with serving() as (server, gateway):
        server.body = body
        assert isinstance(await authorise(gateway), Unknown)


async def test_an_answer_about_another_amount_leaves_the_outcome_unknown() -> None:
    async with serving() as (server, gateway):
        server.body = CAPTURED
        captured = await gateway.capture("k", authorisation_id="a", amount=41, currency="EUR")
        assert captured == ANOTHER_AMOUNT
        server.body = REFUNDED
        assert await gateway.refund("k", capture_id="c", amount=31, currency="EUR") == ANOTHER_AMOUNT
        server.body = {"status": "renewed", "expires_at": None}
        assert isinstance(await gateway.renew("k", authorisation_id="a"), Unknown)


async def test_an_error_without_a_code_leaves_the_outcome_unknown() -> None:
    async with serving() as (server, gateway):
        server.status, server.body = 404, b"<html>no such page</html>"
        assert isinstance(await authorise(gateway), Unknown)


async def test_no_answer_in_time_leaves_the_outcome_unknown() -> None:
    async with serving(timeout_s=0.1) as (server, gateway):
        server.hang = True
        outcome = await authorise(gateway)
    assert isinstance(outcome, Unknown)


async def test_a_gateway_that_is_not_there_leaves_the_outcome_unknown() -> None:
    async with HttpGateway("http://127.0.0.1:1", "secret") as gateway:
        outcome = await authorise(gateway)
    assert isinstance(outcome, Unknown)
    assert "127.0.0.1:1" in outcome.explanation


async def test_a_gateway_that_is_not_opened_is_a_mistake_of_ours() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await authorise(HttpGateway("http://127.0.0.1:1", "secret"))

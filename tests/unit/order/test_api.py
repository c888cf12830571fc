"""The service's own routes, with its pipeline, reminders and views, on the store and the broker in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.order.app import definition
from services.order.domain.number import order_number
from services.order.settings import Settings
from shared.events.payload import Payload
from shared.events.payment import PaymentAnomalyDetected
from shared.eventsourcing.definition import Submit
from tests.served import NO_SERVERS, an_api_key, bearer, client_of, serving, shown
from tests.unit.order.samples import NUMBER, T0, channel_order, line

KEYS = (
    an_api_key("channel", "channel", "orders:write"),
    an_api_key("maria", "maria", "orders:read", "orders:decide"),
)
BODY = channel_order().model_dump_json()
LARGE = channel_order(lines=(line(unit_price=10**9),)).model_dump_json()


class Service:
    """A running order service and a client of it."""

    def __init__(self, client: httpx2.AsyncClient, submit: Submit) -> None:
        self._client = client
        self._submit = submit

    async def hears(self, message: Payload) -> None:
        """Another service said something about the order."""
        await self._submit(message, partition_key=NUMBER, correlation_id=NUMBER, actor="payment")

    async def place(self, body: str | bytes = BODY, key: str = "k1", **headers: str) -> httpx2.Response:
        named = {"Idempotency-Key": key} if key else {}
        return await self._client.post("/orders", content=body, headers=named | bearer("channel") | headers)

    async def decide(self, path: str, *, reason: str = "because", key: str = "", **body: Any) -> httpx2.Response:
        named = {"Idempotency-Key": key} if key else {}
        return await self._client.post(path, json={"reason": reason, **body}, headers=named | bearer("maria"))

    async def decide_by_bytes(self, path: str, body: bytes, *, key: str = "") -> httpx2.Response:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return await self._client.post(path, content=body, headers=headers | bearer("maria"))

    async def get(self, path: str, key: str = "maria") -> httpx2.Response:
        return await self._client.get(path, headers=bearer(key))

    async def shown(self, path: str, as_expected: Callable[[Any], bool]) -> Any:
        """What a view shows once it shows what is expected."""
        return await shown(lambda: self.get(path), as_expected)


@asynccontextmanager
async def running() -> AsyncIterator[Service]:
    settings = Settings(**NO_SERVERS, api_keys=KEYS)
    async with serving(settings, definition(settings)) as served, client_of(served) as client:
        yield Service(client, served.runtime.submit)


async def test_an_order_is_placed_once_and_a_retry_gets_the_same_answer() -> None:
    async with running() as service:
        first = await service.place()
        assert (first.status_code, first.json()) == (201, {"order_number": NUMBER, "outcome": "placed"})
        assert first.headers["location"] == f"/orders/{NUMBER}"
        again = await service.place()
        assert (again.status_code, again.json()) == (201, first.json())
        shown = await service.shown(f"/orders/{NUMBER}", lambda row: row["status"] == "reserving")
        assert shown["total"] == 1300


async def test_a_restatement_under_another_key_is_not_another_order() -> None:
    async with running() as service:
        await service.place()
        again = await service.place(key="k2")
        assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")


async def test_another_body_under_the_same_key_is_a_conflict() -> None:
    async with running() as service:
        await service.place()
        conflict = await service.place(LARGE)
        assert conflict.status_code == 409
        assert conflict.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("body", [b"{", BODY.replace('"total":1300', '"total":1')])
async def test_a_body_that_can_not_be_taken_is_a_conflict_under_a_key_that_was_used_before(
    body: str | bytes,
) -> None:
    async with running() as service:
        first = await service.place()
        conflict = await service.place(body)
        assert (conflict.status_code, conflict.json()["title"]) == (409, "Idempotency conflict")
        again = await service.place()
        assert (again.status_code, again.json()) == (201, first.json())


async def test_a_body_that_could_not_be_taken_uses_no_key_up() -> None:
    async with running() as service:
        refused = [await service.place(b"{") for _ in range(2)]
        assert [answer.status_code for answer in refused] == [422, 422]
        assert (await service.place()).status_code == 201


@pytest.mark.parametrize("key", ["", "two words", "x" * 201])
async def test_an_order_without_a_usable_idempotency_key_is_refused(key: str) -> None:
    async with running() as service:
        assert (await service.place(key=key)).status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "malformed"),
        (BODY.replace('"total":1300', '"total":1'), 422, "totals_do_not_add_up"),
        (BODY.replace('"currency":"USD"', '"currency":"XYZ"'), 422, "unknown_currency"),
    ],
)
async def test_an_order_that_can_not_be_taken_is_answered_with_its_code(
    body: str | bytes, status: int, code: str
) -> None:
    async with running() as service:
        refused = await service.place(body)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert refused.json()["detail"].endswith(".")


async def test_a_huge_order_is_refused_unread() -> None:
    async with running() as service:
        assert (await service.place(b" " * (1 << 21))).status_code == 413


async def test_another_content_at_the_same_time_is_answered_as_conflicting() -> None:
    async with running() as service:
        await service.place()
        refused = await service.place(LARGE, key="k2")
        assert (refused.status_code, refused.json()["code"]) == (422, "conflicting_restatement")


async def test_a_change_of_an_order_that_ended_is_answered_with_its_code() -> None:
    async with running() as service:
        await service.place(LARGE)
        await service.decide(f"/orders/{NUMBER}/reject")
        changed = channel_order(channel_updated_at=T0 + timedelta(hours=1)).model_dump_json()
        refused = await service.place(changed, key="k2")
        assert (refused.status_code, refused.json()["code"]) == (422, "order_ended")


async def test_a_hold_that_outlives_its_order_is_listed_and_not_counted_as_one_under_way() -> None:
    async with running() as service:
        await service.place(LARGE)
        await service.decide(f"/orders/{NUMBER}/reject")
        await service.hears(PaymentAnomalyDetected(order_number=NUMBER, explanation="captured after all"))
        await service.shown("/holds?owner=payments", lambda body: len(body["holds"]) == 1)
        assert (await service.get("/orders/summary")).json() == {"statuses": {"cancelled": 1}, "on_hold": 0}


async def test_orders_of_a_status_that_there_is_not_are_no_empty_list() -> None:
    async with running() as service:
        refused = await service.get("/orders?status=shiped")

    assert (refused.status_code, "shipping" in refused.text) == (422, True)


async def test_a_held_order_is_found_released_and_cancelled_by_a_person() -> None:
    async with running() as service:
        await service.place(LARGE)
        held = await service.shown("/orders?status=held", lambda body: len(body["orders"]) == 1)
        assert held["orders"][0]["holds"][0]["reason"] == "amount_over_limit"
        assert len((await service.get("/holds?owner=fraud")).json()["holds"]) == 1
        assert (await service.get("/orders/summary")).json() == {"statuses": {"held": 1}, "on_hold": 1}
        unknown = await service.decide(f"/orders/{NUMBER}/holds/H9/release")
        assert unknown.status_code == 404
        released = await service.decide(f"/orders/{NUMBER}/holds/H1/release")
        assert (released.status_code, released.json()["status"]) == (202, "released")
        cancelled = await service.decide(f"/orders/{NUMBER}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelling")
        await service.shown(f"/orders/{NUMBER}", lambda row: row["status"] == "cancelling")


async def test_one_order_is_answered_with_what_was_ordered_last_and_where_it_goes() -> None:
    async with running() as service:
        await service.place()
        shown = await service.shown(f"/orders/{NUMBER}", lambda row: bool(row["lines"]))
        assert [(one["sku"], one["quantity"], one["unit_price"]) for one in shown["lines"]] == [
            ("A", 2, 500),
            ("B", 1, 300),
        ]
        assert shown["shipping_address"]["street"] == "1 Main Street"
        later = channel_order(lines=(line(name="Tea"),), channel_updated_at=T0 + timedelta(hours=1))
        await service.place(later.model_dump_json(), key="k2")
        changed = await service.shown(f"/orders/{NUMBER}", lambda row: row["total"] == 1000)
        assert [(one["sku"], one["name"]) for one in changed["lines"]] == [("A", "Tea")]
        listed = (await service.get("/orders")).json()["orders"]
        assert [one["lines"] for one in listed] == [1]


async def test_one_order_is_answered_with_the_address_that_a_person_corrected_until_it_is_stated_anew() -> None:
    async with running() as service:
        await service.place()
        await service.decide(f"/orders/{NUMBER}/holds")
        await service.decide(f"/orders/{NUMBER}/holds/H1/release", street="2 High Street")

        def goes_to(street: str) -> Callable[[Any], bool]:
            return lambda row: bool(row["shipping_address"]["street"] == street)

        await service.shown(f"/orders/{NUMBER}", goes_to("2 High Street"))
        again = channel_order(notes="ring twice", channel_updated_at=T0 + timedelta(hours=1))
        await service.place(again.model_dump_json(), key="k2")
        await service.shown(f"/orders/{NUMBER}", goes_to("1 Main Street"))


async def test_a_page_of_one_owners_holds_is_full_while_there_are_more() -> None:
    async with running() as service:
        held = ("care", "risk", "care", "risk", "care")
        numbers = [order_number("web", str(place)) for place in range(len(held))]
        for place, (number, owner) in enumerate(zip(numbers, held, strict=True)):
            await service.place(channel_order(channel_order_id=str(place)).model_dump_json(), key=str(place))
            await service.decide(f"/orders/{number}/holds", owner=owner)
        await service.shown("/holds", lambda body: len(body["holds"]) == len(held))

        first = (await service.get("/holds?owner=care&limit=2")).json()["holds"]
        rest = (await service.get("/holds?owner=care&limit=2&offset=2")).json()["holds"]

        assert [len(first), len(rest)] == [2, 1]
        assert {one["order_number"] for one in first + rest} == {numbers[0], numbers[2], numbers[4]}
        assert {one["owner"] for one in first + rest} == {"care"}


async def test_review_decisions_are_refused_out_of_place() -> None:
    async with running() as service:
        await service.place()
        for path in ("approve", "reject", "payment"):
            body: dict[str, Any] = {"payment": {"kind": "card", "token": "t"}} if path == "payment" else {}
            refused = await service.decide(f"/orders/{NUMBER}/{path}", **body)
            assert (refused.status_code, refused.json()["title"]) == (409, "Refused")
        held = await service.decide(f"/orders/{NUMBER}/holds", reason="the customer called")
        assert (held.status_code, held.json()["hold_id"]) == (202, "H1")


async def test_a_decision_needs_a_reason() -> None:
    async with running() as service:
        await service.place()
        for reason in ("", "  "):
            refused = await service.decide(f"/orders/{NUMBER}/cancel", reason=reason)
            assert refused.status_code in (409, 422)


@pytest.mark.parametrize("key", ["", "k1"], ids=["without a key", "with a key"])
async def test_half_a_surrogate_in_a_payment_is_refused(key: str) -> None:
    async with running() as service:
        await service.place()
        body = b'{"reason":"r","payment":{"kind":"card","token":"\\ud800"}}'

        answer = await service.decide_by_bytes(f"/orders/{NUMBER}/payment", body, key=key)

        assert (answer.status_code, answer.json()["title"]) == (422, "Invalid request")


async def test_a_decision_repeated_under_its_key_is_made_once() -> None:
    async with running() as service:
        await service.place()
        path = f"/orders/{NUMBER}/holds"
        first = await service.decide(path, key="K1")
        again = await service.decide(path, key="K1")
        other = await service.decide(path, key="K1", owner="fraud")
        without = [await service.decide(path) for _ in range(2)]
    assert (first.status_code, first.json()["hold_id"]) == (202, "H1")
    assert (again.status_code, again.json()) == (202, first.json())
    assert (other.status_code, other.json()["title"]) == (409, "Idempotency conflict")
    assert [answer.json()["hold_id"] for answer in without] == ["H2", "H3"]


async def test_a_key_of_one_order_opens_no_hold_of_another() -> None:
    async with running() as service:
        await service.place()
        await service.decide(f"/orders/{NUMBER}/holds", key="K1")
        answer = await service.decide("/orders/ANOTHER/holds", key="K1")
    assert answer.status_code == 409


async def test_a_key_of_one_decision_makes_no_other_about_the_same_customer() -> None:
    async with running() as service:
        blocked = await service.decide("/customers/C1/block", key="K1")
        unblocked = await service.decide("/customers/C1/unblock", key="K1")
    assert (blocked.status_code, unblocked.status_code) == (202, 409)


async def test_a_blocked_customers_order_is_held() -> None:
    async with running() as service:
        assert (await service.decide("/customers/C1/block")).status_code == 202
        await service.place()
        row = await service.shown(f"/orders/{NUMBER}", lambda row: row["status"] == "held")
        assert row["holds"][0]["reason"] == "customer_blocked"
        assert (await service.decide("/customers/C1/unblock")).status_code == 202
        limit = await service.decide("/customers/C1/credit-limit", limit=100, currency="USD")
        assert limit.status_code == 202


async def test_every_route_wants_a_key_with_its_scope() -> None:
    async with running() as service:
        assert (await service.place(Authorization="Bearer nobody")).status_code == 401
        assert (await service.place(Authorization="Bearer maria")).status_code == 403
        assert (await service.get("/orders", key="channel")).status_code == 403
        assert (await service.get(f"/orders/{NUMBER}")).status_code == 404


async def test_the_schema_of_an_order_stands_in_the_description_of_the_routes() -> None:
    async with running() as service:
        paths = (await service.get("/openapi.json")).json()["paths"]
        schema = paths["/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"]["shipping_address"]["properties"]["country"]["type"] == "string"
        assert "$ref" not in str(schema)


async def test_the_description_of_the_routes_demands_the_idempotency_key_and_knows_restatements() -> None:
    async with running() as service:
        told = (await service.get("/openapi.json")).json()["paths"]["/orders"]["post"]
        (key,) = told["parameters"]
        assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)
        assert "restatement" in told["responses"]["200"]["description"]
        assert {"200", "201", "400", "409", "413", "422"} <= told["responses"].keys()

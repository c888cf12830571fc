"""The service's own routes, with its pipeline, reminders and views, on the store and the broker in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from services.inventory.api import MOST_LOTS
from services.inventory.app import definition
from services.inventory.settings import Settings
from shared.eventsourcing.messages import Arrival
from shared.eventsourcing.runtime import Runtime
from tests.served import NO_SERVERS, an_api_key, bearer, client_of, serving, shown
from tests.unit.inventory.sample import EAST, WEST, line, reserve

WRITER, READER = bearer("writer"), bearer("reader")
KEYS = (
    an_api_key("maria", "writer", "stock:write"),
    an_api_key("dock", "dock", "stock:write"),
    an_api_key("dock/1", "dock/1", "stock:write"),
    an_api_key("jon", "reader", "stock:read"),
)


class Service:
    """A running inventory service and a client of it."""

    def __init__(self, runtime: Runtime, client: httpx2.AsyncClient) -> None:
        self.runtime = runtime
        self._client = client

    async def get(self, path: str) -> httpx2.Response:
        return await self._client.get(path, headers=READER)

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
        return await self._client.post(path, json=body, headers=WRITER | headers)

    async def asks_for(self, order: str, units: int) -> None:
        """An order asks for units of A, and would wait."""
        deadline = datetime.now(UTC) + timedelta(hours=1)
        message = reserve(line("1", "A", units), order=order, backorder=True, expires_at=deadline)
        arrival = Arrival(
            message=message,
            message_id=UUID(int=int(order.removeprefix("O"))),
            partition_key=order,
            correlation_id=order,
            source="test",
        )
        await self.runtime.pipeline.take([arrival])

    async def shown(self, path: str, as_expected: Callable[[Any], bool]) -> Any:
        """What a view shows once it shows what is expected."""
        return await shown(lambda: self.get(path), as_expected)


@asynccontextmanager
async def running() -> AsyncIterator[Service]:
    settings = Settings(**NO_SERVERS, api_keys=KEYS)
    async with serving(settings, definition(settings)) as served, client_of(served) as client:
        yield Service(served.runtime, client)


async def test_stock_is_received_counted_adjusted_transferred_and_shown() -> None:
    async with running() as service:
        await service.post("/stock/A/receive", {"location": EAST, "quantity": 5})
        await service.post("/stock/A/count", {"location": EAST, "counted": 6, "reason": "yearly count"})
        wet = {"location": EAST, "change": -1, "cause": "damage", "reason": "wet"}
        await service.post("/stock/A/adjust", wet)
        await service.post("/stock/A/transfer", {"origin": EAST, "destination": WEST, "quantity": 2})
        answer = await service.post("/stock/A/levels", {"safety_stock": 1, "reorder_point": 6})
        assert (answer.status_code, answer.json()) == (
            200,
            {"sku": "A", "on_hand": 5, "reserved": 0, "available": 5},
        )
        row = await service.shown("/stock/A", lambda row: row["status"] == "low")
        assert {name: shelf["on_hand"] for name, shelf in row["locations"].items()} == {EAST: 3, WEST: 2}


async def test_only_skus_that_are_low_are_listed_on_request() -> None:
    async with running() as service:
        for sku, reorder_point in (("A", 9), ("B", 1)):
            await service.post(f"/stock/{sku}/receive", {"location": EAST, "quantity": 5})
            await service.post(f"/stock/{sku}/levels", {"safety_stock": 0, "reorder_point": reorder_point})
        await service.shown("/stock", lambda body: [row["status"] for row in body["stock"]] == ["low", "enough"])
        low = (await service.get("/stock?low=true")).json()
        assert [row["sku"] for row in low["stock"]] == ["A"]


async def test_a_change_that_is_refused_is_answered_with_the_reason() -> None:
    async with running() as service:
        loss = {"location": EAST, "change": -1, "cause": "loss", "reason": "gone"}
        answer = await service.post("/stock/A/adjust", loss)
        assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
        assert "less on hand than is reserved" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ("count", {"location": EAST, "counted": 1, "reason": "yearly count"}),
        ("adjust", {"location": EAST, "change": -4, "cause": "damage", "reason": "wet"}),
        ("transfer", {"origin": EAST, "destination": WEST, "quantity": 4}),
    ],
    ids=["count", "adjust", "transfer"],
)
async def test_who_takes_away_what_is_reserved_is_told_for_whom_it_is_set_aside(
    change: str, body: dict[str, Any]
) -> None:
    async with running() as service:
        await service.post("/stock/A/receive", {"location": EAST, "quantity": 5})
        await service.asks_for("O2", 1)
        await service.asks_for("O1", 2)
        for order in ("O1", "O2"):
            await service.shown(f"/reservations/{order}", lambda row: row["status"] == "reserved")
        answer = await service.post(f"/stock/A/{change}", body)
        problem = answer.json()
        assert (answer.status_code, problem["reserved"], problem["more_orders"]) == (409, 3, 0)
        assert problem["reserved_for"] == [{"order_number": "O1", "units": 2}, {"order_number": "O2", "units": 1}]
        assert problem["detail"].endswith("than is reserved; they are set aside for O1 (2), O2 (1)")


async def test_of_many_orders_a_refusal_names_the_first_and_counts_the_rest() -> None:
    async with running() as service:
        await service.post("/stock/A/receive", {"location": EAST, "quantity": 12})
        for number in range(10, 22):
            await service.asks_for(f"O{number}", 1)
            await service.shown(f"/reservations/O{number}", lambda row: row["status"] == "reserved")
        empty = {"location": EAST, "counted": 0, "reason": "fire"}
        problem = (await service.post("/stock/A/count", empty)).json()
        assert [one["order_number"] for one in problem["reserved_for"]] == [f"O{n}" for n in range(10, 20)]
        assert problem["detail"].endswith("O18 (1), O19 (1), 2 more")


async def test_units_at_another_location_or_of_another_sku_are_not_named() -> None:
    async with running() as service:
        await service.post("/stock/A/receive", {"location": WEST, "quantity": 5})
        await service.asks_for("O1", 2)
        await service.shown("/reservations/O1", lambda row: row["status"] == "reserved")
        for path, location in (("/stock/A/count", EAST), ("/stock/B/count", WEST)):
            counted = {"location": location, "counted": 0, "reason": "fire"}
            assert (await service.post(path, counted)).status_code == 200
        loss = {"location": EAST, "change": -1, "cause": "loss", "reason": "gone"}
        assert "reserved_for" not in (await service.post("/stock/A/adjust", loss)).json()


async def test_a_request_repeated_under_its_key_is_carried_out_once() -> None:
    async with running() as service:
        receipt = {"location": EAST, "quantity": 5}
        key = {"Idempotency-Key": "note-17"}
        first = await service.post("/stock/A/receive", receipt, **key)
        again = await service.post("/stock/A/receive", receipt, **key)
        other = await service.post("/stock/A/receive", receipt | {"quantity": 6}, **key)
        assert first.json()["on_hand"] == 5
        assert again.json() == first.json()
        assert (again.status_code, other.status_code) == (200, 409)


async def test_thousands_of_receipts_are_taken_at_once_and_once_under_their_key() -> None:
    async with running() as service:
        lines = [{"sku": f"S{number}", "location": EAST, "quantity": 3} for number in range(MOST_LOTS)]
        for _ in range(2):
            answer = await service.post("/stock/bulk-receive", {"lines": lines}, **{"Idempotency-Key": "opening"})
            assert answer.json() == {"received": MOST_LOTS, "refused": []}
        receipt = await service.post(f"/stock/S{MOST_LOTS - 1}/receive", {"location": EAST, "quantity": 1})
        assert receipt.json()["on_hand"] == 4


async def test_a_receipt_whose_key_looks_like_that_of_a_lot_is_another_receipt() -> None:
    async with running() as service:
        lot = {"sku": "A", "location": EAST, "quantity": 5}
        await service.post("/stock/bulk-receive", {"lines": [lot]}, **{"Idempotency-Key": "D7"})
        receipt = {"location": EAST, "quantity": 5}
        for _ in range(2):
            answer = await service.post("/stock/A/receive", receipt, **{"Idempotency-Key": "D7/0"})
            assert (answer.status_code, answer.json()["on_hand"]) == (200, 10)


async def test_keys_of_callers_whose_names_begin_alike_are_apart() -> None:
    async with running() as service:
        receipt = {"location": EAST, "quantity": 5}
        for token, key, on_hand in (("dock", "1/note", 5), ("dock/1", "note", 10), ("dock/1", "note", 10)):
            headers = {**bearer(token), "Idempotency-Key": key}
            answer = await service.post("/stock/A/receive", receipt, **headers)
            assert (answer.status_code, answer.json()["on_hand"]) == (200, on_hand)


async def test_a_receipt_that_is_refused_does_not_keep_the_others_out() -> None:
    async with running() as service:
        lines = [{"sku": sku, "location": EAST, "quantity": 10**9} for sku in ("A", "A", "B")]
        body = (await service.post("/stock/bulk-receive", {"lines": lines})).json()
        assert body["received"] == 2
        assert [(one["line"], one["sku"]) for one in body["refused"]] == [(1, "A")]
        assert "can't hold more" in body["refused"][0]["explanation"]


async def test_a_lot_with_nul_is_named_and_the_others_are_taken() -> None:
    async with running() as service:
        lines = [{"sku": sku, "location": EAST, "quantity": 1} for sku in ("A", "B\x00")]
        body = (await service.post("/stock/bulk-receive", {"lines": lines})).json()
        assert body["received"] == 1
        assert "NUL" in body["refused"][0]["explanation"]


async def test_a_delivery_of_rubbish_is_refused_for_its_first_lot() -> None:
    async with running() as service:
        refused = await service.post("/stock/bulk-receive", {"lines": [{}] * 100_000})
        assert refused.status_code == 422
        assert len(refused.json()["errors"]) < 10


async def test_stock_that_arrives_reaches_the_order_that_waits() -> None:
    async with running() as service:
        await service.asks_for("O1", 3)
        await service.shown("/reservations/O1", lambda row: row["status"] == "backordered")
        await service.shown("/stock/A", lambda row: row["waiting"] == [{"order_number": "O1", "units": 3}])
        await service.post("/stock/A/receive", {"location": WEST, "quantity": 5})
        row = await service.shown("/reservations/O1", lambda row: row["status"] == "reserved")
        first = {"location": WEST, "status": "reserved", "units": 3, "skus": {"A": 3}}
        assert row["fulfilments"] == {"O1-F1": first}
        stock = await service.shown("/stock/A", lambda row: row["waiting"] == [])
        assert (stock["on_hand"], stock["reserved"]) == (5, 3)


async def test_a_sku_may_hold_a_slash() -> None:
    async with running() as service:
        answer = await service.post("/stock/A%2F3/receive", {"location": EAST, "quantity": 5})
        assert answer.json()["sku"] == "A/3"
        await service.shown("/stock/A%2F3", lambda row: row["on_hand"] == 5)


async def test_what_was_never_there_is_not_found() -> None:
    async with running() as service:
        assert (await service.get("/stock/A")).status_code == 404
        assert (await service.get("/reservations/O1")).status_code == 404


async def test_every_route_wants_its_scope() -> None:
    async with running() as service:
        assert (await service.post("/stock/A/receive", {}, Authorization="Bearer reader")).status_code == 403
        assert (await service.post("/stock/A/receive", {}, Authorization="Bearer none")).status_code == 401


async def test_bad_input_is_told_by_field() -> None:
    async with running() as service:
        answer = await service.post("/stock/A/receive", {"location": EAST, "quantity": 0})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "body.quantity"

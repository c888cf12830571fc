"""Stock over HTTP: what is there, what each order holds, and the changes that people make."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, FailFast, Field

from services.inventory.holders import holders, told
from services.inventory.views import RESERVATIONS, STOCK
from shared.events.inventory import AdjustStock, CountStock, ReceiveStock, SetStockLevels, TransferStock
from shared.events.payload import Change, Command, Count, Location, Name, Quantity, Sku
from shared.eventsourcing.api_keys import Caller, requires
from shared.eventsourcing.decider import Reply
from shared.eventsourcing.definition import KeyParked, Submit
from shared.eventsourcing.idempotency import KeyGiven, digest_of
from shared.eventsourcing.ids import keyed_id
from shared.eventsourcing.listing import Limit, Offset
from shared.eventsourcing.problems import Problem, problem
from shared.eventsourcing.store import StoreRejects
from shared.eventsourcing.views import Row, ViewReader

SkuPath = Annotated[str, Path(alias="sku", min_length=1, max_length=200)]
Writer = Annotated[Caller, Depends(requires("stock:write"))]

LIKE_A_LOT = re.compile(r"/[0-9]+$")
MOST_LOTS = 5_000
LOTS_AT_ONCE = 500
"""Lots of one delivery that are decided together: few enough to keep no other caller out."""


class Receipt(BaseModel, frozen=True):
    """Units that arrived."""

    location: Location
    quantity: Quantity
    reason: str = Field(default="", max_length=2_000)


class Lot(BaseModel, frozen=True):
    """Units of one SKU that arrived at one location."""

    sku: Sku
    location: Location
    quantity: Quantity


class Delivery(BaseModel, frozen=True):
    """Many lots at once."""

    lines: Annotated[tuple[Lot, ...], FailFast()] = Field(min_length=1, max_length=MOST_LOTS)
    reason: str = Field(default="", max_length=2_000)


class Adjustment(BaseModel, frozen=True):
    """A correction by a difference."""

    location: Location
    change: Change
    cause: Literal["damage", "loss", "found", "correction"]
    reason: str = Field(min_length=1, max_length=2_000)


class StockCount(BaseModel, frozen=True):
    """What a count found."""

    location: Location
    counted: Count
    reason: str = Field(min_length=1, max_length=2_000)


class Transfer(BaseModel, frozen=True):
    """Units that move to another location."""

    origin: Location
    destination: Location
    quantity: Quantity
    reason: str = Field(default="", max_length=2_000)


class Levels(BaseModel, frozen=True):
    """Safety stock at each location, and the reorder point over all of them."""

    safety_stock: Count
    reorder_point: Count
    reason: str = Field(default="", max_length=2_000)


def routers(submit: Submit, views: ViewReader) -> tuple[APIRouter, ...]:
    """The service's routes beside the operations API."""
    return _asking(views), _changing(submit, views), _receiving(submit)


def _asking(views: ViewReader) -> APIRouter:
    routes = APIRouter(tags=["stock"], dependencies=[Depends(requires("stock:read"))])

    @routes.get("/stock", summary="SKUs, all or those below their reorder point")
    async def skus(low: bool = False, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
        where = {"status": "low"} if low else {}
        found = await views.find(STOCK, where, limit=limit, offset=offset)
        return {"stock": [_shown(row) for row in found]}

    @routes.get("/stock/{sku:path}", summary="One SKU at all its locations")
    async def stock(sku: SkuPath) -> Row:
        row = await views.get(STOCK, sku)
        if row is None:
            raise problem(404, "Unknown SKU", f"nothing is known of the SKU {sku}")
        return _shown(row)

    @routes.get("/reservations/{order_number}", summary="What one order holds")
    async def reservation(order_number: Annotated[str, Path(min_length=1, max_length=200)]) -> Row:
        row = await views.get(RESERVATIONS, order_number)
        if row is None:
            raise problem(404, "Unknown reservation", f"nothing was reserved for order {order_number}")
        return row

    return routes


def _changing(submit: Submit, views: ViewReader) -> APIRouter:
    routes = APIRouter(prefix="/stock/{sku:path}", tags=["stock"])

    async def change(command: Command, sku: str, wanted: Any, key: str | None, caller: Caller) -> dict[str, Any]:
        reply = await submit(
            command,
            partition_key=sku,
            actor=caller.name,
            reason=wanted.reason,
            message_id=_of_change(caller, key),
            body_digest=digest_of(command, key),
        )
        if reply.outcome in ("refused", "conflict"):
            raise await _refused(reply, views)
        return dict(reply.body)

    @routes.post("/receive", summary="Take units into stock")
    async def receive(sku: SkuPath, wanted: Receipt, caller: Writer, key: KeyGiven = None) -> dict[str, Any]:
        command = ReceiveStock(sku=sku, location=wanted.location, quantity=wanted.quantity)
        return await change(command, sku, wanted, key, caller)

    @routes.post("/adjust", summary="Correct on hand by a difference")
    async def adjust(sku: SkuPath, wanted: Adjustment, caller: Writer, key: KeyGiven = None) -> dict[str, Any]:
        command = AdjustStock(sku=sku, location=wanted.location, change=wanted.change, cause=wanted.cause)
        return await change(command, sku, wanted, key, caller)

    @routes.post("/count", summary="State what a count found")
    async def count(sku: SkuPath, wanted: StockCount, caller: Writer, key: KeyGiven = None) -> dict[str, Any]:
        command = CountStock(sku=sku, location=wanted.location, counted=wanted.counted)
        return await change(command, sku, wanted, key, caller)

    @routes.post("/transfer", summary="Move units between two locations")
    async def transfer(sku: SkuPath, wanted: Transfer, caller: Writer, key: KeyGiven = None) -> dict[str, Any]:
        command = TransferStock(
            sku=sku, origin=wanted.origin, destination=wanted.destination, quantity=wanted.quantity
        )
        return await change(command, sku, wanted, key, caller)

    @routes.post("/levels", summary="Set safety stock and reorder point")
    async def levels(sku: SkuPath, wanted: Levels, caller: Writer, key: KeyGiven = None) -> dict[str, Any]:
        command = SetStockLevels(sku=sku, safety_stock=wanted.safety_stock, reorder_point=wanted.reorder_point)
        return await change(command, sku, wanted, key, caller)

    return routes


def _receiving(submit: Submit) -> APIRouter:
    routes = APIRouter(tags=["stock"])

    @routes.post("/stock/bulk-receive", summary="Take many lots into stock at once")
    async def receive_all(delivery: Delivery, caller: Writer, key: KeyGiven = None) -> dict[str, Any]:
        def receive(place: int, lot: Lot) -> Awaitable[Reply]:
            command = ReceiveStock(sku=lot.sku, location=lot.location, quantity=lot.quantity)
            return submit(
                command,
                partition_key=lot.sku,
                actor=caller.name,
                reason=delivery.reason,
                message_id=_of_lot(caller, key, place),
                body_digest=digest_of(command, key),
            )

        lots = list(enumerate(delivery.lines))
        refused: list[dict[str, Any]] = []
        for start in range(0, len(lots), LOTS_AT_ONCE):
            part = lots[start : start + LOTS_AT_ONCE]
            answers = await asyncio.gather(*(receive(place, lot) for place, lot in part), return_exceptions=True)
            refused += [
                {"line": place, "sku": lot.sku, "explanation": explanation}
                for (place, lot), answer in zip(part, answers, strict=True)
                if (explanation := _refusal(lot, answer))
            ]
        return {"received": len(lots) - len(refused), "refused": refused}

    return routes


def _refusal(lot: Lot, answer: Reply | BaseException) -> str:
    """Why one lot of many was not taken; empty when it was. What befell all of them is raised."""
    match answer:
        case Reply():
            return str(answer.body["explanation"]) if answer.outcome == "refused" else ""
        case StoreRejects():
            return "a text of the lot holds the character NUL"
        case KeyParked():
            return f"work on {lot.sku} stands still until operations has dealt with it; the receipt is kept"
        case _:
            raise answer


def _of_change(caller: Caller, key: Name | None) -> UUID | None:
    if not key:
        return None
    # Such a key would name a lot of a delivery.
    return keyed_id("stock-change" if LIKE_A_LOT.search(key) else "stock", caller.name, key)


def _of_lot(caller: Caller, key: Name | None, place: int) -> UUID | None:
    return keyed_id("stock", caller.name, f"{key}/{place}") if key else None


def _shown(row: Row) -> Row:
    waiting = [{"order_number": number, "units": units} for number, units in row["waiting"].items()]
    return {**row, "waiting": waiting}


async def _refused(reply: Reply, views: ViewReader) -> Problem:
    """The refusal; where units are reserved that are not there, with the orders that hold them."""
    body = dict(reply.body)
    explanation = str(body.pop("explanation", "the change is refused"))
    if not body.get("reserved"):
        return problem(409, "Refused", explanation, **body)
    sentence, members = told(await holders(views, body["sku"], body["location"]))
    return problem(409, "Refused", explanation + sentence, **body, **members)

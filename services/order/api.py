"""Orders over HTTP: taking them, asking for them, and the decisions of people."""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from services.order.domain.messages import TakeChannelOrder
from services.order.domain.number import order_number
from services.order.reading import Fault, read_order
from services.order.views import ORDERS
from shared.events.channel import ChannelOrderReceived
from shared.events.http_api import IDEMPOTENCY_KEY
from shared.events.order import (
    ApproveOrder,
    BlockCustomer,
    CancelOrder,
    HoldReleased,
    OpenHold,
    OrderPlaced,
    OrderReplaced,
    PayAgain,
    RejectOrder,
    ReleaseHold,
    SetCreditLimit,
    UnblockCustomer,
)
from shared.events.payload import Command, CurrencyCode, MinorUnits
from shared.events.values import PaymentMethod
from shared.eventsourcing.api_keys import Caller, requires
from shared.eventsourcing.decider import Reply
from shared.eventsourcing.definition import IdempotencyConflict, Submit
from shared.eventsourcing.idempotency import HEADER, KeyGiven, digest_of
from shared.eventsourcing.ids import keyed_id
from shared.eventsourcing.listing import Limit, Offset, given
from shared.eventsourcing.problems import problem
from shared.eventsourcing.views import Row, Stated, ViewReader

Number = Annotated[str, Path(min_length=1, max_length=200)]
CustomerId = Annotated[str, Path(min_length=1, max_length=200)]
Status = Literal[
    "received",
    "reserving",
    "backordered",
    "reserved",
    "authorising",
    "awaiting_payment",
    "held",
    "confirmed",
    "shipping",
    "delivered",
    "completed",
    "cancelling",
    "cancelled",
]
"""What a person sees of an order."""
STATED = (OrderPlaced.wire_type, OrderReplaced.wire_type)
"""The facts that say what was ordered."""
ENDED = ("completed", "cancelled")
HELD_AT_A_TIME = 1_000
"""Orders on a hold that are read in one query."""
KEY_NEEDED = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "description": "The same key never places two orders: the same body gets the first answer again, another 409."
    " A body that holds no valid order uses up no key.",
    "schema": {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY}$"},
}
RESTATED = "The order was placed before: `outcome` says what became of the restatement."


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides, and the idempotency key of the decision where there is one."""

    name: str
    key: str | None


async def _person(caller: Annotated[Caller, Depends(requires("orders:decide"))], key: KeyGiven = None) -> Person:
    return Person(caller.name, key)


By = Annotated[Person, Depends(_person)]


class Decided(BaseModel, frozen=True):
    """A person's decision."""

    reason: str = Field(min_length=1, max_length=2_000, description="Why; kept with the order for good.")


class HoldWanted(Decided):
    """A hold opened by hand."""

    owner: str = Field(
        default="operations", min_length=1, max_length=200, description="The team that answers for it."
    )


class Released(Decided):
    """The release of a hold, with a corrected address where a label was refused."""

    street: str = Field(default="", max_length=500)
    city: str = Field(default="", max_length=200)
    postal_code: str = Field(default="", max_length=50)


class PaidAgain(Decided):
    """Another payment method within the payment window."""

    payment: PaymentMethod


class CreditLimit(Decided):
    """How much the customer's open orders may add up to."""

    limit: MinorUnits
    currency: CurrencyCode


def routers(submit: Submit, views: ViewReader) -> tuple[APIRouter, ...]:
    """The service's routes beside the operations API."""
    return _taking(submit, views), _asking(views), _deciding(submit), _customers(submit)


def _taking(submit: Submit, views: ViewReader) -> APIRouter:
    routes = APIRouter(tags=["orders"])

    @routes.post(
        "/orders",
        status_code=201,
        summary="Place an order, or restate it whole",
        response_description="The order is placed.",
        responses={200: {"description": RESTATED, "model": dict[str, Any]}},
        openapi_extra={
            "parameters": [KEY_NEEDED],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _self_contained(ChannelOrderReceived)}},
            },
        },
    )
    async def place(
        request: Request,
        response: Response,
        caller: Annotated[Caller, Depends(requires("orders:write"))],
    ) -> dict[str, Any]:
        # Read here and described above: a key that is missing gets the same answer as one that can't be used.
        key = request.headers.get(HEADER, "")
        if not re.fullmatch(IDEMPOTENCY_KEY, key):
            raise problem(400, "No idempotency key", "Idempotency-Key is needed: 1 to 200 visible characters")
        message_id = keyed_id("orders", caller.name, key)
        body = await request.body()
        order = read_order(body)
        if isinstance(order, Fault):
            # What was taken under a key was a valid order, so this is another body.
            if await views.taken(message_id):
                raise IdempotencyConflict("this idempotency key came before with another body")
            status = 413 if order.code == "too_large" else 422
            raise problem(status, "Order refused", order.explanation, code=order.code)
        number = order_number(order.channel, order.channel_order_id)
        reply = await submit(
            TakeChannelOrder(order_number=number, order=order, source="POST /orders"),
            partition_key=number,
            actor=caller.name,
            message_id=message_id,
            body_digest=hashlib.sha256(body).digest(),
        )
        response.headers["Location"] = f"/orders/{number}"
        if reply.outcome == "accepted":
            response.status_code = 200
        return _answer(reply, refused=422)

    return routes


def _asking(views: ViewReader) -> APIRouter:
    routes = APIRouter(tags=["orders"], dependencies=[Depends(requires("orders:read"))])

    @routes.get("/orders", summary="Orders by status, customer or channel, the newest first")
    async def orders(
        status: Status | None = None,
        customer: str = "",
        channel: str = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> dict[str, Any]:
        where = given(customer_id=customer, status=status, channel=channel)
        found = await views.find(
            ORDERS, where, order_by="accepted_at", descending=True, limit=limit, offset=offset
        )
        return {"orders": found}

    @routes.get(
        "/orders/summary", summary="How many orders have which status, and how many under way are on a hold"
    )
    async def summary() -> dict[str, Any]:
        # A hold may outlive its order; what is counted here still has somewhere to go.
        going = [row async for row in _on_hold(views) if row["status"] not in ENDED]
        return {"statuses": await views.count_by(ORDERS, "status"), "on_hold": len(going)}

    @routes.get("/holds", summary="Open holds, those of the oldest orders first")
    async def holds(owner: str = "", limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
        found: list[Row] = []
        async for hold in _open_holds(views):
            if owner in ("", hold["owner"]):
                found.append(hold)
            if len(found) == offset + limit:
                break
        return {"holds": found[offset:]}

    @routes.get("/orders/{number}", summary="One order, with its lines and where it goes")
    async def order(number: Number) -> Row:
        row = await views.get(ORDERS, number)
        if row is None:
            raise problem(404, "Unknown order", f"there is no order {number}")
        return {**row, **_content(await views.facts(f"order-{number}"))}

    return routes


async def _open_holds(views: ViewReader) -> AsyncIterator[Row]:
    """Every open hold, alarms too, with the number of its order."""
    async for row in _on_hold(views):
        for hold in row["holds"]:
            yield {"order_number": row["order_number"], **hold}


async def _on_hold(views: ViewReader) -> AsyncIterator[Row]:
    """The orders with an open hold, the oldest first."""
    offset = 0
    while page := await views.find(
        ORDERS, {"on_hold": "yes"}, order_by="accepted_at", limit=HELD_AT_A_TIME, offset=offset
    ):
        for row in page:
            yield row
        offset += len(page)


def _content(facts: Sequence[Stated]) -> Row:
    """What was ordered, as it was stated last, and where it goes. A list of orders has no need of it."""
    content: dict[str, Any] = {"lines": []}
    for fact in facts:
        if fact.type in STATED:
            content = {name: fact.payload["content"][name] for name in ("lines", "shipping_address")}
        elif fact.type == HoldReleased.wire_type and fact.payload.get("address"):
            content["shipping_address"] = fact.payload["address"]
    return content


def _deciding(submit: Submit) -> APIRouter:
    routes = APIRouter(prefix="/orders/{number}", tags=["decisions"])

    @routes.post("/cancel", status_code=202, summary="Cancel an order that has not left")
    async def cancel(number: Number, decided: Decided, by: By) -> dict[str, Any]:
        return await _decide(submit, CancelOrder(order_number=number), number, decided, by)

    @routes.post(
        "/approve",
        status_code=202,
        summary="Approve an order in review, or release all holds that stop the whole of it",
    )
    async def approve(number: Number, decided: Decided, by: By) -> dict[str, Any]:
        return await _decide(submit, ApproveOrder(order_number=number), number, decided, by)

    @routes.post(
        "/reject",
        status_code=202,
        summary="Cancel an order that is in review, or stopped as a whole by a hold",
    )
    async def reject(number: Number, decided: Decided, by: By) -> dict[str, Any]:
        return await _decide(submit, RejectOrder(order_number=number), number, decided, by)

    @routes.post("/holds", status_code=202, summary="Stop work on an order")
    async def hold(number: Number, wanted: HoldWanted, by: By) -> dict[str, Any]:
        command = OpenHold(order_number=number, explanation=wanted.reason, owner=wanted.owner)
        return await _decide(submit, command, number, wanted, by)

    @routes.post("/holds/{hold_id}/release", status_code=202, summary="Release one hold by name")
    async def release(number: Number, hold_id: Number, released: Released, by: By) -> dict[str, Any]:
        command = ReleaseHold(
            order_number=number,
            hold_id=hold_id,
            street=released.street,
            city=released.city,
            postal_code=released.postal_code,
        )
        return await _decide(submit, command, number, released, by)

    @routes.post("/payment", status_code=202, summary="Pay again after a decline")
    async def pay_again(number: Number, paid: PaidAgain, by: By) -> dict[str, Any]:
        return await _decide(submit, PayAgain(order_number=number, payment=paid.payment), number, paid, by)

    return routes


def _customers(submit: Submit) -> APIRouter:
    routes = APIRouter(prefix="/customers/{customer_id}", tags=["customers"])

    @routes.post("/block", status_code=202, summary="Hold the customer's new orders")
    async def block(customer_id: CustomerId, decided: Decided, by: By) -> dict[str, Any]:
        return await _decide(submit, BlockCustomer(customer_id=customer_id), customer_id, decided, by)

    @routes.post("/unblock", status_code=202, summary="Let the customer's orders pass again")
    async def unblock(customer_id: CustomerId, decided: Decided, by: By) -> dict[str, Any]:
        return await _decide(submit, UnblockCustomer(customer_id=customer_id), customer_id, decided, by)

    @routes.post("/credit-limit", status_code=202, summary="Limit the customer's open orders")
    async def credit_limit(customer_id: CustomerId, wanted: CreditLimit, by: By) -> dict[str, Any]:
        command = SetCreditLimit(customer_id=customer_id, limit=wanted.limit, currency=wanted.currency)
        return await _decide(submit, command, customer_id, wanted, by)

    return routes


async def _decide(submit: Submit, command: Command, about: str, decided: Decided, by: Person) -> dict[str, Any]:
    reply = await submit(
        command,
        partition_key=about,
        actor=by.name,
        reason=decided.reason,
        message_id=keyed_id("decisions", by.name, by.key) if by.key else None,
        body_digest=digest_of(command, by.key),
    )
    return _answer(reply, refused=409)


def _self_contained(model: type[BaseModel]) -> Any:
    """The JSON Schema of a model with its parts in place: a reference would point out of the OpenAPI document."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def in_place(node: Any) -> Any:
        if isinstance(node, list):
            return [in_place(one) for one in node]
        if not isinstance(node, dict):
            return node
        rest = {name: in_place(value) for name, value in node.items() if name != "$ref"}
        return {**in_place(parts[node["$ref"].rpartition("/")[2]]), **rest} if "$ref" in node else rest

    return in_place(schema)


def _answer(reply: Reply, *, refused: int) -> dict[str, Any]:
    """The body of an answer.

    Raises:
        Problem: the request is refused.
    """
    body = dict(reply.body)
    match reply.outcome:
        case "created" | "accepted":
            return body
        case "not_found":
            raise problem(404, "Unknown", str(body.pop("detail", "there is no such thing")), **body)
        case "refused" | "conflict":
            raise problem(refused, "Refused", str(body.pop("detail", "the request is refused")), **body)

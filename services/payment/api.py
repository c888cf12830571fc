"""Payments, refunds and the ledger over HTTP, and the gateway's reports."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, Field

from services.payment.views import LEDGER, LEDGER_TOTALS, PAYMENTS
from shared.events.payload import CurrencyCode
from shared.events.payment import RefundPayment
from shared.eventsourcing.api_keys import Caller, requires
from shared.eventsourcing.definition import Submit
from shared.eventsourcing.idempotency import HEADER
from shared.eventsourcing.listing import Limit, Offset, given
from shared.eventsourcing.problems import problem
from shared.eventsourcing.views import Row, ViewReader
from shared.eventsourcing.webhooks import SignedReports, taking

OrderNumber = Annotated[str, Path(min_length=1, max_length=200)]
Status = Literal[
    "none",
    "authorising",
    "authorised",
    "declined",
    "lapsed",
    "voiding",
    "voided",
    "partly_captured",
    "captured",
    "refunded",
]
"""The state of an order's money in one word."""
MOST_CURRENCIES = 1_000
REFUND_KEY = (
    "It names the refund: the same key never pays back twice. The same amount again tells how far the refund has"
    " come, whatever the reason, another amount gets 409, and a refund that was refused is tried again."
)


class RefundRequest(BaseModel, frozen=True):
    """What is to be paid back, and why."""

    amount: int = Field(gt=0, le=10**15, description="Minor units of the currency.")
    currency: CurrencyCode
    reason: str = Field(min_length=1, max_length=2_000)


def routers(submit: Submit, views: ViewReader, *, reports: SignedReports) -> tuple[APIRouter, ...]:
    """The service's routes beside the operations API; webhooks first, as they are most of the calls."""
    return taking("gateway", reports, submit), _reading(views), _refunding(submit)


def _reading(views: ViewReader) -> APIRouter:
    routes = APIRouter(tags=["payments"], dependencies=[Depends(requires("payments:read"))])

    @routes.get("/payments", summary="Payments, of one status or all")
    async def payments(
        status: Status | None = None, currency: str = "", limit: Limit = 100, offset: Offset = 0
    ) -> dict[str, Any]:
        where = given(status=status, currency=currency)
        found = await views.find(PAYMENTS, where, limit=limit, offset=offset)
        return {"payments": [_payment(row) for row in found]}

    @routes.get("/payments/{order_number}", summary="The payment of one order")
    async def payment(order_number: OrderNumber) -> dict[str, Any]:
        row = await views.get(PAYMENTS, order_number)
        if row is None:
            raise problem(404, "Unknown payment", f"no payment of order {order_number} is known")
        return _payment(row)

    @routes.get("/ledger", summary="Ledger entries, of one order or all, oldest first")
    async def ledger(
        order_number: str = "", currency: str = "", limit: Limit = 100, offset: Offset = 0
    ) -> dict[str, Any]:
        where = given(order_number=order_number, currency=currency)
        found = await views.find(LEDGER, where, order_by="recorded_at", limit=limit, offset=offset)
        return {"operations": found}

    @routes.get("/ledger/summary", summary="Totals of every account by currency")
    async def summary() -> dict[str, Any]:
        rows = await views.find(LEDGER_TOTALS, {}, limit=MOST_CURRENCIES)
        currencies = {row["currency"]: _trial_balance(row) for row in rows}
        return {
            "currencies": currencies,
            "balanced": all(totals["balanced"] for totals in currencies.values()),
        }

    return routes


def _refunding(submit: Submit) -> APIRouter:
    routes = APIRouter(tags=["payments"])

    @routes.post("/payments/{order_number}/refund", status_code=202, summary="Pay back some of what was captured")
    async def refund(
        order_number: OrderNumber,
        wanted: RefundRequest,
        key: Annotated[
            str,
            Header(alias=HEADER, pattern="^[!-~]{1,100}$", description=REFUND_KEY),
        ],
        caller: Annotated[Caller, Depends(requires("payments:write"))],
    ) -> dict[str, Any]:
        command = RefundPayment(
            order_number=order_number, refund_id=key, amount=wanted.amount, currency=wanted.currency
        )
        reply = await submit(
            command,
            partition_key=order_number,
            correlation_id=order_number,
            actor=caller.name,
            reason=wanted.reason,
        )
        match reply.outcome:
            case "created" | "accepted":
                return dict(reply.body)
            case "not_found":
                raise problem(404, "Unknown payment", f"no payment of order {order_number} is known")
            case "conflict":
                detail = f"refund {key} was asked before with another amount"
                raise problem(409, "Idempotency conflict", detail, **reply.body)
            case "refused":
                detail = f"refund {key} is refused: {reply.body['refusal_code']}"
                raise problem(409, "Refund refused", detail, **reply.body)

    return routes


def _payment(row: Row) -> dict[str, Any]:
    """A row with its attempts, captures and refunds as lists."""
    return {
        **row,
        "attempts": [{"attempt": int(number), **attempt} for number, attempt in row["attempts"].items()],
        "captures": [{"fulfilment_id": name, **capture} for name, capture in row["captures"].items()],
        "refunds": [{"refund_id": name, **refund} for name, refund in row["refunds"].items()],
    }


def _trial_balance(row: Row) -> dict[str, Any]:
    accounts = {
        name: {**sides, "balance": sides["debit"] - sides["credit"]}
        for name, sides in sorted(row["accounts"].items())
    }
    debits = sum(sides["debit"] for sides in accounts.values())
    credits = sum(sides["credit"] for sides in accounts.values())
    return {"accounts": accounts, "debits": debits, "credits": credits, "balanced": debits == credits}

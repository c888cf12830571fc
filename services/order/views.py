"""What can be asked of orders: each with its orthogonal statuses, its holds, and what a person makes of them."""

from collections.abc import Mapping
from typing import Any

from services.order.domain.holds import ALARMS
from services.order.domain.order import OUTLIVE_THE_ORDER
from shared.events.order import (
    AuthorisationLost,
    AuthorisationSought,
    CancellationRefused,
    CancellationRequested,
    CompensationAnswered,
    CompensationBegan,
    FulfilmentCharged,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    LinesDropped,
    OrderApproved,
    OrderBackordered,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderPlaced,
    OrderReplaced,
    PaymentSecured,
    PaymentWindowOpened,
    ReservationRequested,
    StockSecured,
)
from shared.events.values import OrderContent
from shared.eventsourcing.views import Fact, Row, View

PLACING = ("in_review", "approved")
"""While an order is being placed it has a step as well."""
OF_THE_CONTENT = ("dropped", "units_short", "payment_window_until", "decline_code")
"""What came of a content that another has replaced."""


def _order(key: str, row: Row | None, fact: Fact) -> Row | None:
    changed = _changed({} if row is None else row, key, fact)
    if changed.get("order_status") not in PLACING:
        changed = _without(changed, "step")
    return {
        **changed,
        "status": status_of(changed),
        "on_hold": on_hold(changed),
        "changed_at": fact.recorded_at.isoformat(),
    }


def status_of(row: Row) -> str:
    """What a person sees, derived from the statuses that are kept apart."""
    order_status = row.get("order_status", "in_review")
    if order_status in ("completed", "cancelled", "cancelling"):
        return str(order_status)
    if any(hold["reason"] not in ALARMS for hold in row.get("holds", ())):
        return "held"
    if order_status == "confirmed":
        left = {one["status"] for one in row["fulfilments"].values()}
        if left and left <= {"delivered", "cancelled"}:
            return "delivered"
        return "shipping" if left & {"dispatched", "delivered"} else "confirmed"
    return str(row.get("step", "received"))


def on_hold(row: Row) -> str:
    """Whether a hold is open, be it an alarm that stops nothing; text, so that it can be asked for."""
    return "yes" if row.get("holds") else "no"


def _changed(row: Row, key: str, fact: Fact) -> Row:
    event = fact.event
    match event:
        case OrderPlaced(content=content):
            accepted = {"accepted_at": fact.recorded_at.isoformat(), "order_status": "in_review", "holds": []}
            return {**_described(key, content), **accepted, "step": "received", "fulfilments": {}, "charged": 0}
        case OrderReplaced(content=content) if row["step"] == "received":
            kept = _without(row, *OF_THE_CONTENT)
            return {**kept, **_described(key, content), "order_status": "in_review"}
        case OrderReplaced(content=content):  # it keeps the stock and the payment that the other content was given
            paid = row["payment_status"]
            return {**row, **_described(key, content), "order_status": "in_review", "payment_status": paid}
        case HoldOpened() | HoldReleased():
            return {**row, "holds": _holds(row, event, fact)}
        case OrderApproved():
            return {**row, "order_status": "approved"}
        case LinesDropped():
            dropped = {**row, "dropped": row.get("dropped", 0) + event.amount}
            if event.cause == "shortage":
                dropped["units_short"] = row.get("units_short", 0) + sum(one.missing for one in event.dropped)
            return _paid_for(dropped)
        case CancellationRequested():
            return {**row, "order_status": "cancelling", "cancelled_cause": event.cause}
        case CancellationRefused():
            return {**row, "order_status": "confirmed", "cancelled_cause": ""}
        case OrderCancelled():
            return {**_ended(row, fact), "order_status": "cancelled", "cancelled_cause": event.cause}
        case OrderCompleted():
            return {**_ended(row, fact), "order_status": "completed"}
        case _:
            return _placed(row, fact)


def _placed(row: Row, fact: Fact) -> Row:
    """The row after a fact of the placement."""
    event = fact.event
    match event:
        case CompensationAnswered(part="payment") if not row["charged"]:
            return {**row, "payment_status": "voided"}
        case CompensationBegan():
            return {**_served(row), "step": "received"}
        case ReservationRequested():
            return {**_served(row), "step": "reserving"}
        case OrderBackordered():
            waiting = [shortage.model_dump() for shortage in event.waiting]
            return {**row, "step": "backordered", "waiting": waiting, "waited": True}
        case StockSecured():
            return {**_served(row), "step": "reserved"}
        case AuthorisationSought():
            return {**_served(row), "step": "authorising", "payment_status": "authorising"}
        case PaymentWindowOpened():
            window = {"payment_window_until": event.until.isoformat(), "decline_code": event.decline_code}
            return {**row, **window, "step": "awaiting_payment", "payment_status": "declined"}
        case PaymentSecured():
            return {**row, "payment_status": "authorised"}
        case AuthorisationLost():
            return {**row, "payment_status": "lapsed"}
        case OrderConfirmed():
            confirmed = {"order_status": "confirmed", "confirmed_at": fact.recorded_at.isoformat()}
            fulfilments = {
                plan.fulfilment_id: {
                    "location": plan.location,
                    "status": "planned",
                    "units": sum(line.quantity for line in plan.lines),
                }
                for plan in event.fulfilments
            }
            paid = "authorised" if event.amount else "nothing_to_pay"
            delivery = {"fulfilments": fulfilments, "amount": event.amount, "payment_status": paid}
            return {**_served(row), **confirmed, **delivery}
        case FulfilmentProgressed():
            return _with_fulfilment(row, event.fulfilment_id, status=event.status)
        case FulfilmentCharged():
            charged = _with_fulfilment(row, event.fulfilment_id, charged=event.amount)
            return _paid_for({**charged, "charged": row["charged"] + event.amount})
        case _:
            return row


def _paid_for(row: Row) -> Row:
    """It is charged once all is that was not dropped; until then it says what became of the rest."""
    due = row["total"] - row.get("dropped", 0)
    return {**row, "payment_status": "charged"} if 0 < due <= row["charged"] else row


def _served(row: Row) -> Row:
    """It waits for no stock, or no longer; that it did stays with it."""
    return _without(row, "waiting")


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _described(key: str, content: OrderContent) -> Mapping[str, Any]:
    return {
        "order_number": key,
        "channel": content.channel,
        "channel_order_id": content.channel_order_id,
        "customer_id": content.customer.id,
        "customer_name": content.customer.name,
        "placed_at": content.placed_at.isoformat(),
        "currency": content.currency,
        "total": content.total,
        "lines": len(content.lines),
        "units": sum(line.quantity for line in content.lines),
        "delivery": content.delivery,
        "payment_status": "none",
    }


def _holds(row: Row, event: HoldOpened | HoldReleased, fact: Fact) -> list[Mapping[str, Any]]:
    others = [hold for hold in row.get("holds", []) if hold["hold_id"] != event.hold_id]
    if isinstance(event, HoldReleased):
        return others
    opened = {
        "hold_id": event.hold_id,
        "reason": event.reason,
        "owner": event.owner,
        "explanation": event.explanation,
        "fulfilment_id": event.fulfilment_id,
        "opened_at": fact.recorded_at.isoformat(),
        "opened_by": fact.actor,
    }
    return [*others, opened]


def _ended(row: Row, fact: Fact) -> Row:
    holds = [hold for hold in row.get("holds", []) if hold["reason"] in OUTLIVE_THE_ORDER]
    return {**row, "holds": holds, "ended_at": fact.recorded_at.isoformat()}


def _with_fulfilment(row: Row, fulfilment_id: str, **changes: Any) -> Row:
    before = row.get("fulfilments", {})
    return {**row, "fulfilments": {**before, fulfilment_id: {**before.get(fulfilment_id, {}), **changes}}}


ORDERS = View(
    name="orders",
    version=6,
    handles=(
        OrderPlaced,
        OrderReplaced,
        HoldOpened,
        HoldReleased,
        OrderApproved,
        CompensationBegan,
        CompensationAnswered,
        ReservationRequested,
        OrderBackordered,
        StockSecured,
        LinesDropped,
        AuthorisationSought,
        PaymentWindowOpened,
        PaymentSecured,
        AuthorisationLost,
        OrderConfirmed,
        FulfilmentProgressed,
        FulfilmentCharged,
        CancellationRequested,
        CancellationRefused,
        OrderCancelled,
        OrderCompleted,
    ),
    keys=lambda event: (event.order_number,),
    project=_order,
)

VIEWS: tuple[View, ...] = (ORDERS,)

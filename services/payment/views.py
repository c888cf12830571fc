"""What can be asked of payments: each order's money, the ledger's entries, and its totals."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from services.payment.domain.ledger import MONEY_FACTS, entries, operation
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisationRenewed,
    AuthorisationRequested,
    AuthorisationVoided,
    CaptureRefused,
    CaptureRequested,
    PartiallyCaptured,
    PartiallyRefunded,
    PaymentAnomalyDetected,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    RefundRefused,
    RefundRequested,
    VoidStarted,
)
from shared.eventsourcing.views import Fact, Row, View

ANOMALIES_SHOWN = 16

_NEW: Row = {
    "currency": "",
    "voiding": False,
    "attempts": {},
    "captures": {},
    "refunds": {},
    "anomalies": [],
}


def _orders(event: Any) -> tuple[str, ...]:
    return (event.order_number,)


def _payment(key: str, row: Row | None, fact: Fact) -> Row | None:
    if row is None and isinstance(fact.event, RefundRefused):
        return None  # the answer to who asked about an order that nobody was to pay
    changed = _changed({**_NEW, "order_number": key} if row is None else row, fact.event)
    return {**changed, **_totals(changed), "changed_at": fact.recorded_at.isoformat()}


def _changed(row: Row, event: Event) -> Row:
    match event:
        case AuthorisationRequested() | PaymentAuthorised() | PaymentDeclined():
            return _with_attempt(row, event)
        case AuthorisationRenewed() | AuthorisationLapsed():
            return _with_renewal(row, event)
        case AuthorisationVoided():
            return _with_void(row, event)
        case VoidStarted():
            return {**row, "voiding": True}
        case PaymentVoided():
            return {**row, "voiding": False}
        case CaptureRequested() | PartiallyCaptured() | PaymentCaptured() | CaptureRefused():
            return _with_capture(row, event)
        case RefundRequested() | PartiallyRefunded() | PaymentRefunded() | RefundRefused():
            return _with_refund(row, event)
        case PaymentAnomalyDetected(explanation=explanation):
            return {**row, "anomalies": [*row["anomalies"], explanation][-ANOMALIES_SHOWN:]}
        case _:
            return row


def _with(row: Row, part: str, key: str, **changes: Any) -> Row:
    """The row with one attempt, capture or refund changed."""
    return {**row, part: {**row[part], key: {**row[part].get(key, {}), **changes}}}


def _with_attempt(row: Row, event: AuthorisationRequested | PaymentAuthorised | PaymentDeclined) -> Row:
    key = str(event.attempt)
    match event:
        case AuthorisationRequested():
            named = {**row, "currency": event.currency}
            return _with(named, "attempts", key, status="requested", amount=event.amount, currency=event.currency)
        case PaymentAuthorised(repeated=False):
            return _with(
                {**row, "currency": event.currency},
                "attempts",
                key,
                status="authorised",
                amount=event.amount,
                currency=event.currency,
                authorisation_id=event.authorisation_id,
                expires_at=event.expires_at.isoformat(),
            )
        case PaymentDeclined(repeated=False):
            return _with(row, "attempts", key, status="declined", decline_code=event.decline_code)
        case _:
            return row


def _with_void(row: Row, event: AuthorisationVoided) -> Row:
    changes: dict[str, Any] = {"status": "voided", "voided": event.amount}
    if event.expected is not None:
        changes |= {"expected": event.expected, "captured_unrecorded": event.captured_unrecorded}
    return _with(row, "attempts", str(event.attempt), **changes)


def _with_renewal(row: Row, event: AuthorisationRenewed | AuthorisationLapsed) -> Row:
    changes: dict[str, str] = {"status": "lapsed"}
    if isinstance(event, AuthorisationRenewed):
        changes = {"expires_at": event.expires_at.isoformat()}
    for key, attempt in row["attempts"].items():
        if attempt.get("authorisation_id") == event.authorisation_id and attempt["status"] != "voided":
            return _with(row, "attempts", key, **changes)
    return row


def _with_capture(row: Row, event: CaptureRequested | PartiallyCaptured | PaymentCaptured | CaptureRefused) -> Row:
    key = event.fulfilment_id
    before = row["captures"].get(key, {}).get("captured", 0)
    match event:
        case CaptureRefused():
            return _with(row, "captures", key, status="refused", last_refusal=event.refusal_code)
        case CaptureRequested():
            status, captured = "under_way", before
            amount = event.amount if event.whole is None else event.whole
        case PartiallyCaptured():
            status, amount, captured = "under_way", event.whole, before + event.amount
        case PaymentCaptured():
            status, amount, captured = "captured", event.amount, event.amount
    return _with(row, "captures", key, status=status, amount=amount, captured=captured, currency=event.currency)


def _with_refund(row: Row, event: RefundRequested | PartiallyRefunded | PaymentRefunded | RefundRefused) -> Row:
    key = event.refund_id
    before = row["refunds"].get(key, {}).get("refunded", 0)
    match event:
        case RefundRefused():
            return _with(row, "refunds", key, status="refused", last_refusal=event.refusal_code)
        case RefundRequested():
            status, refunded = "under_way", before
            amount = event.amount if event.whole is None else event.whole
        case PartiallyRefunded():
            status, amount, refunded = "under_way", event.whole, before + event.amount
        case PaymentRefunded():
            status, amount, refunded = "refunded", event.amount, event.amount
    return _with(row, "refunds", key, status=status, amount=amount, refunded=refunded, currency=event.currency)


def _totals(row: Row) -> dict[str, Any]:
    """Sums in the currency of the latest attempt, and one word for where the payment stands."""
    currency = row["currency"]
    stood = [
        attempt
        for attempt in row["attempts"].values()
        if "authorisation_id" in attempt and attempt["currency"] == currency
    ]
    authorised = sum(attempt["amount"] for attempt in stood)
    voided = sum(attempt.get("voided", 0) for attempt in stood)
    let_go = sum(attempt.get("expected", attempt.get("voided", 0)) for attempt in stood)
    captured = _sum(row["captures"], "captured", currency)
    refunded = _sum(row["refunds"], "refunded", currency)
    return {
        "authorised": authorised,
        "captured": captured,
        "refunded": refunded,
        "voided": voided,
        "status": _status(row, authorised - captured - let_go, captured, refunded),
    }


def _sum(items: Mapping[str, Mapping[str, Any]], amount: str, currency: str) -> int:
    return sum(item.get(amount, 0) for item in items.values() if item.get("currency") == currency)


def _status(row: Row, set_aside: int, captured: int, refunded: int) -> str:
    statuses = [attempt["status"] for attempt in row["attempts"].values()]
    if "requested" in statuses:
        return "authorising"
    if row["voiding"]:
        return "voiding"
    if captured:
        if refunded == captured:
            return "refunded"
        return "partly_captured" if set_aside else "captured"
    if not statuses:
        return "none"
    return str(statuses[-1])


PAYMENTS = View(
    name="payments",
    version=3,
    handles=(
        AuthorisationRequested,
        PaymentAuthorised,
        PaymentDeclined,
        AuthorisationRenewed,
        AuthorisationLapsed,
        AuthorisationVoided,
        VoidStarted,
        PaymentVoided,
        CaptureRequested,
        PartiallyCaptured,
        PaymentCaptured,
        CaptureRefused,
        RefundRequested,
        PartiallyRefunded,
        PaymentRefunded,
        RefundRefused,
        PaymentAnomalyDetected,
    ),
    keys=_orders,
    project=_payment,
)
"""One row for each order. `status` is the state of its money in one word."""


def _operations(event: Event) -> tuple[str, ...]:
    return (operation(event),)


def _booked(key: str, row: Row | None, fact: Fact) -> Row | None:
    """An operation is booked once, however often it is stated."""
    booked = entries(fact.event)
    if row is not None or not booked:
        return row
    event: Any = fact.event
    return {
        "operation": key,
        "order_number": event.order_number,
        "fact": event.wire_type,
        "fact_id": str(fact.id),
        "currency": event.currency,
        "entries": [asdict(entry) for entry in booked],
        "recorded_at": fact.recorded_at.isoformat(),
    }


LEDGER = View(name="ledger", version=2, handles=MONEY_FACTS, keys=_operations, project=_booked)
"""One row for each operation, with both sides of its entries."""


def _currencies(event: Any) -> tuple[str, ...]:
    return (event.currency,) if entries(event) else ()


def _added_up(key: str, row: Row | None, fact: Fact) -> Row | None:
    accounts: dict[str, Any] = dict(row["accounts"]) if row else {}
    for entry in entries(fact.event):
        before = accounts.get(entry.account, {"debit": 0, "credit": 0})
        accounts[entry.account] = {
            "debit": before["debit"] + entry.debit,
            "credit": before["credit"] + entry.credit,
        }
    return {"currency": key, "accounts": accounts}


LEDGER_TOTALS = View(name="ledger_totals", version=2, handles=MONEY_FACTS, keys=_currencies, project=_added_up)
"""One row for each currency: debits and credits of every account."""

VIEWS: tuple[View, ...] = (PAYMENTS, LEDGER, LEDGER_TOTALS)

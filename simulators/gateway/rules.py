"""What the gateway allows. Each function runs alone in a ledger transaction, so sums can't be overtaken."""

import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct

from simulators.errors import RequestError
from simulators.faults import Fault, FaultRates, draw
from simulators.gateway import tokens
from simulators.ledger import now, stamp
from simulators.operations import Answer, Request, earlier
from simulators.webhooks import Outbox

DECLINE_CODES = ("insufficient_funds", "do_not_honour", "expired_card")

Amount = Annotated[int, Meta(gt=0, lt=10**15)]
Text = Annotated[str, Meta(min_length=1, max_length=255)]


class AuthorisationBody(Struct, frozen=True, kw_only=True):
    reference: Text
    amount: Amount
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    token: Text


class AmountBody(Struct, frozen=True, kw_only=True):
    amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How this gateway behaves."""

    rates: FaultRates
    decline: float
    lifetime: timedelta
    short_lifetime: timedelta
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class Desk:
    """One request at work in one transaction."""

    db: sqlite3.Connection
    terms: Terms
    request: Request
    refusing: bool

    def authorisation(self, identifier: str) -> sqlite3.Row:
        """Raises RequestError when there is none."""
        row = self.db.execute("SELECT * FROM authorisation WHERE id = ?", (identifier,)).fetchone()
        if row is None:
            raise RequestError(404, "not_found", f"There is no authorisation {identifier}.")
        assert isinstance(row, sqlite3.Row)
        return row

    def capture(self, identifier: str) -> sqlite3.Row:
        """Raises RequestError when there is none."""
        row = self.db.execute("SELECT * FROM capture WHERE id = ?", (identifier,)).fetchone()
        if row is None:
            raise RequestError(404, "not_found", f"There is no capture {identifier}.")
        assert isinstance(row, sqlite3.Row)
        return row

    def enter(self, authorisation: sqlite3.Row, operation_id: str, amount: int, webhook: str | None) -> None:
        """Write an effect into the book and queue its webhook."""
        at = stamp(now())
        self.db.execute(
            "INSERT INTO effect (operation, operation_id, authorisation_id, reference, amount, currency,"
            " idempotency_key, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.request.operation,
                operation_id,
                authorisation["id"],
                authorisation["reference"],
                amount,
                authorisation["currency"],
                self.request.key,
                at,
            ),
        )
        if webhook is not None:
            self.tell(webhook, authorisation, operation_id, amount, at)

    def tell(self, kind: str, authorisation: sqlite3.Row, operation_id: str, amount: int, at: str) -> None:
        data: dict[str, Any] = {
            "reference": authorisation["reference"],
            "authorisation_id": authorisation["id"],
            "operation_id": operation_id,
            "amount": amount,
            "currency": authorisation["currency"],
            "idempotency_key": self.request.key,
        }
        if authorisation["decline_code"] is not None:
            data["decline_code"] = authorisation["decline_code"]
        ordinal = earlier(self.db, self.request.operation, authorisation["id"])
        self.terms.outbox.put(
            self.db, kind, at, data, authorisation["reference"], authorisation["attempt"], ordinal
        )


def authorisation_fault(desk: Desk, body: AuthorisationBody) -> Fault:
    if body.token in tokens.SCRIPTED:
        return tokens.AUTHORISATION_FAULTS.get(body.token, Fault.NONE)
    return desk.terms.rates.choose("authorise", body.reference, earlier(desk.db, "authorise", body.reference))


def later_fault(desk: Desk, authorisation: sqlite3.Row) -> Fault:
    """The fault of a capture, void, renewal or refund."""
    operation = desk.request.operation
    ordinal = earlier(desk.db, operation, authorisation["id"])
    if authorisation["token"] in tokens.SCRIPTED:
        times_out = authorisation["token"] == tokens.FIRST_CAPTURE_TIMES_OUT and (operation, ordinal) == (
            "capture",
            0,
        )
        return Fault.TIMEOUT_AFTER_EFFECT if times_out else Fault.NONE
    return desk.terms.rates.choose(operation, authorisation["reference"], authorisation["attempt"], ordinal)


def authorise(desk: Desk, body: AuthorisationBody) -> Answer:
    attempt = earlier(desk.db, "authorise", body.reference)
    decline_code = _decline_code(desk, body, attempt)
    identifier = desk.request.identifier("auth")
    lifetime = desk.terms.short_lifetime if body.token == tokens.SHORT_LIFETIME else desk.terms.lifetime
    expires_at = stamp(now() + lifetime) if decline_code is None else None
    status = "authorised" if decline_code is None else "declined"
    desk.db.execute(
        "INSERT INTO authorisation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            identifier,
            body.reference,
            attempt,
            body.amount,
            body.currency,
            body.token,
            status,
            decline_code,
            expires_at,
        ),
    )
    authorisation = desk.authorisation(identifier)
    if decline_code is None:
        desk.enter(authorisation, identifier, body.amount, "payment.authorised")
    else:
        desk.tell("payment.declined", authorisation, identifier, body.amount, stamp(now()))
    shown = ("id", "status", "decline_code", "reference", "amount", "currency", "expires_at")
    return Answer(status=201, body={name: authorisation[name] for name in shown})


def capture(desk: Desk, authorisation: sqlite3.Row, body: AmountBody) -> Answer:
    refusal_code = _capture_refusal(desk, authorisation, body.amount)
    identifier = desk.request.identifier("cap")
    status = "captured" if refusal_code is None else "refused"
    desk.db.execute(
        "INSERT INTO capture VALUES (?, ?, ?, ?)", (identifier, authorisation["id"], body.amount, status)
    )
    if refusal_code is None:
        desk.enter(authorisation, identifier, body.amount, "payment.captured")
    return Answer(
        status=201,
        body={
            "id": identifier,
            "status": status,
            "refusal_code": refusal_code,
            "authorisation_id": authorisation["id"],
            "amount": body.amount,
            "currency": authorisation["currency"],
        },
    )


def void(desk: Desk, authorisation: sqlite3.Row) -> Answer:
    released = authorisation["amount"] - captured_amount(desk.db, authorisation["id"])
    match authorisation["status"]:
        case "declined":
            return _conflict("declined", "It was declined: there is nothing to void.")
        case "voided":
            return _conflict("already_voided", "It was voided before.")
        case _ if released == 0:
            return _conflict("already_captured", "It is captured in full: refund it instead.")
    desk.db.execute(
        "UPDATE authorisation SET status = 'voided', voided_amount = ? WHERE id = ?",
        (released, authorisation["id"]),
    )
    desk.enter(authorisation, desk.request.identifier("void"), released, "payment.voided")
    return Answer(
        status=200,
        body={
            "id": authorisation["id"],
            "status": "voided",
            "voided_amount": released,
            "currency": authorisation["currency"],
        },
    )


def renew(desk: Desk, authorisation: sqlite3.Row) -> Answer:
    refusal_code = _unusable(authorisation)
    if refusal_code is None and captured_amount(desk.db, authorisation["id"]) == authorisation["amount"]:
        refusal_code = "already_captured"
    expires_at = authorisation["expires_at"]
    if refusal_code is None:
        expires_at = stamp(now() + desk.terms.lifetime)
        desk.db.execute("UPDATE authorisation SET expires_at = ? WHERE id = ?", (expires_at, authorisation["id"]))
        desk.enter(authorisation, desk.request.identifier("renew"), 0, None)
    status = "renewed" if refusal_code is None else "refused"
    return Answer(
        status=200,
        body={
            "id": authorisation["id"],
            "status": status,
            "refusal_code": refusal_code,
            "expires_at": expires_at,
        },
    )


def refund(desk: Desk, authorisation: sqlite3.Row, captured: sqlite3.Row, body: AmountBody) -> Answer:
    refusal_code = None
    if captured["status"] != "captured":
        refusal_code = "not_captured"
    elif refunded_amount(desk.db, captured["id"]) + body.amount > captured["amount"]:
        refusal_code = "exceeds_captured"
    identifier = desk.request.identifier("ref")
    if refusal_code is None:
        desk.db.execute("INSERT INTO refund VALUES (?, ?, ?)", (identifier, captured["id"], body.amount))
        desk.enter(authorisation, identifier, body.amount, "payment.refunded")
    return Answer(
        status=201,
        body={
            "id": identifier,
            "status": "refunded" if refusal_code is None else "refused",
            "refusal_code": refusal_code,
            "capture_id": captured["id"],
            "amount": body.amount,
            "currency": authorisation["currency"],
        },
    )


def captured_amount(db: sqlite3.Connection, authorisation_id: str) -> int:
    row = db.execute(
        "SELECT coalesce(sum(amount), 0) FROM capture WHERE authorisation_id = ? AND status = 'captured'",
        (authorisation_id,),
    ).fetchone()
    return int(row[0])


def refunded_amount(db: sqlite3.Connection, capture_id: str) -> int:
    row = db.execute("SELECT coalesce(sum(amount), 0) FROM refund WHERE capture_id = ?", (capture_id,)).fetchone()
    return int(row[0])


def _decline_code(desk: Desk, body: AuthorisationBody, attempt: int) -> str | None:
    if body.token in tokens.DECLINES:
        return tokens.DECLINES[body.token]
    if desk.refusing:
        return "do_not_honour"
    if body.token in tokens.SCRIPTED:
        return None
    seed = desk.terms.rates.seed
    if draw(seed, "decline", body.reference, attempt) >= desk.terms.decline:
        return None
    return DECLINE_CODES[int(draw(seed, "decline code", body.reference, attempt) * len(DECLINE_CODES))]


def _capture_refusal(desk: Desk, authorisation: sqlite3.Row, amount: int) -> str | None:
    unusable = _unusable(authorisation)
    if unusable is not None:
        return unusable
    if captured_amount(desk.db, authorisation["id"]) + amount > authorisation["amount"]:
        return "exceeds_authorised"
    token = authorisation["token"]
    first = earlier(desk.db, "capture", authorisation["id"]) == 0
    if desk.refusing or token == tokens.EVERY_CAPTURE_REFUSED or (token == tokens.FIRST_CAPTURE_REFUSED and first):
        return "processor_declined"
    return None


def _unusable(authorisation: sqlite3.Row) -> str | None:
    if authorisation["status"] != "authorised":
        return str(authorisation["status"])
    return "expired" if authorisation["expires_at"] <= stamp(now()) else None


def _conflict(code: str, message: str) -> Answer:
    return Answer(status=409, body={"code": code, "message": message})

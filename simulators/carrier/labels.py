"""What the carrier allows with a label. Each function runs alone in a ledger transaction."""

import base64
import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct, field

from simulators.carrier import journey
from simulators.carrier.journey import Fate
from simulators.carrier.tariff import TARIFF, Place, Service, Weight, price, zone
from simulators.errors import RequestError
from simulators.faults import FaultRates, draw
from simulators.ledger import now, stamp
from simulators.operations import Answer, Request

REFUSED_POSTAL_CODE = "00000"
REFUSED_CITY = "Nowhere"
BOUGHT = (
    "id",
    "tracking_number",
    "reference",
    "service",
    "status",
    "amount",
    "currency",
    "promised_at",
    "label",
)

Text = Annotated[str, Meta(min_length=1, max_length=255)]


class Address(Place, frozen=True, kw_only=True):
    name: Text
    street: Text
    city: Text

    @property
    def lines(self) -> list[str]:
        return [self.name, self.street, f"{self.postal_code} {self.city}", self.country]


class LabelBody(Struct, frozen=True, kw_only=True):
    service: Service
    reference: Text
    origin: Address = field(name="from")
    to: Address
    weight_grams: Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How this carrier behaves."""

    rates: FaultRates
    refuse: float
    fate: Fate
    currency: str


@dataclass(frozen=True, slots=True)
class Desk:
    """One request at work in one transaction."""

    db: sqlite3.Connection
    terms: Terms
    request: Request
    refusing: bool

    def label(self, identifier: str) -> sqlite3.Row:
        """Raises RequestError when there is none."""
        row = self.db.execute("SELECT * FROM label WHERE id = ?", (identifier,)).fetchone()
        if row is None:
            raise RequestError(404, "not_found", f"There is no label {identifier}.")
        assert isinstance(row, sqlite3.Row)
        return row


def buy(desk: Desk, body: LabelBody) -> Answer:
    if desk.refusing or _refuses(desk.terms, body):
        desk.db.execute("INSERT INTO refusal (reference, at) VALUES (?, ?)", (body.reference, stamp(now())))
        message = f"The address of {body.to.name} in {body.to.city} is not served."
        return Answer(status=422, body={"code": "address_refused", "message": message})
    where = zone(body.origin, body.to)
    promised_at = stamp(now() + timedelta(days=TARIFF[body.service][where].days))
    tracking_number = _tracking_number(desk.request)
    amount = price(body.service, where, body.weight_grams, parcels=1)
    label = {
        "id": desk.request.identifier("lbl"),
        "tracking_number": tracking_number,
        "reference": body.reference,
        "service": body.service,
        "status": "bought",
        "amount": amount,
        "currency": desk.terms.currency,
        "promised_at": promised_at,
        "estimated_at": promised_at,
        "origin_city": body.origin.city,
        "to_city": body.to.city,
        "label": _print(tracking_number, body),
    }
    desk.db.execute(
        "INSERT INTO label VALUES (:id, :tracking_number, :reference, :service, :status, :amount, :currency,"
        " :promised_at, :estimated_at, :origin_city, :to_city, :label, NULL)",
        label,
    )
    journey.enter(desk.db, "buy_label", label, amount=amount, key=desk.request.key, at=stamp(now()))
    return Answer(status=201, body={name: label[name] for name in BOUGHT})


def void(desk: Desk, label: sqlite3.Row) -> Answer:
    match label["status"]:
        case "bought":
            desk.db.execute("UPDATE label SET status = 'voided' WHERE id = ?", (label["id"],))
            journey.enter(desk.db, "void", label, amount=label["amount"], key=desk.request.key, at=stamp(now()))
        case "handed_over" | "delivered":
            return _conflict("handed_over", "The parcel has been handed over.")
    return Answer(status=200, body={"id": label["id"], "status": "voided"})


def hand_over(desk: Desk, label: sqlite3.Row) -> Answer:
    at = label["handed_over_at"]
    match label["status"]:
        case "bought":
            at = stamp(now())
            desk.db.execute(
                "UPDATE label SET status = 'handed_over', handed_over_at = ? WHERE id = ?", (at, label["id"])
            )
            journey.enter(desk.db, "hand_over", label, key=desk.request.key, at=at)
            journey.plan(desk.db, desk.terms.fate, label, now())
        case "voided":
            return _conflict("voided", "The label was voided.")
    return Answer(status=202, body={"id": label["id"], "status": "handed_over", "handed_over_at": at})


def _refuses(terms: Terms, body: LabelBody) -> bool:
    if body.to.postal_code == REFUSED_POSTAL_CODE or body.to.city == REFUSED_CITY:
        return True
    return draw(terms.rates.seed, "refuse", body.reference, *body.to.lines) < terms.refuse


def _tracking_number(request: Request) -> str:
    digest = hashlib.sha256(f"tracking/{request.key}".encode()).digest()
    return f"CR{int.from_bytes(digest[:8], 'big') % 10**14:014d}"


def _print(tracking_number: str, body: LabelBody) -> str:
    head = [f"{body.service.upper()}  {tracking_number}", f"REF {body.reference}  {body.weight_grams} g"]
    text = "\n".join([*head, "", "FROM", *body.origin.lines, "", "TO", *body.to.lines, ""])
    return base64.b64encode(text.encode()).decode()


def _conflict(code: str, message: str) -> Answer:
    return Answer(status=409, body={"code": code, "message": message})

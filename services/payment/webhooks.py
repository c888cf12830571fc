"""The gateway's reports: signed after Standard Webhooks, read from the raw bytes, each taken once."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.payment.domain.messages import GatewayNotified
from shared.events.payload import CurrencyCode, MinorUnits, Name
from shared.eventsourcing.webhooks import Report, SignedReports, read_told

PREFIX = "payment."


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    reference: Name
    authorisation_id: Name
    operation_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: str = Field(default="", max_length=300)
    decline_code: str | None = Field(default=None, max_length=200)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    type: Literal[
        "payment.authorised", "payment.declined", "payment.captured", "payment.voided", "payment.refunded"
    ]
    data: _Data


KINDS = frozenset(f"{PREFIX}{kind}" for kind in ("authorised", "declined", "captured", "voided", "refunded"))


def reports(secret: str) -> SignedReports:
    """Reads the gateway's reports, signed with this secret."""
    return SignedReports(secret, KINDS, _read)


def _read(body: bytes) -> Report:
    message = _message(read_told(_Told, body))
    return Report(message.order_number, message)


def _message(told: _Told) -> GatewayNotified:
    data = told.data
    return GatewayNotified.model_validate(
        {
            "order_number": data.reference,
            "kind": told.type.removeprefix(PREFIX),
            "authorisation_id": data.authorisation_id,
            "operation_id": data.operation_id,
            "amount": data.amount,
            "currency": data.currency,
            "idempotency_key": data.idempotency_key,
            "code": data.decline_code or "",
        }
    )

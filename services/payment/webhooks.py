"""The gateway's notices: signed after Standard Webhooks, read from the raw bytes, each taken once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.payment.domain.messages import GatewayNotified
from shared.events.payload import CurrencyCode, MinorUnits, Name
from shared.eventsourcing.ids import named_id
from shared.eventsourcing.webhooks import Signatures, read_told

PREFIX = "payment."


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of the gateway; the id is the same for the same notice, however often it is delivered."""

    message_id: UUID
    message: GatewayNotified | None
    """None for a kind of notice that the service has no use for."""


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    type: str


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


class SignedNotices:
    """Reads notices signed with one secret."""

    def __init__(self, secret: str) -> None:
        self._signatures = Signatures(secret)

    def read(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify and read one notice.

        Raises:
            BadSignature: it is not signed with the secret, or not now.
            Unreadable: it is, but says nothing that can be understood.
        """
        id = self._signatures.verified_id(headers, body)
        message_id = named_id(f"orderstream/webhooks/gateway/{id}")
        if read_told(_Envelope, body).type not in KINDS:
            return Notice(message_id, None)
        return Notice(message_id, _message(read_told(_Told, body)))


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

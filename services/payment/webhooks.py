"""The gateway's notices: signed after Standard Webhooks, read from the raw bytes, each taken once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.payment.domain.messages import GatewayNotified
from shared.events.payload import CurrencyCode, MinorUnits, Name

MOST_BYTES = 64 * 1024
"""The largest notice that is read."""
PREFIX = "payment."


class BadSignature(Exception):
    """The notice is not signed by the gateway, or was signed more than five minutes ago."""


class UnreadableNotice(Exception):
    """A signed notice without the fields that every notice has; one sentence."""


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
        self._webhook = Webhook(secret)

    def read(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify and read one notice.

        Raises:
            BadSignature: it is not signed with the secret, or not now.
            UnreadableNotice: it is, but says nothing that can be understood.
        """
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise BadSignature(str(error)) from None
        message_id = uuid5(NAMESPACE_URL, f"orderstream/webhooks/gateway/{headers['webhook-id']}")
        try:
            if _Envelope.model_validate_json(body).type not in KINDS:
                return Notice(message_id, None)
            told = _Told.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UnreadableNotice(f"{place}: {first['msg']}".removeprefix(": ")) from None
        return Notice(message_id, _message(told))


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

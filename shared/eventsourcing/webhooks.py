"""Webhooks of partners, signed after Standard Webhooks: raw bytes, bounded, believed when signed and recent."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.eventsourcing.problems import problem
from shared.eventsourcing.reading import first_fault

MOST_BYTES = 64 * 1024
"""The largest webhook that is read."""
SIGNED: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}
"""How a route of signed webhooks describes itself in OpenAPI: the headers of Standard Webhooks, and JSON."""

T = TypeVar("T", bound=BaseModel)


class BadSignature(Exception):
    """The webhook is not signed with the secret, or was signed more than five minutes ago."""


class Unreadable(Exception):
    """A signed webhook without the fields that every one of its kind has; one sentence."""


class Signatures:
    """Tells webhooks signed with one secret from all others."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    def verified_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """The id of a signed webhook: the same however often it is delivered.

        Raises:
            BadSignature: it is not signed with the secret, or not now.
        """
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise BadSignature(str(error)) from None
        return headers["webhook-id"]


def read_told(model: type[T], body: bytes) -> T:
    """What a signed webhook tells.

    Raises:
        Unreadable: it lacks a field, or has one that can't be understood.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Unreadable(first_fault(error)) from None


async def raw_body(request: Request) -> bytes:
    """The raw bytes, as the signature is over them; refused before they are all read when there are too many."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise problem(413, "Too large", f"a webhook holds {MOST_BYTES} bytes at most")
    return bytes(body)

"""Webhooks of partners, signed after Standard Webhooks: raw bytes, bounded, believed when signed and recent."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.events.payload import Payload
from shared.eventsourcing.definition import KeyParked, Submit
from shared.eventsourcing.ids import named_id
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


@dataclass(frozen=True, slots=True)
class Report:
    """What a partner says of an order."""

    order_number: str
    message: Payload


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report that the partner has signed; the id is the same however often it is delivered."""

    webhook_id: str
    report: Report | None
    """None for a kind of report that the service has no use for."""


class _Envelope(BaseModel, frozen=True):
    type: str


class SignedReports:
    """Reads the reports that one partner signs with one secret."""

    def __init__(self, secret: str, kinds: Collection[str], read: Callable[[bytes], Report]) -> None:
        """`kinds` are those that the service has a use for, and `read` reads one of them."""
        self._webhook = Webhook(secret)
        self._kinds = kinds
        self._read = read

    def read(self, headers: Mapping[str, str], body: bytes) -> SignedReport:
        """Verify and read one report.

        Raises:
            BadSignature: it is not signed with the secret, or not now.
            Unreadable: it is, but says nothing that can be understood.
        """
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise BadSignature(str(error)) from None
        of_use = read_told(_Envelope, body).type in self._kinds
        return SignedReport(headers["webhook-id"], self._read(body) if of_use else None)


def taking(partner: str, reports: SignedReports, submit: Submit) -> APIRouter:
    """The route by which a partner reports. It asks for no API key: the signature says who calls."""
    routes = APIRouter(tags=["webhooks"])

    @routes.post(
        f"/webhooks/{partner}",
        status_code=204,
        summary=f"A report of the {partner}, signed",
        openapi_extra=SIGNED,
    )
    async def take(request: Request) -> Response:
        body = await _raw(request)
        try:
            signed = reports.read(request.headers, body)
        except BadSignature as error:
            raise problem(401, "Bad signature", str(error)) from None
        except Unreadable as error:
            raise problem(422, "Unreadable report", str(error)) from None
        if report := signed.report:
            # A parked key keeps the report and decides it later: there is nothing to send again.
            with suppress(KeyParked):
                await submit(
                    report.message,
                    partition_key=report.order_number,
                    correlation_id=report.order_number,
                    actor=partner,
                    message_id=named_id(f"orderstream/webhooks/{partner}/{signed.webhook_id}"),
                    patient=True,
                )
        return Response(status_code=204)

    return routes


def read_told(model: type[T], body: bytes) -> T:
    """What a signed webhook tells.

    Raises:
        Unreadable: it lacks a field, or has one that can't be understood.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Unreadable(first_fault(error)) from None


async def _raw(request: Request) -> bytes:
    """The raw bytes, as the signature is over them; refused before they are all read when there are too many."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise problem(413, "Too large", f"a webhook holds {MOST_BYTES} bytes at most")
    return bytes(body)

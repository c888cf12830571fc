"""The carrier's reports: signed after Standard Webhooks, read from the raw bytes, each taken once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.shipping.domain.messages import ParcelTracked
from services.shipping.domain.shipment import order_number_of
from shared.events.payload import Instant, Name
from shared.events.shipping import TrackingStatus
from shared.eventsourcing.ids import named_id
from shared.eventsourcing.webhooks import Signatures, read_told

PREFIX = "parcel."
KINDS = frozenset(f"{PREFIX}{status}" for status in get_args(TrackingStatus))


@dataclass(frozen=True, slots=True)
class Report:
    """A report of the carrier; the id is the same for the same report, however often it is delivered."""

    message_id: UUID
    message: ParcelTracked | None
    """None for a kind of report that the service has no use for."""


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    type: str


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    tracking_number: Name
    reference: Name
    occurred_at: Instant
    location: str | None = Field(default=None, max_length=1_000)
    estimated_at: Instant | None = None
    reason: str | None = Field(default=None, max_length=2_000)


class _Told(_Envelope):
    data: _Data


class SignedReports:
    """Reads reports signed with one secret."""

    def __init__(self, secret: str) -> None:
        self._signatures = Signatures(secret)

    def read(self, headers: Mapping[str, str], body: bytes) -> Report:
        """Verify and read one report.

        Raises:
            BadSignature: it is not signed with the secret, or not now.
            Unreadable: it is, but says nothing that can be understood.
        """
        id = self._signatures.verified_id(headers, body)
        message_id = named_id(f"orderstream/webhooks/carrier/{id}")
        if read_told(_Envelope, body).type not in KINDS:
            return Report(message_id, None)
        return Report(message_id, _message(read_told(_Told, body)))


def _message(told: _Told) -> ParcelTracked:
    data = told.data
    return ParcelTracked.model_validate(
        {
            "order_number": order_number_of(data.reference),
            "fulfilment_id": data.reference,
            "tracking_number": data.tracking_number,
            "status": told.type.removeprefix(PREFIX),
            "occurred_at": data.occurred_at,
            "location": data.location or "",
            "estimated_at": data.estimated_at,
            "explanation": data.reason or "",
        }
    )

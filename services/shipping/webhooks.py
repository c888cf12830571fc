"""The carrier's reports: signed after Standard Webhooks, read from the raw bytes, each taken once."""

from typing import get_args

from pydantic import BaseModel, ConfigDict, Field

from services.shipping.domain.messages import ParcelTracked
from services.shipping.domain.shipment import order_number_of
from shared.events.payload import Instant, Name
from shared.events.shipping import TrackingStatus
from shared.eventsourcing.webhooks import Report, SignedReports, read_told

PREFIX = "parcel."
KINDS = frozenset(f"{PREFIX}{status}" for status in get_args(TrackingStatus))


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    tracking_number: Name
    reference: Name
    occurred_at: Instant
    location: str | None = Field(default=None, max_length=1_000)
    estimated_at: Instant | None = None
    reason: str | None = Field(default=None, max_length=2_000)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    type: str
    data: _Data


def reports(secret: str) -> SignedReports:
    """Reads the carrier's reports, signed with this secret."""
    return SignedReports(secret, KINDS, _read)


def _read(body: bytes) -> Report:
    message = _message(read_told(_Told, body))
    return Report(message.order_number, message)


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

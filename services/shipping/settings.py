"""The settings of the shipping service, beside those of every service."""

from pathlib import Path

from pydantic import Field, SecretStr

from services.shipping.domain.policy import Warehouse
from services.shipping.origins import STORE
from shared.events.values import Address
from shared.eventsourcing.settings import GatherSeconds, ServiceSettings, WebhookSecret


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`."""

    gather_s: GatherSeconds = 0.1
    """A parcel takes longer than that."""
    carrier_url: str = Field(pattern=r"^https?://\S+$")
    """Where the carrier answers."""
    carrier_key: SecretStr = Field(min_length=1)
    """What the carrier knows the service by."""
    carrier_webhook_secret: WebhookSecret
    """What the carrier signs its reports with: `whsec_` and base64."""
    carrier_timeout_s: float = Field(default=2.0, gt=0, le=60)
    """No answer within this time is an unknown outcome."""
    carrier_connections: int = Field(default=64, ge=1, le=1_000)
    """Connections to the carrier at most, and so the questions under way at once."""
    warehouse: Warehouse = "automatic"
    """Whether the service confirms picking, packing and hand-over itself, or people do (`manual`)."""
    picking_s: float = Field(default=0.0, ge=0, le=86_400)
    """How long the automatic warehouse picks."""
    locations: Path | None = None
    """TOML with a table for each location and its address in it, which parcels leave from; without one the three
    warehouses of the demo."""
    other_location: Address = STORE
    """Where parcels leave from at a location that is not listed."""

"""The settings of the shipping service, beside those of every service."""

from pydantic import Field, SecretStr, field_validator
from standardwebhooks.webhooks import Webhook

from services.shipping.domain.policy import Warehouse
from shared.events.values import Address
from shared.eventsourcing.settings import GatherSeconds, ServiceSettings


def _warehouse(name: str, street: str, city: str, postal_code: str, region: str) -> Address:
    return Address(name=name, street=street, city=city, postal_code=postal_code, region=region, country="US")


def _default_locations() -> dict[str, Address]:
    return {
        "WH-EAST": _warehouse("Warehouse East", "1 Dock Rd", "Newark", "07101", "NJ"),
        "WH-CENTRAL": _warehouse("Warehouse Central", "100 Airways Blvd", "Memphis", "38118", "TN"),
        "WH-WEST": _warehouse("Warehouse West", "20 Desert Way", "Reno", "89502", "NV"),
    }


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`."""

    gather_s: GatherSeconds = 0.1
    """A parcel takes longer than that."""
    carrier_url: str = Field(pattern=r"^https?://\S+$")
    carrier_key: SecretStr
    carrier_webhook_secret: SecretStr
    """What the carrier signs its reports with: `whsec_` and base64."""
    carrier_timeout_seconds: float = Field(default=2.0, gt=0, le=60)
    """No answer within this time is an unknown outcome."""
    carrier_connections: int = Field(default=64, ge=1, le=1_000)
    warehouse: Warehouse = "automatic"
    """Whether the service confirms picking, packing and hand-over itself, or people do (`manual`)."""
    picking_seconds: float = Field(default=0.0, ge=0, le=86_400)
    """How long the automatic warehouse picks."""
    locations: dict[str, Address] = Field(default_factory=_default_locations)
    """Where parcels leave from: an address for each location."""
    other_location: Address = _warehouse("Store", "1014 Vine St", "Cincinnati", "45202", "OH")
    """Where parcels leave from at a location that is not listed."""

    @field_validator("carrier_webhook_secret")
    @classmethod
    def _signs(cls, value: SecretStr) -> SecretStr:
        try:
            Webhook(value.get_secret_value())
        except Exception:
            raise ValueError("it must be whsec_ followed by base64") from None
        return value

"""The settings of the payment service, beside those of every service."""

from pydantic import Field, SecretStr

from shared.eventsourcing.settings import ServiceSettings, WebhookSecret


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`."""

    gateway_url: str = Field(pattern=r"^https?://\S+$")
    """Where the gateway answers."""
    gateway_key: SecretStr = Field(min_length=1)
    """What the gateway knows the service by."""
    gateway_webhook_secret: WebhookSecret
    """What the gateway signs its notices with: `whsec_` and base64."""
    gateway_timeout_s: float = Field(default=2.0, gt=0, le=60)
    """No answer within this time is an unknown outcome."""
    gateway_connections: int = Field(default=64, ge=1, le=1_000)
    """Connections to the gateway at most, and so the questions under way at once."""

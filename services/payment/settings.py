"""The settings of the payment service, beside those of every service."""

from base64 import b64decode

from pydantic import Field, SecretStr, field_validator

from shared.eventsourcing.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`."""

    gateway_url: str = Field(pattern=r"^https?://\S+$")
    gateway_key: SecretStr
    gateway_webhook_secret: SecretStr
    """What the gateway signs its notices with: `whsec_` and base64."""
    gateway_timeout_seconds: float = Field(default=2.0, gt=0, le=60)
    """No answer within this time is an unknown outcome."""
    gateway_connections: int = Field(default=64, ge=1, le=1_000)

    @field_validator("gateway_webhook_secret")
    @classmethod
    def _signs(cls, value: SecretStr) -> SecretStr:
        prefix, found, key = value.get_secret_value().partition("whsec_")
        try:
            signs = bool(b64decode(key, validate=True))
        except ValueError:
            signs = False
        if prefix or not found or not signs:
            raise ValueError("it must be whsec_ followed by base64")
        return value

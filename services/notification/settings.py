"""The settings of the notification service, beside those of every service."""

from email.headerregistry import Address
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from shared.eventsourcing.settings import GatherSeconds, ServiceSettings


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`."""

    gather_s: GatherSeconds = 0.2
    """Nobody waits for a letter."""
    smtp_host: str
    """The mail server's name or address."""
    smtp_port: int = Field(ge=1, le=65_535)
    """Its port."""
    smtp_username: str = ""
    """Empty: no login."""
    smtp_password: SecretStr = SecretStr("")
    """For the login."""
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    """`starttls` encrypts after the greeting, `tls` from the first byte."""
    smtp_connections: int = Field(default=4, ge=1, le=100)
    """Connections that are kept open, and so the mails under way at once."""
    mail_from: str
    """The address that notices come from."""
    mail_from_name: str = ""
    """The name shown beside it."""

    @field_validator("mail_from")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        address = Address(addr_spec=value)
        if not address.username or not address.domain:
            raise ValueError(f"{value} is not a mail address")
        return value

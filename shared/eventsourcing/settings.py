"""Settings that every service has, read from the environment (`OMS_…`)."""

from base64 import b64decode
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from shared.eventsourcing.api_keys import ApiKey
from shared.eventsourcing.gathering import GATHER_S
from shared.eventsourcing.kafka.settings import KafkaSettings
from shared.eventsourcing.postgres.settings import DatabaseSettings


def _signs(value: SecretStr) -> SecretStr:
    prefix, found, key = value.get_secret_value().partition("whsec_")
    try:
        signs = bool(b64decode(key, validate=True))
    except ValueError:
        signs = False
    if prefix or not found or not signs:
        raise ValueError("it must be whsec_ followed by base64")
    return value


GatherSeconds = Annotated[float, Field(ge=0, le=5)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_signs)]
"""What a partner signs webhooks with, after Standard Webhooks."""


class ServiceSettings(KafkaSettings, DatabaseSettings):
    """Where a service finds its database and its broker, and who may call it."""

    database_connections: int = Field(default=8, ge=2, le=100)
    """The most connections that the service keeps to its database."""

    topic_prefix: str = "orderstream"
    """What the names of all topics and consumer groups begin with, before a full stop; the same for all five."""

    http_host: str = "127.0.0.1"
    """The address that the service listens on; `0.0.0.0` is every one of the machine."""
    http_port: int = Field(default=8080, ge=0, le=65535)
    """The port that it listens on; 0 takes any that is free."""
    api_keys: tuple[ApiKey, ...] = ()
    """Who may call, and what for: see [API keys](#api-keys). Without a key nobody may."""
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024)
    """A larger request body is refused."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least grave of what is logged."""
    instance: str = Field(default="", pattern="^[^/]*$")
    """Names this process among the instances of its service, without a slash. Who starts under the name of one
    that died takes over at once what it left, so two that live at the same time have two names; empty: made of
    host and process id."""
    takeover_s: float = Field(default=10.0, ge=1, le=300)
    """How long after a process was last heard of others take over its lanes and partitions. The brokers have a
    lower limit as well (`group.min.session.timeout.ms`)."""
    gather_s: GatherSeconds = GATHER_S
    """How long messages gather at the broker after a batch of a few. More saves processor time; whoever waits for
    an answer waits longer."""
    failpoint: str = ""
    """Tests only: where this process kills itself, for example `after_claim:3`."""

"""Settings that every service has, read from the environment (`OMS_…`)."""

import ssl
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FilePath, SecretStr, model_validator

from shared.eventsourcing.api_keys import ApiKey
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.postgres.settings import DatabaseSettings
from shared.eventsourcing.tls import client_context


def _dividing_the_lanes(partitions: int) -> int:
    if partitions < 1 or LANES % partitions:
        raise ValueError(f"the number of partitions divides {LANES}")
    return partitions


class ServiceSettings(DatabaseSettings):
    """Where a service finds its database and its broker, and who may call it."""

    database_connections: int = Field(default=8, ge=2, le=100)

    kafka_bootstrap: str
    """`host:port`, several joined by commas."""
    kafka_tls: bool = False
    kafka_ca_file: FilePath | None = None
    """Whom to trust; without it the authorities of the system."""
    kafka_certificate_file: FilePath | None = None
    """The client's certificate for mutual TLS."""
    kafka_key_file: FilePath | None = None
    kafka_sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_partitions: Annotated[int, AfterValidator(_dividing_the_lanes)] = 8
    """Partitions of every topic; they divide 64."""
    topic_prefix: str = "orderstream"

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    api_keys: tuple[ApiKey, ...] = ()
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024)
    """A larger request body is refused."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    instance: str = ""
    """Names this process among the instances of its service. Who starts under the name of one that died takes over
    at once what it left, so two that live at the same time have two names; empty: made of host and process id."""
    takeover_s: float = Field(default=10.0, ge=1, le=300)
    """How long after a process was last heard of others take over its lanes and partitions. The brokers have a
    lower limit as well (`group.min.session.timeout.ms`)."""
    failpoint: str = ""
    """Tests only: where this process kills itself, for example `after_claim:3`."""

    @model_validator(mode="after")
    def _kafka_is_as_secure_as_stated(self) -> Self:
        """What is stated and not used would be missed only when somebody has listened in."""
        if not self.kafka_tls and (self.kafka_ca_file or self.kafka_certificate_file):
            raise ValueError("certificates of Kafka want OMS_KAFKA_TLS=true")
        if not self.kafka_sasl_mechanism and self.kafka_username:
            raise ValueError("OMS_KAFKA_USERNAME wants an OMS_KAFKA_SASL_MECHANISM")
        return self

    def kafka_access(self) -> KafkaAccess:
        """Client settings of the cluster.

        Raises:
            ValueError: a file can't be used.
        """
        return KafkaAccess(
            bootstrap=self.kafka_bootstrap,
            tls=self._kafka_tls(),
            sasl_mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value(),
        )

    def _kafka_tls(self) -> ssl.SSLContext | None:
        if not self.kafka_tls:
            return None
        return client_context(
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
        )

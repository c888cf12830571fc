"""Settings of the way to the Kafka cluster, read from the environment (`OMS_KAFKA_…`)."""

import ssl
from typing import Annotated, Literal, Self

from aiokafka.abc import AbstractTokenProvider
from pydantic import AfterValidator, Field, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.events.topics import PARTITIONS
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.tls import client_context


def _dividing_the_lanes(partitions: int) -> int:
    if partitions < 1 or LANES % partitions:
        raise ValueError(f"the number of partitions divides {LANES}")
    return partitions


class KafkaSettings(BaseSettings):
    """Where a service's broker is, and how the connections are secured."""

    model_config = SettingsConfigDict(
        env_prefix="OMS_", frozen=True, extra="ignore", use_attribute_docstrings=True
    )

    kafka_bootstrap: str
    """`host:port`, several joined by commas."""
    kafka_tls: bool = False
    """Whether connections are encrypted; the broker's certificate is checked then."""
    kafka_ca_file: FilePath | None = None
    """Whom to trust; without it the authorities of the system."""
    kafka_certificate_file: FilePath | None = None
    """The client's certificate for mutual TLS."""
    kafka_key_file: FilePath | None = None
    """Its key, where that is not in the same file."""
    kafka_key_password: SecretStr = SecretStr("")
    """Of an encrypted key."""

    kafka_sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = ""
    """How the service says who it is; empty: it does not."""
    kafka_username: str = ""
    """For PLAIN and SCRAM."""
    kafka_password: SecretStr = SecretStr("")
    """For PLAIN and SCRAM."""
    kafka_oauth_token_url: str = Field(default="", pattern=r"^(https?://[^\s@]+)?$")
    """Where OAUTHBEARER gets its tokens, by the client credentials grant."""
    kafka_oauth_client_id: str = ""
    """Who the service is to the token endpoint."""
    kafka_oauth_client_secret: SecretStr = SecretStr("")
    """What proves it there."""
    kafka_oauth_scope: str = ""
    """What the tokens are to be good for, where the endpoint wants that said."""
    kafka_oauth_ca_file: FilePath | None = None
    """Whom to trust at the endpoint; without it the authorities of the system."""

    kafka_partitions: Annotated[int, AfterValidator(_dividing_the_lanes)] = PARTITIONS
    """Partitions of every topic, as `python -m deploy.local.topics --partitions` makes them; they divide 64."""

    @model_validator(mode="after")
    def _kafka_is_as_secure_as_stated(self) -> Self:
        """What is stated and not used would be missed only when somebody has listened in."""
        key = self.kafka_key_file or self.kafka_key_password
        if not self.kafka_tls and (self.kafka_ca_file or self.kafka_certificate_file or key):
            raise ValueError("certificates of Kafka want OMS_KAFKA_TLS=true")
        if key and not self.kafka_certificate_file:
            raise ValueError("a key for Kafka wants an OMS_KAFKA_CERTIFICATE_FILE")
        if self.kafka_oauth_ca_file and not self.kafka_oauth_token_url.startswith("https:"):
            raise ValueError("OMS_KAFKA_OAUTH_CA_FILE wants an OMS_KAFKA_OAUTH_TOKEN_URL with https")
        return self

    @model_validator(mode="after")
    def _a_mechanism_has_what_it_wants(self) -> Self:
        """And nothing is stated that only another one uses."""
        mechanism = self.kafka_sasl_mechanism
        by_password = {"USERNAME": self.kafka_username, "PASSWORD": self.kafka_password}
        by_token = {
            "OAUTH_TOKEN_URL": self.kafka_oauth_token_url,
            "OAUTH_CLIENT_ID": self.kafka_oauth_client_id,
            "OAUTH_CLIENT_SECRET": self.kafka_oauth_client_secret,
        }
        may_be = {"OAUTH_SCOPE": self.kafka_oauth_scope, "OAUTH_CA_FILE": self.kafka_oauth_ca_file}
        match mechanism:
            case "":
                wanted, idle = {}, {**by_password, **by_token, **may_be}
            case "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512":
                wanted, idle = by_password, {**by_token, **may_be}
            case "OAUTHBEARER":
                wanted, idle = by_token, by_password
        if missing := [f"OMS_KAFKA_{name}" for name, value in wanted.items() if not value]:
            raise ValueError(f"OMS_KAFKA_SASL_MECHANISM={mechanism} wants {', '.join(missing)}")
        if stated := [f"OMS_KAFKA_{name}" for name, value in idle.items() if value]:
            which = "another" if mechanism else "an"
            raise ValueError(f"{', '.join(stated)} wants {which} OMS_KAFKA_SASL_MECHANISM")
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
            tokens=self._kafka_tokens(),
        )

    def _kafka_tls(self) -> ssl.SSLContext | None:
        if not self.kafka_tls:
            return None
        return client_context(
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
            key_password=self.kafka_key_password.get_secret_value(),
        )

    def _kafka_tokens(self) -> AbstractTokenProvider | None:
        if self.kafka_sasl_mechanism != "OAUTHBEARER":
            return None
        from shared.eventsourcing.kafka.tokens import Tokens  # dear to import, and rarely wanted

        return Tokens(
            self.kafka_oauth_token_url,
            client_id=self.kafka_oauth_client_id,
            client_secret=self.kafka_oauth_client_secret.get_secret_value(),
            scope=self.kafka_oauth_scope,
            tls=client_context(ca_file=self.kafka_oauth_ca_file),
        )

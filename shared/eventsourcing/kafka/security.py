"""How to reach a Kafka cluster: address, TLS and SASL."""

import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from faststream.security import BaseSecurity, SASLOAuthBearer, SASLPlaintext, SASLScram256, SASLScram512


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAccess:
    """Client settings of a Kafka cluster."""

    bootstrap: str
    tls: ssl.SSLContext | None = None
    sasl_mechanism: str = ""
    """PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; empty for none."""
    username: str = ""
    password: str = ""
    tokens: AbstractTokenProvider | None = None
    """For OAUTHBEARER, instead of a user's name and password."""

    def for_client(self) -> dict[str, Any]:
        """Keyword arguments of aiokafka's clients."""
        transport = "SSL" if self.tls else "PLAINTEXT"
        settings: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.tls:
            settings["ssl_context"] = self.tls
        if self.sasl_mechanism:
            transport = f"SASL_{transport}"
            settings["sasl_mechanism"] = self.sasl_mechanism
            if self.tokens is not None:
                settings["sasl_oauth_token_provider"] = self.tokens
            else:
                settings |= {"sasl_plain_username": self.username, "sasl_plain_password": self.password}
        return {**settings, "security_protocol": transport}

    def for_faststream(self) -> dict[str, Any]:
        """The same as FastStream's broker wants it.

        Raises:
            ValueError: an unknown SASL mechanism.
        """
        # Its class for OAUTHBEARER has no place for the tokens.
        return {"security": self._security(), "sasl_oauth_token_provider": self.tokens}

    def _security(self) -> BaseSecurity:
        use_ssl = self.tls is not None
        match self.sasl_mechanism:
            case "":
                return BaseSecurity(ssl_context=self.tls, use_ssl=use_ssl)
            case "PLAIN":
                return SASLPlaintext(self.username, self.password, ssl_context=self.tls, use_ssl=use_ssl)
            case "SCRAM-SHA-256":
                return SASLScram256(self.username, self.password, ssl_context=self.tls, use_ssl=use_ssl)
            case "SCRAM-SHA-512":
                return SASLScram512(self.username, self.password, ssl_context=self.tls, use_ssl=use_ssl)
            case "OAUTHBEARER":
                return SASLOAuthBearer(ssl_context=self.tls, use_ssl=use_ssl)
            case unknown:
                raise ValueError(
                    f"unknown SASL mechanism {unknown}: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
                )

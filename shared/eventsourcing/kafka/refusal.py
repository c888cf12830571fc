"""Why a cluster lets nobody in: aiokafka's clients say only that they found no broker."""

import ssl

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from shared.eventsourcing.broker import BrokerAway, BrokerUnavailable
from shared.eventsourcing.kafka.security import KafkaAccess

REFUSALS = (SaslAuthenticationFailed, UnsupportedSaslMechanismError, ssl.SSLCertVerificationError)
"""What client and broker refuse one another for; trying again mends none of it."""
PASSING = (ConnectionError, KafkaConnectionError, TimeoutError)
"""Of a broker that starts or is away."""
PATIENCE_MS = 5_000


async def cause_of(failure: Exception, access: KafkaAccess) -> Exception:
    """Why a client did not start: what one more connection fails with, or the failure itself where it succeeds.

    Of several brokers one that answers says more than one that is away.
    """
    settings = access.for_client()
    found: list[Exception] = []
    for host, port, _ in collect_hosts(settings.pop("bootstrap_servers"), randomize=False):
        try:
            connection = await create_conn(host, port, request_timeout_ms=PATIENCE_MS, **settings)
        except (KafkaError, OSError) as error:
            found.append(error)
        else:
            connection.close()
    return next((one for one in found if isinstance(one, REFUSALS)), found[0] if found else failure)


def unavailable(access: KafkaAccess, error: Exception) -> BrokerUnavailable:
    """An error as the broker port knows it, in one line."""
    kind = BrokerAway if isinstance(error, PASSING) else BrokerUnavailable
    return kind(f"no broker at {access.bootstrap}: {str(error) or type(error).__name__}")

"""The way to a stack's Kafka: its address from stack.json, TLS and SASL from `OMS_KAFKA_…` as for services."""

from pydantic import ValidationError

from deploy.local.description import Description
from oms.errors import Unreachable, WrongUsage
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.kafka.settings import KafkaSettings
from shared.eventsourcing.postgres.settings import faults_of


def kafka_access(stack: Description) -> KafkaAccess:
    """Client settings of the stack's Kafka.

    Raises:
        Unreachable: stack.json does not say where it is.
        WrongUsage: the settings are wrong.
    """
    if not stack.kafka:
        raise Unreachable("stack.json gives no kafka, which `oms publish` and `oms verify` need")
    try:
        return KafkaSettings(kafka_bootstrap=stack.kafka).kafka_access()
    except ValidationError as wrong:
        raise WrongUsage(faults_of(wrong)) from None
    except ValueError as unusable:
        raise WrongUsage(str(unusable)) from None

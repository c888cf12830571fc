"""The payment service, put together."""

from functools import partial

from services.payment.api import routers
from services.payment.domain.messages import INTERNAL
from services.payment.domain.model import model
from services.payment.effects import effects
from services.payment.http_gateway import HttpGateway
from services.payment.settings import Settings
from services.payment.translate import TOPICS, translate
from services.payment.views import VIEWS
from services.payment.webhooks import reports
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.service import run


def definition(settings: Settings) -> ServiceDefinition:
    """What the service is made of, under these settings."""
    gateway = HttpGateway(
        settings.gateway_url,
        settings.gateway_key.get_secret_value(),
        timeout_s=settings.gateway_timeout_s,
        connections=settings.gateway_connections,
    )
    signed = reports(settings.gateway_webhook_secret.get_secret_value())
    return ServiceDefinition(
        model=model(),
        topics=TOPICS,
        translate=translate,
        internal=INTERNAL,
        effects=effects(gateway),
        views=VIEWS,
        routers=partial(routers, reports=signed),
        resources=(gateway,),
    )


def main() -> None:
    """Run the service until it is told to stop."""
    run("payment", definition, Settings)

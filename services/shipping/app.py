"""The shipping service, put together."""

from datetime import timedelta
from functools import partial

from services.shipping.api import routers
from services.shipping.domain.messages import INTERNAL
from services.shipping.domain.model import model
from services.shipping.domain.policy import Policy
from services.shipping.effects import effects
from services.shipping.http_carrier import HttpCarrier
from services.shipping.origins import DEMO, Origins, load_addresses
from services.shipping.settings import Settings
from services.shipping.translate import TOPICS, translate
from services.shipping.views import VIEWS
from services.shipping.webhooks import reports
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.service import run


def definition(settings: Settings) -> ServiceDefinition:
    """What the service is made of, under these settings.

    Raises:
        BadFile: the locations can't be used.
    """
    policy = Policy(warehouse=settings.warehouse, picking_takes=timedelta(seconds=settings.picking_s))
    carrier = HttpCarrier(
        settings.carrier_url,
        settings.carrier_key.get_secret_value(),
        timeout_s=settings.carrier_timeout_s,
        connections=settings.carrier_connections,
    )
    signed = reports(settings.carrier_webhook_secret.get_secret_value())
    known = load_addresses(settings.locations) if settings.locations else DEMO
    origins = Origins(known=known, other=settings.other_location)
    return ServiceDefinition(
        model=model(policy),
        topics=TOPICS,
        translate=translate,
        internal=INTERNAL,
        effects=effects(carrier, origins),
        views=VIEWS,
        routers=partial(routers, reports=signed),
        resources=(carrier,),
    )


def main() -> None:
    """Run the service until it is told to stop."""
    run("shipping", definition, Settings)

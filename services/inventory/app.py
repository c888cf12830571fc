"""The inventory service, put together."""

from services.inventory.api import routers
from services.inventory.domain.messages import INTERNAL
from services.inventory.domain.model import model
from services.inventory.domain.policy import Policy
from services.inventory.locations import load_locations
from services.inventory.settings import Settings
from services.inventory.translate import TOPICS, translate
from services.inventory.views import VIEWS
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.service import run


def definition(settings: Settings) -> ServiceDefinition:
    """What the service is made of, under these settings.

    Raises:
        BadFile: the locations can't be used.
    """
    policy = Policy(locations=load_locations(settings.locations)) if settings.locations else Policy()
    return ServiceDefinition(
        model=model(policy),
        topics=TOPICS,
        translate=translate,
        internal=INTERNAL,
        views=VIEWS,
        routers=routers,
    )


def main() -> None:
    """Run the service until it is told to stop."""
    run("inventory", definition, Settings)

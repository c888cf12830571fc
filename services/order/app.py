"""The order service, put together."""

from services.order.api import routers
from services.order.domain.messages import INTERNAL
from services.order.domain.model import model
from services.order.review import load_review
from services.order.settings import Settings
from services.order.translate import TOPICS, translate
from services.order.views import VIEWS
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.service import run


def definition(settings: Settings) -> ServiceDefinition:
    """What the service is made of, under these settings.

    Raises:
        BadFile: the review's rules can't be used.
    """
    return ServiceDefinition(
        model=model(settings.policy(), load_review(settings.review_rules, settings.price_list)),
        topics=TOPICS,
        translate=translate,
        internal=INTERNAL,
        views=VIEWS,
        routers=routers,
    )


def main() -> None:
    """Run the service until it is told to stop."""
    run("order", definition, Settings)

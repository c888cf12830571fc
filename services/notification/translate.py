"""Which topics the service consumes, and how their records become messages."""

from services.notification.domain.model import model
from shared.events.registry import CONTRACT
from shared.eventsourcing.reading import read_contract

TOPICS: tuple[str, ...] = ("order.events", "shipping.events")
"""Of what comes on them, only what the model has a route for is read."""

translate = read_contract(
    {message.wire_type: message for message in model().routes if message.wire_type in CONTRACT}
)

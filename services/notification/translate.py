"""Which topics the service consumes, and how their records become messages."""

from services.notification.domain.model import model
from shared.events.registry import LISTENERS, in_contract
from shared.eventsourcing.reading import read_contract

TOPICS = LISTENERS["notification"]
"""Of what comes on them, only what the model has a route for is read."""

translate = read_contract(in_contract(model().routes))

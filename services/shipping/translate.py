"""Which topics the service consumes, and how their records become messages."""

from services.shipping.domain.model import model
from shared.events.registry import LISTENERS, in_contract
from shared.eventsourcing.reading import read_contract

TOPICS = LISTENERS["shipping"]

translate = read_contract(in_contract(model().routes))

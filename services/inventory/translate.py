"""Which topics the service consumes, and how their records become messages."""

from services.inventory.domain.model import model
from shared.events.registry import LISTENERS, in_contract
from shared.eventsourcing.reading import read_contract

TOPICS = LISTENERS["inventory"]

translate = read_contract(in_contract(model().routes))

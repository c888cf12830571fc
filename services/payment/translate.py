"""Which topics the service consumes, and how their records become messages."""

from services.payment.domain.model import model
from shared.events.registry import LISTENERS, in_contract
from shared.eventsourcing.reading import read_contract

TOPICS = LISTENERS["payment"]

translate = read_contract(in_contract(model().routes))

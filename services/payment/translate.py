"""Which topics the service consumes, and how their records become messages."""

from services.payment.domain.model import model
from shared.events.registry import CONTRACT, LISTENERS
from shared.eventsourcing.reading import read_contract

TOPICS = LISTENERS["payment"]

translate = read_contract(
    {message.wire_type: message for message in model().routes if message.wire_type in CONTRACT}
)

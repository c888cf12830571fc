"""Which topics the service consumes, and how their records become messages."""

from services.shipping.domain.model import RULES
from shared.events.registry import CONTRACT, LISTENERS
from shared.eventsourcing.reading import read_contract

TOPICS = LISTENERS["shipping"]

translate = read_contract({message.wire_type: message for message in RULES if message.wire_type in CONTRACT})

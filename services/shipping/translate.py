"""Which topics the service consumes, and how their records become messages."""

from services.shipping.domain.model import RULES
from shared.events.registry import CONTRACT
from shared.eventsourcing.reading import read_contract

TOPICS: tuple[str, ...] = ("shipping.commands",)

translate = read_contract({message.wire_type: message for message in RULES if message.wire_type in CONTRACT})

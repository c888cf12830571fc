"""Which topics the service consumes, and how their records become messages."""

from services.inventory.domain.model import model
from shared.events.registry import CONTRACT
from shared.eventsourcing.reading import read_contract

TOPICS: tuple[str, ...] = ("inventory.commands", "shipping.events")

translate = read_contract(
    {message.wire_type: message for message in model().routes if message.wire_type in CONTRACT}
)

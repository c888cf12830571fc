"""What the services of a world have recorded: each payload read once, all about one order together."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from deploy.local.topics import SERVICES
from shared.events.payload import Event
from shared.events.registry import CONTRACT
from shared.eventsourcing.store import LogEntry
from tests.simulation.world import World

EVENTS: Mapping[str, type[Event]] = {
    wire_type: message for wire_type, message in CONTRACT.items() if issubclass(message, Event)
}

E = TypeVar("E", bound=Event)


class Events(dict[UUID, Event]):
    """What the stored payloads say, each of them read once."""

    def of(self, entry: LogEntry) -> Event:
        event = self.get(entry.id)
        if event is None:
            event = self[entry.id] = EVENTS[entry.type].model_validate_json(entry.payload)
        return event


@dataclass(slots=True)
class Record:
    """All that was recorded about one order; the facts of each service in the order of their lane."""

    facts: list[tuple[LogEntry, Event]] = field(default_factory=list)

    def of(self, kind: type[E]) -> Iterator[E]:
        """The facts of one kind."""
        return (event for _, event in self.facts if type(event) is kind)


def about_orders(world: World, events: Events) -> Mapping[str, Record]:
    """What was recorded about each order, by its number."""
    records: dict[str, Record] = defaultdict(Record)
    for service in SERVICES:
        for entries in world.sites[service].tables.log.values():
            for entry in entries:
                if entry.kind == "event":
                    event = events.of(entry)
                    number = getattr(event, "order_number", "") or entry.stream.partition("-")[2]
                    records[number].facts.append((entry, event))
    return records

"""Parked messages: nobody overtakes them, they go on in the order in which they came, and none is lost."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.eventsourcing.store import Append
from tests.simulation.books import Books, Finding
from tests.simulation.site import Site


@dataclass(slots=True)
class Parked:
    """What is parked in each service, by its commits."""

    books: Books
    waiting: dict[str, dict[UUID, str]] = field(default_factory=lambda: defaultdict(dict))
    """Service to message to key, the oldest first."""

    def committed(self, service: str, append: Append) -> None:
        """A commit of a service, before anyone can see it."""
        waiting = self.waiting[service]
        if waiting:
            released = self._release(service, append.unparked)
            blocked = set(waiting.values()) - released
            for key in sorted({entry.partition_key for entry in append.entries} & blocked):
                self.books.find("parked keys are not overtaken", service, f"{key} went on")
        for message in append.parked:
            if message.blocking:
                waiting[message.id] = message.key

    def discarded(self, service: str, messages: Sequence[UUID]) -> None:
        """An operator has dropped what was parked."""
        for message in messages:
            self.waiting[service].pop(message, None)

    def judged(self, sites: Mapping[str, Site]) -> Iterator[Finding]:
        """What is neither released nor discarded, and gone."""
        for service, waiting in self.waiting.items():
            for message in sorted(waiting.keys() - sites[service].tables.parked.keys()):
                yield Finding("never lost", service, f"{message} was parked under {waiting[message]} and is gone")

    def _release(self, service: str, unparked: Sequence[UUID]) -> set[str]:
        """The keys that may go on with this commit."""
        waiting, keys = self.waiting[service], set[str]()
        for message in unparked:
            key = waiting.get(message, "")
            oldest = next((one for one, other in waiting.items() if other == key), None)
            if message != oldest:
                self.books.find("parked messages go on in order", service, f"{key} went on with {message}")
            waiting.pop(message, None)
            keys.add(key)
        return keys

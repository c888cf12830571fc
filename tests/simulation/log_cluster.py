"""A broker's cluster on which single partitions can lag behind the others."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import Context, copy_context

from shared.events.registry import LISTENERS
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.memory.broker import Cluster

Place = tuple[str, int]
_GROUPS: Mapping[str, list[str]] = {
    topic: [group for group, topics in LISTENERS.items() if topic in topics]
    for topic in {topic: None for topics in LISTENERS.values() for topic in topics}
}
"""Who reads each topic."""


class SlowCluster(Cluster):
    """What goes to a partition that is held back becomes visible later, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._held: dict[Place, list[Outgoing]] = {}
        self._awaiting: list[tuple[Collection[str], float, Callable[[], None]]] = []
        self._context: Context = copy_context()

    def append(self, message: Outgoing) -> None:
        place = message.topic, message.lane % self.partitions
        if self._awaiting:
            self._begin_to_lag(place)
        if place in self._held:
            self._held[place].append(message)
        else:
            super().append(message)

    def hold_back(self, topics: Collection[str], seconds: float, struck: Callable[[], None]) -> None:
        """Let a partition of these topics lag for a while, beginning with what comes next."""
        self._awaiting.append((topics, seconds, struck))

    def let_all_go(self) -> None:
        """No partition lags any longer."""
        self._awaiting.clear()
        for place in list(self._held):
            self._let_go(place)

    def written(self, topics: Collection[str]) -> Sequence[Place]:
        """The partitions of these topics that hold anything."""
        return sorted(place for place, records in self.topics.items() if place[0] in topics and records)

    def read_by(self, group: str) -> Sequence[Place]:
        """The partitions of which a group has read anything."""
        return sorted((topic, number) for (one, topic, number), to in self.offsets.items() if one == group and to)

    def repeat(self, place: Place, times: int) -> None:
        """Publish the last messages of a partition once more, as a producer does that missed an answer."""
        for record in self.topics.get(place, [])[-times:]:
            self.append(
                Outgoing(
                    topic=record.topic,
                    lane=record.partition,
                    key=record.key or b"",
                    value=record.value or b"",
                    headers=record.headers,
                )
            )

    def deliver_again(self, group: str, place: Place, times: int) -> None:
        """Take back a group's committed offset, as a rebalance in the middle of a batch does."""
        topic, partition = place
        committed = self.offsets.get((group, topic, partition), 0)
        self.offsets[group, topic, partition] = max(0, committed - times)
        self.rebalance(group)

    def unread(self) -> Iterator[str]:
        """Partitions that a service has yet to read."""
        for topic, partition in self._held:
            yield f"{topic}/{partition} is held back"
        for (topic, partition), records in self.topics.items():
            for group in _GROUPS.get(topic, ()):
                if self.offsets.get((group, topic, partition), 0) < len(records):
                    yield f"{group} has yet to read {topic}/{partition}"

    def _begin_to_lag(self, place: Place) -> None:
        for awaiting in [one for one in self._awaiting if place[0] in one[0]]:
            self._awaiting.remove(awaiting)
            _, seconds, struck = awaiting
            self._held.setdefault(place, [])
            self._loop.call_later(seconds, self._let_go, place, context=self._context)
            struck()

    def _let_go(self, place: Place) -> None:
        for message in self._held.pop(place, []):
            super().append(message)

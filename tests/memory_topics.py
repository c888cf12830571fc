"""The topics that the relays publish to, where the broker is in memory."""

from collections.abc import Callable, Iterator

from deploy.local.description import Description
from oms.verify.topics import TOPICS, Stretch, standing
from shared.eventsourcing.memory.broker import Cluster


class MemoryTopics:
    """Implements `Topics`, for simulations and tests."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._read: dict[tuple[str, int], int] = {}

    def read(self, stack: Description, see: Callable[[Stretch], None]) -> None:
        for stretch in self.stretches():
            see(stretch)

    def stretches(self) -> Iterator[Stretch]:
        """What came since the last time, one stretch of every partition."""
        for topic in TOPICS:
            for partition in range(self._cluster.partitions):
                yield self._news(topic, partition)

    def _news(self, topic: str, partition: int) -> Stretch:
        records = self._cluster.topics.get((topic, partition), [])
        start, end = (records[0].offset, records[-1].offset + 1) if records else (0, 0)
        read = self._read.get((topic, partition), 0)
        torn = start > read or end < read
        self._read[topic, partition] = end
        return Stretch(
            topic=topic,
            partition=partition,
            of=self._cluster.partitions,
            torn=torn,
            records=[
                standing(topic, partition, one.offset, one.headers)
                for one in records[0 if torn else read - start :]
            ],
        )

"""The topics that the relays publish to, read from Kafka."""

from collections.abc import Callable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.description import Description
from oms.verify.topic_reader import Record, TopicReader, client_settings
from oms.verify.topics import TOPICS, Stretch, standing


class ServiceTopics:
    """Implements `Topics`."""

    def __init__(self) -> None:
        self._reader = TopicReader()

    def read(self, stack: Description, see: Callable[[Stretch], None]) -> None:
        """Show what came since the last time, up to the ends as they are now.

        Raises:
            Unreachable: no broker answers.
        """
        start = len(stack.topic_prefix) + 1
        counts: dict[str, int] = {}

        async def ends(consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, int]:
            partitions = await _partitions(stack)
            consumer.assign(partitions)  # else each of the topics is looked up by itself, a tenth of a second each
            consumer.pause(*partitions)
            first = await consumer.beginning_offsets(partitions)
            last: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
            counts.update({one.topic: sum(other.topic == one.topic for other in partitions) for one in partitions})
            for one in partitions:
                torn = first[one] > self._reader.position(one) or last[one] < self._reader.position(one)
                if torn:
                    self._reader.go_to(one, first[one])
                see(Stretch(topic=one.topic[start:], partition=one.partition, of=counts[one.topic], torn=torn))
            return last

        def take(partition: TopicPartition, records: Sequence[Record]) -> None:
            topic = partition.topic[start:]
            found = [standing(topic, partition.partition, one.offset, one.headers) for one in records]
            see(Stretch(topic=topic, partition=partition.partition, of=counts[partition.topic], records=found))

        self._reader.read(stack, ends, take)


async def _partitions(stack: Description) -> list[TopicPartition]:
    """Those of the topics that are there: to ask for one that is not may make it."""
    admin = AIOKafkaAdminClient(**client_settings(stack))
    await admin.start()
    try:
        names = {f"{stack.topic_prefix}.{topic}" for topic in TOPICS}.intersection(await admin.list_topics())
        found = await admin.describe_topics(sorted(names)) if names else []
    finally:
        await admin.close()
    return [TopicPartition(one["topic"], part["partition"]) for one in found for part in one["partitions"]]

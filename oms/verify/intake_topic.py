"""The public intake topic, read up to where the order service has committed."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import OffsetAndMetadata

from deploy.local.description import Description
from oms.verify.intake import Taken, taken
from oms.verify.topic_reader import Record, TopicReader, client_settings
from shared.events.channel import ChannelOrderReceived
from shared.events.registry import topic_of

TOPIC = topic_of(ChannelOrderReceived)
CONSUMER = "order"
"""The service that takes the intake; its consumer group is named after it."""

COORDINATOR_TRIES = 20
COORDINATOR_PAUSE_S = 0.25


class IntakeTopic:
    """Implements `Intake`: reads the topic once, and on from there."""

    def __init__(self) -> None:
        self._reader = TopicReader()

    def news(self, stack: Description) -> list[Taken]:
        """What was taken since the last time.

        Raises:
            Unreachable: no broker answers.
        """
        read: list[Taken] = []

        async def ends(consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, int]:
            return await _committed(stack, f"{stack.topic_prefix}.{TOPIC}")

        def take(partition: TopicPartition, records: Sequence[Record]) -> None:
            read.extend(map(_taken, records))

        self._reader.read(stack, ends, take)
        return read


async def _committed(stack: Description, topic: str) -> dict[TopicPartition, int]:
    admin = AIOKafkaAdminClient(**client_settings(stack))
    await admin.start()
    try:
        offsets = await _offsets(admin, f"{stack.topic_prefix}.{CONSUMER}")
    finally:
        await admin.close()
    return {one: at.offset for one, at in offsets.items() if one.topic == topic and at.offset >= 0}


async def _offsets(admin: AIOKafkaAdminClient, group: str) -> Mapping[TopicPartition, OffsetAndMetadata]:
    for _ in range(COORDINATOR_TRIES):
        try:
            offsets: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:
            # A new cluster makes its groups when the first one is asked for.
            await asyncio.sleep(COORDINATOR_PAUSE_S)
        else:
            return offsets
    raise GroupCoordinatorNotAvailableError(f"the group {group} has no coordinator")


def _taken(record: Record) -> Taken:
    return taken(f"{TOPIC}/{record.partition}/{record.offset}", record.headers, record.value)

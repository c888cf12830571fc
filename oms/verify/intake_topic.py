"""The public intake topic, read up to where the order service has committed."""

import asyncio
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from deploy.local.description import Description
from oms.errors import Unreachable
from oms.verify.intake import Taken, order_in
from shared.events.channel import ChannelOrderReceived
from shared.events.cloudevents import read_message
from shared.events.registry import topic_of
from shared.eventsourcing.kafka.records import forgive_header_names

TOPIC = topic_of(ChannelOrderReceived)
CONSUMER = "order"
"""The service that takes the intake; its consumer group is named after it."""

COORDINATOR_TRIES = 20
COORDINATOR_PAUSE_S = 0.25
PAUSES_S = (0.5, 1.0, 2.0)
"""A broker that has just come back, or is very busy, is asked again."""


class IntakeTopic:
    """Implements `Intake`: reads the topic once, and on from there."""

    def __init__(self) -> None:
        self._read: dict[int, int] = {}

    def news(self, stack: Description) -> list[Taken]:
        """What was taken since the last time.

        Raises:
            Unreachable: no broker answers.
        """
        pauses = iter(PAUSES_S)
        while True:
            try:
                return asyncio.run(self._news(stack))
            except (KafkaError, OSError) as error:
                pause = next(pauses, None)
                if pause is None:
                    raise Unreachable(
                        f"Kafka does not answer at {stack.kafka} ({error}); see `oms status`"
                    ) from None
            time.sleep(pause)

    async def _news(self, stack: Description) -> list[Taken]:
        topic = f"{stack.topic_prefix}.{TOPIC}"
        committed = await _committed(stack, topic)
        ends = {partition: end for partition, end in committed.items() if end > self._read.get(partition, 0)}
        if not ends:
            return []
        forgive_header_names()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=stack.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            return await self._read_to(consumer, topic, ends)
        finally:
            await consumer.stop()

    async def _read_to(self, consumer: AIOKafkaConsumer, topic: str, ends: Mapping[int, int]) -> list[Taken]:
        open_partitions = {TopicPartition(topic, partition): end for partition, end in ends.items()}
        consumer.assign(list(open_partitions))
        for partition in open_partitions:
            consumer.seek(partition, self._read.get(partition.partition, 0))
        taken: list[Taken] = []
        while open_partitions:
            batches = await consumer.getmany(*open_partitions, timeout_ms=1_000, max_records=5_000)
            for partition, records in batches.items():
                end = open_partitions[partition]
                taken += [_taken(record) for record in records if record.offset < end]
            for partition in list(open_partitions):
                if await consumer.position(partition) >= open_partitions[partition]:
                    self._read[partition.partition] = open_partitions.pop(partition)
        return taken


async def _committed(stack: Description, topic: str) -> dict[int, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        offsets = await _offsets(admin, f"{stack.topic_prefix}.{CONSUMER}")
    finally:
        await admin.close()
    return {one.partition: at.offset for one, at in offsets.items() if one.topic == topic and at.offset >= 0}


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


def _taken(record: ConsumerRecord[bytes, bytes]) -> Taken:
    place = f"{TOPIC}/{record.partition}/{record.offset}"
    try:
        metadata, body = read_message(record.headers, record.value)
    except ValueError:
        return Taken(place, None)
    return Taken(place, order_in(body) if metadata.type == ChannelOrderReceived.wire_type else None)

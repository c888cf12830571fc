"""Reading topics of Kafka once, and on from there, without a group of one's own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError

from deploy.local.description import Description
from oms.errors import Unreachable
from oms.kafka import kafka_access
from shared.eventsourcing.kafka.records import forgive_header_names
from shared.eventsourcing.kafka.refusal import cause_of

PAUSES_S = (0.5, 1.0, 2.0)
"""A broker that has just come back, or is very busy, is asked again."""
ANSWER_S = 5.0
"""How long a broker may take to answer: one that hangs never says that it does."""
AT_ONCE = 5_000
FETCH_WAIT_MS = 50
"""Partitions that are read to their ends must not hold up the others."""

Record: TypeAlias = ConsumerRecord[Any, Any]
Ends = Callable[[AIOKafkaConsumer], Awaitable[Mapping[TopicPartition, int]]]
"""Up to which offsets to read."""
Take = Callable[[TopicPartition, Sequence[Record]], None]


def client_settings(stack: Description) -> dict[str, Any]:
    """What every client of Kafka is given that reads for a check."""
    return {**kafka_access(stack).for_client(), "request_timeout_ms": int(ANSWER_S * 1000)}


class TopicReader:
    """How far each partition has been read."""

    def __init__(self) -> None:
        self._read: dict[TopicPartition, int] = {}

    def position(self, partition: TopicPartition) -> int:
        """The offset after the last one that was taken."""
        return self._read.get(partition, 0)

    def go_to(self, partition: TopicPartition, offset: int) -> None:
        """Go on from another offset: what stood between is gone."""
        self._read[partition] = offset

    def read(self, stack: Description, ends: Ends, take: Take) -> None:
        """Hand over what came since the last time; a broker that fails is asked again and goes on from there.

        Raises:
            Unreachable: no broker answers.
        """
        pauses = iter(PAUSES_S)
        while True:
            before = dict(self._read)
            try:
                return asyncio.run(self._read_on(stack, ends, take))
            except (KafkaError, OSError) as error:
                if self._read != before:
                    pauses = iter(PAUSES_S)
                pause = next(pauses, None)
                if pause is None:
                    why = str(asyncio.run(cause_of(error, kafka_access(stack)))) or "no answer"
                    raise Unreachable(
                        f"Kafka does not answer at {stack.kafka} ({why}); see `oms status`"
                    ) from None
            time.sleep(pause)

    async def _read_on(self, stack: Description, ends: Ends, take: Take) -> None:
        forgive_header_names()
        consumer = AIOKafkaConsumer(
            **client_settings(stack),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            wanted = await ends(consumer)
            grown = {partition: end for partition, end in wanted.items() if end > self.position(partition)}
            if grown:
                await self._read_to(consumer, grown, take)
        finally:
            # Where it was waiting to ask a broker again it ends by the cancellation of its own task.
            with suppress(asyncio.CancelledError):
                await consumer.stop()

    async def _read_to(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], take: Take) -> None:
        consumer.assign(list(ends))
        for partition in ends:
            consumer.seek(partition, self.position(partition))
        quiet_since = time.monotonic()
        while ends:
            batches = await consumer.getmany(*ends, timeout_ms=1_000, max_records=AT_ONCE)
            if batches:
                quiet_since = time.monotonic()
            elif time.monotonic() > quiet_since + ANSWER_S:
                raise KafkaTimeoutError
            for partition, records in batches.items():
                take(partition, [record for record in records if record.offset < ends[partition]])
                self._read[partition] = min(records[-1].offset + 1, ends[partition])
            for partition in list(ends):
                if await consumer.position(partition) >= ends[partition]:
                    self._read[partition] = ends.pop(partition)
                    consumer.pause(partition)

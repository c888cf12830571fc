"""Whether the topics of a service are there, with the partitions that it counts on."""

import asyncio
from collections.abc import Collection

from aiokafka import AIOKafkaProducer

PAUSES_S = (0.5, 1, 2, 4, 8, 16)
"""Between the looks for topics that are not there: they may be in the making."""


async def fault_of_topics(producer: AIOKafkaProducer, topics: Collection[str], partitions: int) -> str:
    """What keeps messages from their partitions, in one line; empty: nothing does."""
    for pause in (*PAUSES_S, 0):
        numbers = await _numbers(producer, topics)
        if other := sorted(topic for topic, number in numbers.items() if number not in (0, partitions)):
            return f"OMS_KAFKA_PARTITIONS is {partitions}, but {other[0]} has {numbers[other[0]]} partitions"
        missing = sorted(topic for topic, number in numbers.items() if not number)
        if not missing:
            return ""
        await asyncio.sleep(pause)
    return f"topics are not there, or not for the service to see: {', '.join(missing)}"


async def _numbers(producer: AIOKafkaProducer, topics: Collection[str]) -> dict[str, int]:
    """How many partitions each has: 0 where it is unknown."""
    await producer.client.set_topics(topics)
    await producer.client.force_metadata_update()
    known = producer.client.cluster.partitions_for_topic
    return {topic: len(known(topic) or ()) for topic in topics}

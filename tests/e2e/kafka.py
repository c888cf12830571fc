"""What a partner does at the broker: publish messages, and read a topic from its beginning."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.record.util import calc_crc32c

from channels.publishing import OrderPublisher
from shared.events.channel import ChannelOrderReceived
from shared.events.topics import MAX_REQUEST_BYTES, PARTITIONS
from shared.eventsourcing.kafka.security import KafkaAccess

Headers = Sequence[tuple[str, bytes]]
CHECKSUM = slice(17, 21)
"""Where a record batch has its CRC-32C, which is of all that follows."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record of a topic."""

    place: str
    """`topic/partition/offset`, the topic without its prefix."""
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


async def publish_orders(bootstrap: str, prefix: str, orders: Sequence[ChannelOrderReceived]) -> None:
    async with OrderPublisher(KafkaAccess(bootstrap=bootstrap), prefix=prefix) as publisher:
        await publisher.publish(orders)


async def publish_bytes(
    bootstrap: str,
    prefix: str,
    topic: str,
    value: bytes | None,
    headers: Headers,
    key: bytes | None,
    partition: int | None = None,
) -> str:
    """Publish one record as it is, to the partition of its key or to another; returns its place."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="gzip", max_request_size=MAX_REQUEST_BYTES
    )
    await producer.start()
    try:
        sent = await producer.send_and_wait(
            f"{prefix}.{topic}", value, key=key, partition=partition, headers=list(headers)
        )
    finally:
        await producer.stop()
    return f"{topic}/{sent.partition}/{sent.offset}"


async def publish_many(
    bootstrap: str, prefix: str, topic: str, records: Sequence[tuple[bytes | None, bytes | None, Headers]]
) -> list[str]:
    """Publish records (key, value, headers) as they are, in their order; returns their places."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, max_request_size=MAX_REQUEST_BYTES)
    await producer.start()
    try:
        promises = [
            await producer.send(f"{prefix}.{topic}", value, key=key, headers=list(headers))
            for key, value, headers in records
        ]
        sent = await asyncio.gather(*promises)
    finally:
        await producer.stop()
    return [f"{topic}/{one.partition}/{one.offset}" for one in sent]


async def publish_with_header_name(bootstrap: str, prefix: str, topic: str, name: bytes, value: bytes) -> str:
    """Publish a record with a header whose name is any bytes, as clients in C can; returns its place."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        batch, stand_in = producer.create_batch(), "n" * len(name)
        batch.append(timestamp=None, key=None, value=value, headers=[(stand_in, b"")])
        data = bytearray(batch._build()).replace(stand_in.encode(), name)
        data[CHECKSUM] = calc_crc32c(bytes(data[CHECKSUM.stop :])).to_bytes(4, "big")
        batch._buffer = bytes(data)
        sent = await (await producer.send_batch(batch, f"{prefix}.{topic}", partition=0))
    finally:
        await producer.stop()
    return f"{topic}/{sent.partition}/{sent.offset}"


async def delete_before(bootstrap: str, prefix: str, place: str, *, with_it: bool = False) -> None:
    """Delete what stands in a partition before a place, as retention does, or up to it."""
    topic, partition, offset = place.split("/")
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        first = RecordsToDelete(before_offset=int(offset) + with_it)
        await admin.delete_records({TopicPartition(f"{prefix}.{topic}", int(partition)): first})
    finally:
        await admin.close()


async def read_topic(bootstrap: str, prefix: str, topic: str) -> list[Message]:
    """Everything in a topic, each partition in its order."""
    return [message async for message in messages_of(bootstrap, prefix, topic)]


async def messages_of(bootstrap: str, prefix: str, topic: str) -> AsyncIterator[Message]:
    """What is in a topic by now, each partition in its order, a few at a time in memory."""
    name = f"{prefix}.{topic}"
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(name, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(one) < ends[one] for one in partitions]):
            for records in (await consumer.getmany(*partitions, timeout_ms=500)).values():
                for one in records:
                    place = f"{topic}/{one.partition}/{one.offset}"
                    yield Message(place, one.key, one.value or b"", dict(one.headers))
    finally:
        await consumer.stop()

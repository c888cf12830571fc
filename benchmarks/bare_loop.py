"""The ceiling of a hop: a bare loop that consumes, stores two rows, publishes and commits, without any rule."""

import asyncio
import time
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.measure import Findings, Measure
from benchmarks.road import Road, scratch_database
from deploy.local.topics import Topic, create_topics

MESSAGES = 20_000
RUNS = 3
NAME = "bare consume, store, publish, commit"
CONFIGURATION = (
    f"{RUNS} runs of {MESSAGES:,} messages of 500 B by one process, after one to warm up: two rows each"
)
VALUE = (
    b'{"order_number":"7Q2M-XH4T-9KFD","lines":[{"line_id":"1","sku":"1029743","quantity":1}],"pad":"'
    + b"x" * 400
    + b'"}'
)


async def measure_bare_loop(road: Road) -> Findings:
    """Hops a second of one process."""
    async with scratch_database(road.description) as database:
        rates = await _rates(road.description.kafka, database)
    return Findings(measures=(Measure(name=NAME, unit="hops/s", runs=tuple(rates), note="ceiling"),))


async def _rates(kafka: str, database_url: str) -> list[float]:
    connection = await asyncpg.connect(database_url)
    rates = []
    try:
        await connection.execute("create table if not exists bare (id uuid primary key, body text)")
        for run in range(RUNS + 1):
            topics = [f"bench.bare.in.{uuid4().hex}", f"bench.bare.out.{uuid4().hex}"]
            await create_topics(kafka, [Topic(name=name, settings={}) for name in topics])
            await _fill(kafka, topics[0])
            began = time.perf_counter()
            await _loop(kafka, connection, topics[0], topics[1])
            if run:
                rates.append(MESSAGES / (time.perf_counter() - began))
    finally:
        await connection.close()
    return rates


async def _fill(kafka: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        await asyncio.gather(
            *[await producer.send(topic, VALUE, key=str(one).encode()) for one in range(MESSAGES)]
        )
    finally:
        await producer.stop()


async def _loop(kafka: str, connection: asyncpg.Connection, source: str, target: str) -> None:
    consumer = AIOKafkaConsumer(
        source,
        bootstrap_servers=kafka,
        group_id=f"bare-{source}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=2)
    await consumer.start()
    await producer.start()
    taken = 0
    try:
        while taken < MESSAGES:
            batches = await consumer.getmany(timeout_ms=100, max_records=500)
            records = [record for batch in batches.values() for record in batch]
            if not records:
                continue
            async with connection.transaction():
                await connection.execute(
                    "insert into bare select * from unnest($1::uuid[], $2::text[])",
                    [uuid4() for _ in range(2 * len(records))],
                    [record.value.decode() for record in records for _ in range(2)],
                )
            sent = [await producer.send(target, record.value, key=record.key) for record in records]
            await asyncio.gather(*sent)
            offsets = {TopicPartition(one.topic, one.partition): one.offset + 1 for one in records}
            await consumer.commit(offsets)
            taken += len(records)
    finally:
        await consumer.stop()
        await producer.stop()

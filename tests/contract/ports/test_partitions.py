"""Topics are there and have as many partitions as is stated, or nobody begins to work with them."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.description import Description
from deploy.local.errors import StackError
from deploy.local.topics import Topic, create_topics, delete_topics
from shared.eventsourcing.broker import BrokerUnavailable, Outgoing
from shared.eventsourcing.kafka import topics as kafka_topics
from shared.eventsourcing.kafka.broker import KafkaBroker
from shared.eventsourcing.kafka.security import KafkaAccess

A_MESSAGE = Outgoing(topic="order.events", lane=0, key=b"k", value=b"v", headers=[])


@pytest.fixture
async def prefix(infrastructure: Description) -> AsyncIterator[str]:
    """Names a topic of 8 partitions."""
    prefix = f"partitions-{uuid4().hex[:8]}"
    topic = Topic(name=f"{prefix}.order.events", settings={})
    await create_topics(infrastructure.kafka, [topic], partitions=8)
    await create_topics(infrastructure.kafka, [topic], partitions=8)  # so that not the controller alone knows it
    yield prefix
    await delete_topics(infrastructure.kafka, [topic.name])


def broker_of(bootstrap: str, prefix: str, partitions: int, *topics: str) -> KafkaBroker:
    access = KafkaAccess(bootstrap=bootstrap)
    return KafkaBroker(access, prefix=prefix, partitions=partitions, topics=topics, client_id="order-one")


@pytest.mark.parametrize("stated", [4, 16])
async def test_a_service_that_is_told_another_number_does_not_start_and_publishes_nothing(
    infrastructure: Description, prefix: str, stated: int
) -> None:
    broker = broker_of(infrastructure.kafka, prefix, stated, "order.events")

    said = rf"^OMS_KAFKA_PARTITIONS is {stated}, but {prefix}\.order\.events has 8 partitions$"
    with pytest.raises(BrokerUnavailable, match=said):
        await broker.start()
    with pytest.raises(BrokerUnavailable, match=said):
        await broker.publish([A_MESSAGE])
    await broker.stop()


async def test_a_service_waits_for_topics_in_the_making(infrastructure: Description, prefix: str) -> None:
    broker = broker_of(infrastructure.kafka, prefix, 8, "order.events", "order.commands")
    late = f"{prefix}.order.commands"

    starting = asyncio.create_task(broker.start())
    await asyncio.sleep(1)
    assert not starting.done()
    await create_topics(infrastructure.kafka, [Topic(name=late, settings={})], partitions=8)
    try:
        await starting
        published = await broker.publish([A_MESSAGE])
    finally:
        await broker.stop()
        await delete_topics(infrastructure.kafka, [late])

    assert list(published) == [True]


async def test_topics_that_do_not_come_are_named(
    infrastructure: Description, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_topics, "PAUSES_S", (0.1,))
    broker = broker_of(infrastructure.kafka, prefix, 8, "order.events", "order.commands")

    with pytest.raises(BrokerUnavailable, match=rf"^topics are not there, [^:]+: {prefix}\.order\.commands$"):
        await broker.start()
    await broker.stop()


async def test_topics_that_are_there_with_another_number_are_not_passed_over(
    infrastructure: Description, prefix: str
) -> None:
    topic = Topic(name=f"{prefix}.order.events", settings={})

    await create_topics(infrastructure.kafka, [topic], partitions=8)
    with pytest.raises(StackError, match=rf"than 16: {prefix}\.order\.events \(8\)$"):
        await create_topics(infrastructure.kafka, [topic], partitions=16)

"""What `oms verify` reads of the topics of the services, on a real Kafka."""

import asyncio
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from deploy.local.description import Description
from deploy.local.stack import Stack
from deploy.local.topics import create_topics, delete_topics, topics_of
from oms.verify.service_topics import ServiceTopics
from oms.verify.topics import TOPICS, Standing, Stretch
from shared.events.cloudevents import Metadata, headers_of
from shared.events.topics import PARTITIONS
from tests.e2e.kafka import delete_before, publish_many

TOPIC = "inventory.commands"
EVERYWHERE = set(product(TOPICS, range(PARTITIONS)))
"""Every partition of every topic."""


@pytest.fixture
def kafka(guest: Path) -> Iterator[Description]:
    """Topics and databases alone, as soon as the broker tells of every topic."""
    with Stack(guest, components=()) as stack:
        while True:
            seen: list[Stretch] = []
            ServiceTopics().read(stack.description, seen.append)
            if {(one.topic, one.partition) for one in seen} == EVERYWHERE:
                break
            time.sleep(0.05)
        yield stack.description


def publish(stack: Description, *numbers: int) -> None:
    """Publish messages under one key."""
    records = [(b"key", b"{}", headers_of(Metadata(id=str(one), source="/s", type="t.v1"))) for one in numbers]
    asyncio.run(publish_many(stack.kafka, stack.topic_prefix, TOPIC, records))


def read(topics: ServiceTopics, stack: Description) -> tuple[list[Standing], list[Stretch]]:
    """What came since the last time, and the partitions that lost something unread."""
    stretches: list[Stretch] = []
    topics.read(stack, stretches.append)
    assert {(one.topic, one.partition) for one in stretches} == EVERYWHERE
    assert {one.of for one in stretches} == {PARTITIONS}
    return [record for one in stretches for record in one.records], [one for one in stretches if one.torn]


def test_topics_are_read_once_and_on_from_there(kafka: Description) -> None:
    topics = ServiceTopics()

    assert read(topics, kafka) == ([], [])
    publish(kafka, 1, 2)
    first, _ = read(topics, kafka)
    publish(kafka, 3)

    assert [(one.topic, one.id, one.source, one.sequence) for one in first] == [
        (TOPIC, "1", "/s", ""),
        (TOPIC, "2", "/s", ""),
    ]
    assert [one.id for one in read(topics, kafka)[0]] == ["3"]
    assert read(topics, kafka) == ([], [])


def test_what_retention_deleted_is_told(kafka: Description) -> None:
    publish(kafka, 1, 2, 3)
    late, known = ServiceTopics(), ServiceTopics()
    records, _ = read(known, kafka)

    asyncio.run(delete_before(kafka.kafka, kafka.topic_prefix, records[1].place))

    found, torn = read(late, kafka)
    assert [one.id for one in found] == ["2", "3"]
    assert [(one.topic, one.partition) for one in torn] == [(TOPIC, records[0].partition)]
    assert read(known, kafka) == ([], [])


def test_a_topic_that_is_made_anew_is_read_from_its_beginning(kafka: Description) -> None:
    publish(kafka, 1, 2)
    topics = ServiceTopics()
    read(topics, kafka)

    name = f"{kafka.topic_prefix}.{TOPIC}"
    asyncio.run(delete_topics(kafka.kafka, [name]))
    asyncio.run(create_topics(kafka.kafka, [one for one in topics_of(kafka.topic_prefix) if one.name == name]))
    publish(kafka, 3)

    found, torn = read(topics, kafka)
    assert [one.id for one in found] == ["3"]
    assert [one.topic for one in torn] == [TOPIC]

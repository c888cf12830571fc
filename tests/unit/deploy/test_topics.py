"""The command that makes the topics of a stack."""

from typing import Any

import pytest

from deploy.local import topics
from deploy.local.topics import main, topics_of
from shared.events.topics import PARTITIONS
from shared.eventsourcing.kafka.settings import KafkaSettings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is asked of the brokers."""
    made: list[dict[str, Any]] = []

    async def create_topics(bootstrap: str, wanted: list[topics.Topic], **options: Any) -> None:
        made.append({"bootstrap": bootstrap, "topics": wanted, **options})

    monkeypatch.setattr(topics, "create_topics", create_topics)
    return made


def test_topics_have_as_many_partitions_as_are_wanted(asked: list[dict[str, Any]]) -> None:
    main(["--bootstrap", "kafka:9092", "--prefix", "shop", "--partitions", "16", "--replication", "3"])

    assert asked == [
        {"bootstrap": "kafka:9092", "topics": topics_of("shop"), "partitions": 16, "replication": 3},
    ]


def test_they_have_as_many_as_the_services_expect_where_nothing_is_said(asked: list[dict[str, Any]]) -> None:
    main(["--bootstrap", "kafka:9092"])

    assert [one["partitions"] for one in asked] == [PARTITIONS]
    assert KafkaSettings.model_fields["kafka_partitions"].default == PARTITIONS


@pytest.mark.parametrize("number", ["0", "7", "128", "many"])
def test_a_number_that_no_service_would_take_makes_no_topic(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], number: str
) -> None:
    with pytest.raises(SystemExit):
        main(["--bootstrap", "kafka:9092", "--partitions", number])

    assert "argument --partitions: invalid" in capsys.readouterr().err
    assert asked == []


def test_readers_need_no_codec_for_any_topic() -> None:
    assert {topic.settings["compression.type"] for topic in topics_of("shop")} == {"uncompressed"}

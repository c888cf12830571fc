"""What a broker delivers and nobody can read is told, and keeps a service from looking ready."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from structlog.testing import capture_logs

from shared.eventsourcing.kafka import broker as kafka
from shared.eventsourcing.kafka.broker import KafkaBroker
from shared.eventsourcing.kafka.security import KafkaAccess


class Consumer:
    """Stands for aiokafka's: fails as long as there is something to fail with."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[str]]:
        if self._failures:
            raise self._failures.pop()
        return {TopicPartition("shop.order.commands", 0): ["a record"]}


@pytest.mark.parametrize("failure", [UnsupportedCodecError("zstd"), CorruptRecordException(), ValueError("bad")])
async def test_until_it_can_be_read_the_service_is_not_ready_and_says_why(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(kafka, "PAUSE_AFTER_UNREADABLE_S", 0)
    broker = KafkaBroker(KafkaAccess(bootstrap="unused:1"), prefix="shop", partitions=8, client_id="test")
    broker.subscribe(["order.commands"], "order", handle=_nothing, ended=print)
    await broker._hand.on_partitions_assigned({TopicPartition("shop.order.commands", 0)})
    consumer = Consumer(failure)

    with capture_logs() as lines:
        assert await broker._subscriber.get_msg(consumer) == ()
        assert not broker.delivering()
        assert await broker._subscriber.get_msg(consumer) == ("a record",)

    assert broker.delivering()
    assert [line["error"] for line in lines] == [repr(failure)]


async def _nothing(records: Any) -> None:
    """Nothing comes to be handled here."""

"""What one partition does not take holds up its lanes alone, and is overtaken by nothing."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from msgspec import structs

from shared.events.topics import MAX_MESSAGE_BYTES
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.kafka import publishing
from shared.eventsourcing.kafka.publishing import Publisher
from shared.eventsourcing.kafka.security import KafkaAccess

PER_BATCH = 2
"""Messages that a batch of the cluster below holds."""


class Cluster:
    """Partitions that take batches, refuse them, or never say a word."""

    def __init__(self) -> None:
        self.refusing: set[bytes] = set()
        self.silent: set[int] = set()
        self.taken: dict[int, list[bytes]] = {}
        self.producers = 0
        self.under_way = 0
        self.most_under_way = 0


class Builder:
    """A batch of two."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, value: bytes, **_: Any) -> bool | None:
        if len(self.values) == PER_BATCH:
            return None
        self.values.append(value)
        return True


class Producer:
    """Stands for aiokafka's."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.client = self._sender = SimpleNamespace(close=self.stop)
        cluster.producers += 1

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def stop(self) -> None:
        """There is nothing to leave."""

    def create_batch(self) -> Builder:
        return Builder()

    async def send_batch(self, builder: Builder, _: str, *, partition: int) -> asyncio.Future[None]:
        clock = asyncio.get_running_loop()
        acknowledgement = clock.create_future()
        if partition in self._cluster.silent:
            return acknowledgement
        self._cluster.under_way += 1
        self._cluster.most_under_way = max(self._cluster.most_under_way, self._cluster.under_way)
        clock.call_soon(self._answer, builder.values, partition, acknowledgement)
        return acknowledgement

    def _answer(self, values: list[bytes], partition: int, acknowledgement: asyncio.Future[None]) -> None:
        self._cluster.under_way -= 1
        if self._cluster.refusing.intersection(values):
            acknowledgement.set_exception(MessageSizeTooLargeError())
            return
        self._cluster.taken.setdefault(partition, []).extend(values)
        acknowledgement.set_result(None)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(publishing, "AIOKafkaProducer", lambda **_: Producer(made))
    return made


def publisher(within_s: float = 5.0) -> Publisher:
    access = KafkaAccess(bootstrap="cluster:9092")
    return Publisher(access, prefix="p.", partitions=4, client_id="one", within_s=within_s)


def message(lane: int, value: str) -> Outgoing:
    return Outgoing(topic="order.events", lane=lane, key=b"k", value=value.encode(), headers=[])


async def test_what_a_partition_refuses_is_not_overtaken_by_what_stands_behind_it(cluster: Cluster) -> None:
    cluster.refusing.add(b"3")

    acknowledged = await publisher().publish([message(1, str(number)) for number in range(1, 8)])

    assert acknowledged == [True, True, False, False, False, False, False]
    assert cluster.taken == {1: [b"1", b"2"]}


async def test_a_partition_gets_its_next_batch_when_it_has_acknowledged_the_one_before(cluster: Cluster) -> None:
    acknowledged = await publisher().publish([message(1, str(number)) for number in range(7)])

    assert all(acknowledged)
    assert cluster.taken == {1: [str(number).encode() for number in range(7)]}
    assert cluster.most_under_way == 1


async def test_a_partition_that_says_nothing_holds_up_no_other(cluster: Cluster) -> None:
    cluster.silent.add(2)
    one = publisher(within_s=0.05)

    first = await one.publish([message(2, "held"), message(1, "a")])
    second = await one.publish([message(2, "held"), message(1, "b"), message(6, "of the same partition")])

    assert (first, second) == ([False, True], [False, True, False])
    assert cluster.taken == {1: [b"a", b"b"]}


async def test_a_partition_that_speaks_again_is_sent_what_was_held(cluster: Cluster) -> None:
    cluster.silent.add(2)
    one = publisher(within_s=0.01)
    await one.publish([message(2, "held")])
    cluster.silent.clear()

    await asyncio.sleep(0.05)

    assert all(await one.publish([message(2, "held")]))
    assert cluster.taken == {2: [b"held"]}
    assert cluster.producers == 2


@pytest.mark.parametrize("part", ["value", "headers"])
async def test_a_message_that_is_too_large_holds_its_lane_and_is_never_sent(cluster: Cluster, part: str) -> None:
    huge = b"x" * (MAX_MESSAGE_BYTES + 1)
    parts: dict[str, Any] = {"value": huge} if part == "value" else {"headers": (("ce_reason", huge),)}
    too_large = structs.replace(message(1, ""), **parts)

    acknowledged = await publisher().publish([too_large, message(1, "behind"), message(5, "beside")])

    assert acknowledged == [False, False, True]
    assert cluster.taken == {1: [b"beside"]}

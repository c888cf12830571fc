"""The broker in memory fails as Kafka does: by partition."""

from shared.eventsourcing.broker import BrokerUnavailable, Outgoing
from shared.eventsourcing.memory.broker import Cluster, MemoryBroker


def _message(topic: str, lane: int) -> Outgoing:
    return Outgoing(topic=topic, lane=lane, key=b"k", value=b"v", headers=[])


async def test_a_partition_that_does_not_acknowledge_holds_up_its_own_messages_alone() -> None:
    # given a broker of which the partition of the second message is not there
    cluster, asked = Cluster(), 0

    def hazard(moment: str) -> None:
        nonlocal asked
        asked += moment == "before publish"
        if asked == 2:
            raise BrokerUnavailable("no leader")

    # when messages of this partition and of others are published
    messages = [_message("a", 1), _message("a", 2), _message("b", 2), _message("a", 2), _message("a", 3)]
    acknowledged = await MemoryBroker(cluster, hazard).publish(messages)

    # then those of the others are there, behind the hole as well, and none of its own
    assert list(acknowledged) == [True, False, True, False, True]
    assert {place: len(records) for place, records in cluster.topics.items()} == {
        ("a", 1): 1,
        ("b", 2): 1,
        ("a", 3): 1,
    }

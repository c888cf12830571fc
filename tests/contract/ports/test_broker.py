"""The broker port: order, acknowledgements, groups, redelivery."""

import asyncio
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import anyio
import pytest
from structlog.testing import capture_logs

from deploy.local.description import Description
from deploy.local.ports import HOST
from shared.eventsourcing.broker import Broker, BrokerUnavailable, Outgoing
from shared.eventsourcing.kafka.broker import KafkaBroker
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.messages import Record
from tests.contract.ports.conftest import NewBroker
from tests.contract.ports.waiting import PATIENCE_S, until
from tests.wire.tap import Tap

PARTITIONS = 8


def message(lane: int, value: str, topic: str = "order.events") -> Outgoing:
    return Outgoing(
        topic=topic,
        lane=lane,
        key=f"key-{lane}".encode(),
        value=value.encode(),
        headers=[("ce_id", value.encode()), ("ce_source", b"/t\xff")],
    )


class Member:
    """A member of a group that keeps what it is given."""

    def __init__(self, broker: Broker, *, group: str = "order", topics: Sequence[str] = ("order.events",)) -> None:
        self.broker = broker
        self.records: list[Record] = []
        self.batches: list[int] = []
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.ended: list[Exception] = []
        broker.subscribe(topics, group, self.handle, self.ended.append)

    async def handle(self, records: Sequence[Record]) -> None:
        self.entered.set()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("not safe in the store")
        await self.gate.wait()
        self.batches.append(len(records))
        self.records += records

    @property
    def values(self) -> list[str]:
        return [(record.value or b"").decode() for record in self.records]


async def started(broker: Broker, **options: object) -> Member:
    member = Member(broker, **options)  # type: ignore[arg-type]  # passed on
    await broker.start()
    await until(broker.delivering)
    return member


async def test_each_message_of_a_lane_arrives_in_order_at_its_partition_as_it_was_sent(
    new_broker: NewBroker,
) -> None:
    member = await started(new_broker())
    sent = [message(lane, f"{lane}/{number}") for number in range(5) for lane in range(LANES)]

    assert all(await member.broker.publish(sent))
    await until(lambda: len(member.records) == len(sent))

    assert sorted(member.values) == sorted(one.value.decode() for one in sent)
    for lane in range(LANES):
        of_lane = [one for one in member.records if one.key == f"key-{lane}".encode()]
        assert [one.value for one in of_lane] == [f"{lane}/{number}".encode() for number in range(5)]
        assert {one.partition for one in of_lane} == {lane % PARTITIONS}
        assert {one.topic for one in of_lane} == {"order.events"}
        assert of_lane[0].headers == (("ce_id", f"{lane}/0".encode()), ("ce_source", b"/t\xff"))


async def test_offsets_of_a_partition_rise_without_gaps(new_broker: NewBroker) -> None:
    member = await started(new_broker())
    await member.broker.publish([message(3, str(number)) for number in range(50)])
    await until(lambda: len(member.records) == 50)

    assert [one.offset for one in member.records] == list(range(50))


async def test_a_batch_holds_500_records_at_most(new_broker: NewBroker) -> None:
    sender = new_broker()
    assert all(await sender.publish([message(n % LANES, str(n)) for n in range(1_200)]))

    member = await started(new_broker())
    await until(lambda: len(member.records) == 1_200)

    assert max(member.batches) <= 500


async def test_each_group_gets_every_message_of_its_topics_and_no_other(new_broker: NewBroker) -> None:
    events = await started(new_broker(), group="payment")
    both = await started(new_broker(), group="shipping", topics=("order.events", "order.commands"))
    await events.broker.publish([message(1, "e"), message(1, "c", "order.commands")])
    await until(lambda: len(both.records) == 2 and len(events.records) == 1)

    assert events.values == ["e"]
    assert {(one.topic, one.value) for one in both.records} == {("order.events", b"e"), ("order.commands", b"c")}


async def test_what_was_sent_before_a_group_began_is_delivered_too(new_broker: NewBroker) -> None:
    await new_broker().publish([message(1, "before")])

    member = await started(new_broker())
    await until(lambda: member.values == ["before"])


async def test_a_group_goes_on_where_it_ended(new_broker: NewBroker) -> None:
    first = await started(new_broker())
    await first.broker.publish([message(lane, "old") for lane in range(LANES)])
    await until(lambda: len(first.records) == LANES)
    await first.broker.stop()

    second = await started(new_broker())
    await second.broker.publish([message(lane, "new") for lane in range(LANES)])
    await until(lambda: len(second.records) >= LANES)

    assert second.values == ["new"] * LANES


async def test_stopping_waits_for_the_batch_in_hand_and_keeps_its_offsets(new_broker: NewBroker) -> None:
    first = await started(new_broker())
    first.gate.clear()
    await first.broker.publish([message(1, "in hand")])
    await first.entered.wait()
    stopping = asyncio.create_task(first.broker.stop())
    await asyncio.sleep(0.1)
    assert not stopping.done()
    first.gate.set()
    await stopping
    assert first.values == ["in hand"]

    second = await started(new_broker())
    await second.broker.publish([message(1, "next")])
    await until(lambda: bool(second.records))
    assert second.values == ["next"]


async def test_a_batch_whose_handling_failed_comes_again_before_what_follows_it(new_broker: NewBroker) -> None:
    member = await started(new_broker())
    member.failures = 2
    await member.broker.publish([message(1, "first")])
    await member.entered.wait()
    await member.broker.publish([message(1, "second")])
    await until(lambda: len(member.records) == 2)

    assert member.values == ["first", "second"]


async def test_a_batch_that_never_was_handled_goes_to_the_next_member(new_broker: NewBroker) -> None:
    first = await started(new_broker())
    first.failures = 1_000_000
    await first.broker.publish([message(1, "kept")])
    await first.entered.wait()
    await first.broker.stop()

    second = await started(new_broker())
    await until(lambda: second.values == ["kept"])


async def test_two_members_share_the_partitions_and_one_takes_over_from_the_other(new_broker: NewBroker) -> None:
    sender = new_broker()
    first, second = await started(new_broker()), await started(new_broker())
    rounds = 0

    async def send() -> None:
        nonlocal rounds
        rounds += 1
        assert all(await sender.publish([message(lane, f"{rounds}") for lane in range(LANES)]))
        await until(lambda: len({*_places(first), *_places(second)}) == LANES * rounds)

    while not (first.records and second.records):
        await send()
    before = len(first.records), len(second.records)
    await send()
    mine = {one.partition for one in first.records[before[0] :]}
    its = {one.partition for one in second.records[before[1] :]}

    assert not mine & its
    assert mine | its == set(range(PARTITIONS))

    await first.broker.stop()
    await send()

    assert {one.partition for one in second.records if one.value == str(rounds).encode()} == set(range(PARTITIONS))


async def test_a_member_is_given_the_same_partitions_of_every_topic_and_says_which_lanes_lie_there(
    new_broker: NewBroker,
) -> None:
    # given members of one group that listen to several topics
    topics = ("order.events", "order.commands")
    members = [await started(new_broker(), topics=topics) for _ in range(3)]
    await until(lambda: all(one.broker.delivering() for one in members))
    await until(lambda: sum(len(one.broker.near()) for one in members) == LANES)
    near = [one.broker.near() for one in members]

    # when a message comes in every lane of each topic
    sent = [message(lane, f"{lane}", topic) for topic in topics for lane in range(LANES)]
    assert all(await members[0].broker.publish(sent))
    await until(lambda: sum(len(one.records) for one in members) == len(sent))

    # then each member was given those of the lanes that it said, of both topics, and no lane is near to two
    given = [Counter(int(value) for value in one.values) for one in members]
    assert given == [Counter(dict.fromkeys(lanes, len(topics))) for lanes in near]
    assert frozenset().union(*near) == frozenset(range(LANES))


async def test_messages_are_handled_once_each_while_members_come_and_go_in_peace(new_broker: NewBroker) -> None:
    sender = new_broker()
    first = await started(new_broker())
    assert all(await sender.publish([message(n % LANES, str(n)) for n in range(600)]))
    second = await started(new_broker())
    assert all(await sender.publish([message(n % LANES, str(n)) for n in range(600, 1_200)]))
    await until(lambda: len({*_places(first), *_places(second)}) == 1_200)

    counts = Counter([*_places(first), *_places(second)])
    assert set(first.values) | set(second.values) == {str(n) for n in range(1_200)}
    assert len(counts) == 1_200  # again is allowed, lost is not


async def test_what_arrives_while_a_few_are_in_hand_comes_together(new_broker: NewBroker) -> None:
    member = await started(new_broker())
    member.gate.clear()
    await member.broker.publish([message(1, "in hand")])
    await member.entered.wait()

    for lane in (1, 2, 3):
        await member.broker.publish([message(lane, "meanwhile")])
    member.gate.set()
    await until(lambda: len(member.records) == 4)

    assert member.batches == [1, 3]


@pytest.mark.parametrize("bootstrap", ["kafka"], indirect=True)
async def test_a_subscription_hears_a_message_after_a_quiet_moment_without_having_slept(
    new_broker: NewBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)  # with which FastStream waits between two looks
    member = await started(new_broker())
    await asyncio.sleep(1.5)

    await member.broker.publish([message(1, "first")])
    await until(lambda: len(member.records) == 1)

    assert slept == []


@pytest.mark.parametrize("bootstrap", ["kafka"], indirect=True)
async def test_after_a_few_messages_others_gather_for_as_long_as_the_service_is_set(
    new_broker: NewBroker,
) -> None:
    broker = new_broker(gather_s=2.0)
    member = await started(broker)
    await broker.publish([message(1, "handled")])
    await until(lambda: len(member.records) == 1)

    for lane in (1, 2, 3):
        await broker.publish([message(lane, "gathering")])
    await until(lambda: len(member.records) == 4)

    assert member.batches == [1, 3]


async def test_a_broker_with_a_subscription_delivers_only_once_it_has_started(new_broker: NewBroker) -> None:
    broker = new_broker()
    Member(broker)
    assert not broker.delivering()

    await broker.start()
    await until(broker.delivering)


async def test_a_broker_that_answers_says_so_while_the_subscription_lasts(new_broker: NewBroker) -> None:
    member = await started(new_broker())

    await member.broker.ping()


async def test_a_member_that_is_given_no_partition_because_others_have_all_counts_as_subscribed(
    new_broker: NewBroker,
) -> None:
    members = [Member(new_broker()) for _ in range(PARTITIONS + 1)]
    await asyncio.gather(*(one.broker.start() for one in members))
    assert all(await new_broker().publish([message(lane, "v") for lane in range(LANES)]))
    await until(lambda: len({place for one in members for place in _places(one)}) == LANES)

    await until(lambda: all(one.broker.delivering() for one in members))


@pytest.mark.parametrize("bootstrap", ["kafka"], indirect=True)
async def test_deliveries_that_end_by_an_error_the_client_does_not_know_are_said(
    new_broker: NewBroker,
) -> None:
    member = await started(new_broker())

    _fail_at_the_next_rebalance(member.broker, RuntimeError("unable to write"))
    await until(lambda: len(member.ended) == 1)

    assert "unable to write" in str(member.ended[0])


async def test_nothing_to_publish_is_nothing_to_acknowledge(new_broker: NewBroker) -> None:
    assert list(await new_broker().publish([])) == []


async def test_a_message_too_large_is_not_acknowledged_and_does_not_keep_other_lanes_back(
    new_broker: NewBroker,
) -> None:
    member = await started(new_broker())

    with capture_logs() as lines:
        acknowledged = await member.broker.publish(
            [message(1, "a"), message(2, "x" * 5_000_000), message(2, "behind"), message(3, "c")]
        )
    await until(lambda: len(member.records) == 2)

    assert list(acknowledged) == [True, False, False, True]
    assert [(one["lane"], one["bytes"]) for one in lines if "too large" in one["event"]] == [(2, 10_000_022)]
    assert sorted(member.values) == ["a", "c"]


async def test_a_broker_that_is_away_is_waited_for(infrastructure: Description) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]

    def at_the_port(patience_s: float) -> KafkaBroker:
        return KafkaBroker(
            KafkaAccess(bootstrap=f"{HOST}:{port}"),
            prefix=infrastructure.topic_prefix,
            partitions=PARTITIONS,
            topics={"order.events"},
            client_id="test",
            patience_s=patience_s,
        )

    waiting = at_the_port(PATIENCE_S)
    starting = asyncio.create_task(waiting.start())
    with pytest.raises(BrokerUnavailable):
        await at_the_port(0).start()
    with Tap(listens=port, target=int(infrastructure.kafka.rpartition(":")[2])):
        await starting
        await waiting.stop()


async def test_no_broker_is_said_in_one_line() -> None:
    broker = KafkaBroker(
        KafkaAccess(bootstrap="127.0.0.1:1"), prefix="nowhere", partitions=PARTITIONS, client_id="test"
    )
    Member(broker)

    with pytest.raises(BrokerUnavailable, match=r"^no broker at 127\.0\.0\.1:1: "):
        await broker.start()
    with pytest.raises(BrokerUnavailable, match="no broker"):
        await broker.publish([message(1, "x")])
    with pytest.raises(BrokerUnavailable):
        await broker.ping()
    with suppress(BrokerUnavailable):
        await broker.stop()


def _fail_at_the_next_rebalance(broker: Broker, error: Exception) -> None:
    async def unknown() -> None:
        raise error

    assert isinstance(broker, KafkaBroker)
    coordinator = broker._subscriber.consumer._coordinator
    coordinator.ensure_coordinator_known = unknown
    coordinator.request_rejoin()


def _places(member: Member) -> list[str]:
    return [record.place for record in member.records]

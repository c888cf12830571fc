"""The broker port on Kafka."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker as FastStreamBroker
from faststream.kafka.message import KafkaMessage

from shared.eventsourcing.broker import BrokerUnavailable, Handle, Outgoing
from shared.eventsourcing.failpoints import reach
from shared.eventsourcing.gathering import GATHER_S, WORTH_A_BATCH, rest_after
from shared.eventsourcing.kafka.connections import heed_closed_transports
from shared.eventsourcing.kafka.membership import end_earlier_membership
from shared.eventsourcing.kafka.records import forgive_header_names
from shared.eventsourcing.kafka.refusal import cause_of
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.lanes import lanes_of
from shared.eventsourcing.messages import Record

log = structlog.get_logger()

REBALANCE_TIMEOUT_MS = 30_000
"""How long the group waits for the batch in hand when partitions move."""
STOP_WITHIN_S = 10.0
"""How long the batch in hand may hold up the end."""
PAUSE_AFTER_FAILURE_S = 0.5
"""How long a batch rests that could not be handled."""

MAX_RECORDS = 500
"""A batch holds so many at most."""
WAIT_MS = 1_000
"""How long is waited for records at a time."""

COMMIT_S = 0.2
"""How long offsets gather before they are committed; after a crash so much is delivered again."""

MAX_REQUEST_BYTES = 4 * 1024 * 1024
MAX_MESSAGE_BYTES = MAX_REQUEST_BYTES - 64 * 1024
"""The largest payload that is sent, with room for its headers."""


class _BatchInHand(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types for it
    """Lets a rebalance wait until the batch in hand is safe, and says whether partitions are assigned."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self.assigned = False
        self.partitions: frozenset[int] = frozenset()
        """Those of every topic that were assigned last."""
        self._offsets: dict[TopicPartition, int] = {}
        self._committing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def commit(self, consumer: Any, records: Sequence[Any]) -> None:
        """Commit the offsets of a batch that is safe: soon, in one go with those of the batches after it."""
        self._offsets.update({TopicPartition(one.topic, one.partition): one.offset + 1 for one in records})
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all(consumer))

    async def committed(self) -> None:
        """Wait until the batch in hand is safe and its offsets are committed."""
        await self.idle.wait()
        if self._committing is not None:
            self._hurry.set()
            await asyncio.shield(self._committing)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.assigned = False
        try:
            await asyncio.wait_for(self.committed(), REBALANCE_TIMEOUT_MS / 1000 * 0.8)
        except TimeoutError:
            log.warning("rebalance goes on without the batch in hand; it will be delivered again")

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.assigned = True  # none of them is an answer too: other members have them all
        self.partitions = frozenset(one.partition for one in assigned)

    async def _commit_all(self, consumer: Any) -> None:
        while self._offsets:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMMIT_S):  # wait_for may swallow a cancellation
                    await self._hurry.wait()
            self._hurry.clear()
            offsets, self._offsets = self._offsets, {}
            try:
                await consumer.commit(offsets)
            except (KafkaError, IllegalStateError) as error:
                # The batch is in the store; if it comes again the inbox knows it.
                log.warning("offsets not committed", error=repr(error))


class KafkaBroker:
    """Implements `Broker`."""

    def __init__(
        self,
        access: KafkaAccess,
        *,
        prefix: str,
        partitions: int,
        client_id: str,
        session_s: float = 10.0,
        gather_s: float = GATHER_S,
    ) -> None:
        """`client_id` belongs to one living process: who starts under it takes over from one that died.

        `session_s` is how long the partitions stay with a process that is no longer heard of.
        """
        forgive_header_names()
        heed_closed_transports()
        self._access = access
        self._prefix = f"{prefix}."
        self._partitions = partitions
        self._client_id = client_id
        self._session_ms = round(session_s * 1000)
        self._gather_s = gather_s
        self._faststream = FastStreamBroker(
            access.bootstrap,
            **access.for_faststream(),
            client_id=client_id,
            allow_auto_create_topics=False,
            apply_types=False,  # nothing to inject or to convert: a batch is taken as it came
            logger=None,
        )
        self._hand = _BatchInHand()
        self._producer: AIOKafkaProducer | None = None
        self._producing = asyncio.Lock()
        self._group = ""
        self._subscriber: Any = None
        self._ended: Callable[[Exception], None] | None = None

    def subscribe(
        self, topics: Sequence[str], group: str, handle: Handle, ended: Callable[[Exception], None]
    ) -> None:
        self._group = f"{self._prefix}{group}"
        subscriber = self._faststream.subscriber(
            *(self._prefix + topic for topic in topics),
            group_id=self._group,
            batch=True,
            fetch_max_wait_ms=500,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            listener=self._hand,
            # A partition of every topic to the same member: what is about one order comes to one process.
            partition_assignment_strategy=(RangePartitionAssignor,),
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=self._session_ms // 4,
            parser=_as_it_came,
            decoder=_handed_over,
        )

        self._subscriber, self._ended = subscriber, ended
        subscriber.get_msg = _next_batch  # type: ignore[method-assign]  # there is no setting for it

        @subscriber
        async def take(delivery: _Delivery) -> None:
            records, delivery.records = delivery.records, ()
            consumer: Any = subscriber.consumer
            if len(records) >= WORTH_A_BATCH:
                await self._handle(consumer, records, handle)
                return
            clock = asyncio.get_running_loop()
            with _without_prefetch(consumer):
                began = clock.time()
                await self._handle(consumer, records, handle)
                await asyncio.sleep(rest_after(clock.time() - began, self._gather_s))

    async def _handle(self, consumer: Any, records: Sequence[Any], handle: Handle) -> None:
        self._hand.idle.clear()
        try:
            await handle([self._record(one) for one in records])
            reach("before_offset_commit")
            self._hand.commit(consumer, records)
        except Exception:
            log.exception("a batch was not handled; it is fetched again", records=len(records))
            _seek_back(consumer, records)
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
        finally:
            self._hand.idle.set()

    async def start(self) -> None:
        await self._connected_producer()
        if self._group:
            await self._succeed()
        try:
            await self._faststream.start()
        except (KafkaError, OSError) as error:
            raise self._unavailable(error) from error
        if self._subscriber is not None:
            self._watch(self._subscriber.consumer)

    async def stop(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hand.committed(), STOP_WITHIN_S)
        await self._faststream.stop()
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[bool]:
        producer = await self._connected_producer()
        batches = self._arranged(producer, messages)
        sent: list[tuple[_Batch, asyncio.Future[Any]]] = []
        failed: BaseException | None = None
        for batch in batches:
            try:
                future = await producer.send_batch(batch.builder, batch.topic, partition=batch.partition)
            except (KafkaError, AssertionError) as error:
                failed = error
                break
            sent.append((batch, future))
        outcomes = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
        arrived: set[int] = set()
        for (batch, _), outcome in zip(sent, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                failed = failed or outcome
            else:
                arrived.update(batch.places)
        if failed is not None:
            # An idempotent producer may be wedged after an error (OutOfOrderSequence): begin a new one.
            log.warning("publish failed, the producer begins anew", error=repr(failed))
            await self._drop_producer()
        return [place in arrived for place in range(len(messages))]

    def _arranged(self, producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> "list[_Batch]":
        """Messages in record batches of one partition each, in their order: far cheaper than one by one."""
        batches: list[_Batch] = []
        filling: dict[tuple[str, int], _Batch] = {}
        stuck: set[int] = set()
        for place, message in enumerate(messages):
            if message.lane in stuck:
                continue
            if len(message.value) > MAX_MESSAGE_BYTES:
                log.error(
                    "a message is too large for the broker and holds its lane",
                    bytes=len(message.value),
                    lane=message.lane,
                    message_id=_header(message, "ce_id"),
                    correlation_id=_header(message, "ce_correlationid"),
                )
                stuck.add(message.lane)
                continue
            where = self._prefix + message.topic, message.lane % self._partitions
            batch = filling.get(where)
            if batch is None or not batch.add(place, message):
                batch = _Batch(*where, producer.create_batch())
                batch.add(place, message)
                filling[where] = batch
                batches.append(batch)
        return batches

    def delivering(self) -> bool:
        return self._hand.assigned or not self._group

    def near(self) -> frozenset[int]:
        return lanes_of(self._hand.partitions, self._partitions)

    async def ping(self) -> None:
        consumer = self._subscriber and self._subscriber.consumer
        if consumer is None:
            raise BrokerUnavailable("not connected to a broker")
        try:
            await consumer.topics()  # asks one broker after the other; the first answer counts
        except (KafkaError, OSError) as error:
            raise self._unavailable(error) from error

    def _record(self, record: Any) -> Record:
        return Record(
            topic=record.topic.removeprefix(self._prefix),
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=record.headers,
            timestamp_ms=record.timestamp,
        )

    def _watch(self, consumer: Any) -> None:
        """Hear when what aiokafka does in the background ends: for good, by an error that it does not know."""
        for task in (consumer._coordinator._coordination_task, consumer._fetcher.error_future):
            task.add_done_callback(self._ended_early)

    def _ended_early(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and self._ended is not None:
            self._ended(BrokerUnavailable(f"nothing is delivered any more: {error}"))

    async def _succeed(self) -> None:
        try:
            await end_earlier_membership(self._access, self._group, self._client_id)
        except (KafkaError, OSError) as error:
            log.info("an earlier membership, if any, ends by itself", error=repr(error))

    async def _connected_producer(self) -> AIOKafkaProducer:
        """The producer, made when there is none: the relay may publish before `start` is through."""
        async with self._producing:
            if self._producer is None:
                producer = self._new_producer()
                try:
                    await producer.start()
                except (KafkaError, OSError) as error:
                    await producer.stop()
                    raise self._unavailable(await cause_of(error, self._access)) from error
                self._producer = producer
            return self._producer

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._access.for_client(),
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            max_batch_size=256 * 1024,
            max_request_size=MAX_REQUEST_BYTES,
            request_timeout_ms=10_000,
        )

    def _unavailable(self, error: Exception) -> BrokerUnavailable:
        return BrokerUnavailable(f"no broker at {self._access.bootstrap}: {str(error) or type(error).__name__}")

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), 5)
            except (KafkaError, TimeoutError) as error:
                log.warning("the old producer did not stop cleanly", error=repr(error))


class _Batch:
    """A record batch that is being filled."""

    def __init__(self, topic: str, partition: int, builder: Any) -> None:
        self.topic = topic
        self.partition = partition
        self.builder = builder
        self.places: list[int] = []
        """Where its messages stand among those to be published."""

    def add(self, place: int, message: Outgoing) -> bool:
        """Take a message; False when the batch is full."""
        added = self.builder.append(timestamp=None, key=message.key, value=message.value, headers=message.headers)
        if added is None:
            return False
        self.places.append(place)
        return True


def _header(message: Outgoing, name: str) -> str:
    return next((value.decode(errors="replace") for known, value in message.headers if known == name), "")


def _seek_back(consumer: Any, records: Sequence[Any]) -> None:
    """Begin again with a batch: the consumer's position has moved on past it."""
    first: dict[TopicPartition, int] = {}
    for one in records:
        first.setdefault(TopicPartition(one.topic, one.partition), one.offset)
    for partition, offset in first.items():
        with contextlib.suppress(IllegalStateError):  # somebody else has the partition by now
            consumer.seek(partition, offset)


@contextlib.contextmanager
def _without_prefetch(consumer: Any) -> Iterator[None]:
    """Fetch nothing meanwhile: it would be the few that there are by now, and old when they are asked for."""
    consumer.pause(*consumer.assignment())
    try:
        yield
    finally:
        consumer.resume(*consumer.paused())


async def _next_batch(consumer: Any) -> tuple[Any, ...]:
    """What there is, as soon as there is any: FastStream's own way sleeps for as long as it had waited in vain."""
    records = await consumer.getmany(timeout_ms=WAIT_MS, max_records=MAX_RECORDS)
    return tuple(chain.from_iterable(records.values()))


async def _as_it_came(records: Any) -> KafkaMessage:
    """A batch without decoding a header or a body: one bad record must not fail the others."""
    return KafkaMessage(body=b"", raw_message=records, headers={}, message_id="batch", consumer=_NoConsumer())


async def _handed_over(message: KafkaMessage) -> "_Delivery":
    records, message.raw_message = message.raw_message, ()
    return _Delivery(records)


class _Delivery:
    """A batch's records, for who takes them out: FastStream's message refers to itself and waits for the GC."""

    def __init__(self, records: tuple[Any, ...]) -> None:
        self.records = records


class _NoConsumer:
    """Offsets are committed by `KafkaBroker` alone."""

    async def commit(self) -> None:
        return None

    def seek(self, partition: TopicPartition, offset: int) -> None:
        return None

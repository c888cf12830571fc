"""The broker port on Kafka."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker as FastStreamBroker
from faststream.kafka.message import KafkaMessage

from shared.eventsourcing.broker import BrokerAway, BrokerUnavailable, Handle, Outgoing
from shared.eventsourcing.failpoints import reach
from shared.eventsourcing.gathering import GATHER_S, WORTH_A_BATCH, rest_after
from shared.eventsourcing.kafka.connections import heed_closed_transports
from shared.eventsourcing.kafka.membership import end_earlier_membership
from shared.eventsourcing.kafka.publishing import Publisher
from shared.eventsourcing.kafka.records import forgive_header_names
from shared.eventsourcing.kafka.refusal import unavailable
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
PAUSE_S = 0.5
"""Between two looks for a broker that is away."""
PAUSE_AFTER_UNREADABLE_S = 5.0
"""Between two tries to read what could not be read."""

MAX_RECORDS = 500
"""A batch holds so many at most."""
WAIT_MS = 1_000
"""How long is waited for records at a time."""

COMMIT_S = 0.2
"""How long offsets gather before they are committed; after a crash so much is delivered again."""


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
        topics: Collection[str] = (),
        client_id: str,
        session_s: float = 10.0,
        gather_s: float = GATHER_S,
        patience_s: float = 0.0,
    ) -> None:
        """`client_id` belongs to one living process: who starts under it takes over from one that died.

        `topics` have to be there at the start, with so many `partitions`. `session_s` is how long the partitions
        stay with a process that is no longer heard of, `patience_s` how long `start` waits for a broker that is
        away.
        """
        forgive_header_names()
        heed_closed_transports()
        self._access = access
        self._prefix = f"{prefix}."
        self._partitions = partitions
        self._client_id = client_id
        self._session_ms = round(session_s * 1000)
        self._gather_s = gather_s
        self._patience_s = patience_s
        self._faststream = FastStreamBroker(
            access.bootstrap,
            **access.for_faststream(),
            client_id=client_id,
            allow_auto_create_topics=False,
            apply_types=False,  # nothing to inject or to convert: a batch is taken as it came
            logger=None,
        )
        self._hand = _BatchInHand()
        # Well within a lease, so that what the others took is noted under it.
        self._publisher = Publisher(
            access,
            prefix=self._prefix,
            partitions=partitions,
            topics=topics,
            client_id=client_id,
            within_s=session_s / 2,
        )
        self._group = ""
        self._subscriber: Any = None
        self._readable = True
        """What was fetched last could be read."""
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
        subscriber.get_msg = self._next_batch  # type: ignore[method-assign]  # there is no setting for it

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

    async def _next_batch(self, consumer: Any) -> tuple[Any, ...]:
        """What there is, as soon as there is any: FastStream's own way sleeps as long as it had waited in vain.

        What can't be read, for its codec or a wrong checksum, is told and tried again: FastStream tells nobody.
        """
        try:
            records = await consumer.getmany(timeout_ms=WAIT_MS, max_records=MAX_RECORDS)
        except ConsumerStoppedError:
            raise
        except Exception as error:
            log.error("what the broker delivers can't be read; it is fetched again", error=repr(error))
            self._readable = False
            await asyncio.sleep(PAUSE_AFTER_UNREADABLE_S)
            return ()
        self._readable = True
        return tuple(chain.from_iterable(records.values()))

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
        await self._found()
        if self._group:
            await self._succeed()
        try:
            await self._faststream.start()
        except (KafkaError, OSError) as error:
            raise unavailable(self._access, error) from error
        if self._subscriber is not None:
            self._watch(self._subscriber.consumer)

    async def stop(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hand.committed(), STOP_WITHIN_S)
        await self._faststream.stop()
        await self._publisher.stop()

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[bool]:
        return await self._publisher.publish(messages)

    def delivering(self) -> bool:
        return self._hand.assigned and self._readable if self._group else True

    def near(self) -> frozenset[int]:
        return lanes_of(self._hand.partitions, self._partitions)

    async def ping(self) -> None:
        consumer = self._subscriber and self._subscriber.consumer
        if consumer is None:
            raise BrokerUnavailable("not connected to a broker")
        try:
            await consumer.topics()  # asks one broker after the other; the first answer counts
        except (KafkaError, OSError) as error:
            raise unavailable(self._access, error) from error

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

    async def _found(self) -> None:
        """Wait for a broker that starts or is away."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                await self._publisher.connect()
            except BrokerAway as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("waiting for the broker", error=str(error))
                await asyncio.sleep(PAUSE_S)
            else:
                return

    async def _succeed(self) -> None:
        try:
            await end_earlier_membership(self._access, self._group, self._client_id)
        except (KafkaError, OSError) as error:
            log.info("an earlier membership, if any, ends by itself", error=repr(error))


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

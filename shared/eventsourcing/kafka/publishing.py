"""Publishing to Kafka: record batches of one partition each, one after the other, within a time."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.events.topics import MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES
from shared.eventsourcing.broker import BrokerUnavailable, Outgoing
from shared.eventsourcing.kafka.refusal import cause_of, unavailable
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.kafka.topics import fault_of_topics

log = structlog.get_logger()

LONGEST_REST_S = 2.0
"""For how long at most a partition is left alone that did not take what it was sent."""
CLOSED_WITHIN_S = 1.0


class Publisher:
    """Sends the messages of a lane in their order; what one partition does not take holds up its lanes alone."""

    def __init__(
        self,
        access: KafkaAccess,
        *,
        prefix: str,
        partitions: int,
        topics: Collection[str] = (),
        client_id: str,
        within_s: float,
    ) -> None:
        """`topics` have to be there before anything is sent; `within_s` is what an acknowledgement may take."""
        self._access = access
        self._unseen: Collection[str] = [prefix + topic for topic in topics]
        self._prefix = prefix
        self._partitions = partitions
        self._client_id = client_id
        self._within_s = within_s
        self._producer: AIOKafkaProducer | None = None
        self._producing = asyncio.Lock()
        self._rests_until: dict[tuple[str, int], float] = {}
        """Partitions that did not take what they were sent, and when they are tried again."""

    async def connect(self) -> AIOKafkaProducer:
        """The producer, made when there is none: the relay may publish before the broker was started.

        Raises:
            BrokerUnavailable: there is no broker, or it refuses, or its topics are not as they have to be.
        """
        async with self._producing:
            if self._producer is None:
                self._producer = await self._started()
            return self._producer

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[bool]:
        """Which of the messages were acknowledged.

        A partition gets its next batch when it has acknowledged the one before: behind one that was refused the
        next would be taken, and its messages would overtake.
        """
        producer = await self.connect()
        clock = asyncio.get_running_loop()
        began = clock.time()
        arrived: set[int] = set()
        failed: dict[tuple[str, int], BaseException] = {}
        queues = self._arranged(producer, messages)
        while queues:
            sent = [await _sent(producer, queue[0], began + self._within_s) for queue in queues]
            await asyncio.wait(sent, timeout=max(0.0, began + self._within_s - clock.time()))
            for queue, acknowledgement in zip(queues, sent, strict=True):
                error = _error_of(acknowledgement)
                if error is None:
                    arrived.update(queue.pop(0).places)
                else:
                    failed[queue[0].where] = error
            queues = [queue for queue in queues if queue and queue[0].where not in failed]
        if failed:
            # An idempotent producer may be wedged after an error (OutOfOrderSequence): begin a new one.
            which = [f"{topic}/{partition}" for topic, partition in failed]
            error = next(iter(failed.values()))
            log.warning("publish failed, the producer begins anew", partitions=which, error=repr(error))
            rests_until = clock.time() + min(clock.time() - began, LONGEST_REST_S)
            self._rests_until |= dict.fromkeys(failed, rests_until)
            await self._drop()
        return [place in arrived for place in range(len(messages))]

    async def stop(self) -> None:
        """Send what is under way, and go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        producer = self._new_producer()
        try:
            await producer.start()
            fault = await fault_of_topics(producer, self._unseen, self._partitions) if self._unseen else ""
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise unavailable(self._access, await cause_of(error, self._access)) from error
        except asyncio.CancelledError:
            await producer.stop()
            raise
        if fault:
            await producer.stop()
            raise BrokerUnavailable(fault)
        self._unseen = ()
        return producer

    def _arranged(self, producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> "list[list[_Batch]]":
        """Messages in record batches, those of each partition in their order: far cheaper than one by one."""
        now = asyncio.get_running_loop().time()
        self._rests_until = {where: until for where, until in self._rests_until.items() if until > now}
        queues: dict[tuple[str, int], list[_Batch]] = {}
        stuck: set[int] = set()
        for place, message in enumerate(messages):
            where = self._prefix + message.topic, message.lane % self._partitions
            if message.lane in stuck:
                continue
            if where in self._rests_until or _is_too_large(message):
                stuck.add(message.lane)
                continue
            queue = queues.setdefault(where, [])
            if not (queue and queue[-1].add(place, message)):
                queue.append(_Batch(where, producer.create_batch()))
                queue[-1].add(place, message)
        return list(queues.values())

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

    async def _drop(self) -> None:
        """Let the producer go with all that it has not sent: to flush would be to wait for what does not come."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        producer._closed = True
        try:
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await producer.client.close()  # first, so that what is under way fails at once
                await producer._sender.close()
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("the old producer did not stop cleanly", error=repr(error))


class _Batch:
    """A record batch that is being filled."""

    def __init__(self, where: tuple[str, int], builder: Any) -> None:
        self.where = where
        """Topic and partition."""
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


async def _sent(producer: AIOKafkaProducer, batch: _Batch, deadline: float) -> asyncio.Future[Any]:
    """The acknowledgement of a batch, to come; or why it could not be sent."""
    topic, partition = batch.where
    try:
        async with asyncio.timeout_at(deadline):
            acknowledgement: asyncio.Future[Any] = await producer.send_batch(
                batch.builder, topic, partition=partition
            )
            return acknowledgement
    except (KafkaError, AssertionError, TimeoutError) as error:
        unsent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        unsent.set_exception(error)
        return unsent


def _error_of(acknowledgement: asyncio.Future[Any]) -> BaseException | None:
    if not acknowledgement.done():
        acknowledgement.cancel()  # nobody waits for it any more, whatever becomes of it
        return TimeoutError("no acknowledgement in time")
    return asyncio.CancelledError() if acknowledgement.cancelled() else acknowledgement.exception()


def _is_too_large(message: Outgoing) -> bool:
    if message.size <= MAX_MESSAGE_BYTES:
        return False
    log.error(
        "a message is too large for the broker and holds its lane",
        bytes=message.size,
        lane=message.lane,
        message_id=_header(message, "ce_id"),
        correlation_id=_header(message, "ce_correlationid"),
    )
    return True


def _header(message: Outgoing, name: str) -> str:
    return next((value.decode(errors="replace") for known, value in message.headers if known == name), "")

"""Publishing orders to the public intake, as any partner may do it: CloudEvents on Kafka, nothing else."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import NAMESPACE_URL, uuid5

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError

from shared.events.channel import ChannelOrderReceived
from shared.events.cloudevents import Metadata, dataschema_of, headers_of
from shared.events.registry import topic_of
from shared.eventsourcing.kafka.refusal import REFUSALS, cause_of
from shared.eventsourcing.kafka.security import KafkaAccess

BATCH = 500
"""Orders in memory at a time."""

MOST_BYTES = 2 * 1024 * 1024
"""Bytes that the intake topic takes in one message; of an order the service takes half of that."""

_PAUSE = 0.5
"""Seconds before what was not acknowledged is sent again."""

_FINAL = (*REFUSALS, MessageSizeTooLargeError, TopicAuthorizationFailedError)
"""Failures that trying again does not mend."""


class NotAcknowledged(Exception):
    """The broker did not take everything; one sentence. What was acknowledged before stays published."""


class IntakeMessage(NamedTuple):
    """An order as it travels."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def intake_message(order: ChannelOrderReceived) -> IntakeMessage:
    """The message for an order. The same order always makes the same message, its id included."""
    value = order.model_dump_json().encode()
    identity = (
        order.channel,
        order.channel_order_id,
        order.channel_updated_at.isoformat(),
        sha256(value).hexdigest(),
    )
    metadata = Metadata(
        id=str(uuid5(NAMESPACE_URL, "\n".join(identity))),
        source=f"/orderstream/channels/{order.channel}",
        type=order.wire_type,
        time=order.channel_updated_at,
        subject=order.channel_order_id,
        dataschema=dataschema_of(order.wire_type),
        partition_key=order.channel_order_id,
        actor=order.channel,
    )
    return IntakeMessage(order.channel_order_id.encode(), value, headers_of(metadata))


class OrderPublisher:
    """Publishes orders, each until the broker has acknowledged it; used in an `async with`.

    What is not acknowledged is sent again under the same id, which the intake takes once.
    """

    def __init__(
        self,
        access: KafkaAccess,
        *,
        prefix: str = "orderstream",
        patience: timedelta = timedelta(minutes=1),
    ) -> None:
        """`patience` is how long to try for one batch of orders before giving up."""
        self._access = access
        self._topic = f"{prefix}.{topic_of(ChannelOrderReceived)}"
        self._patience = patience
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._disconnect()

    async def publish(
        self, orders: Iterable[ChannelOrderReceived], progress: Callable[[int], None] = lambda published: None
    ) -> int:
        """Publish all orders in their sequence; returns how many. `progress` is told how many are acknowledged.

        Raises:
            NotAcknowledged: the broker is away for longer than the publisher's patience, or refuses an order.
        """
        published = 0
        for batch in _batches(orders):
            await self.deliver([intake_message(order) for order in batch], published)
            published += len(batch)
            progress(published)
        return published

    async def deliver(self, messages: Sequence[IntakeMessage], published: int = 0) -> None:
        """Send messages until all are acknowledged; `published` were acknowledged before them.

        Raises:
            NotAcknowledged: as `publish` does.
        """
        waiting = list(messages)
        so_far = published + len(waiting)
        failure: BaseException | None = None
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                while waiting:
                    waiting, failure = await self._attempt(waiting)
                    if isinstance(failure, _FINAL):
                        raise self._giving_up(len(waiting), so_far, failure) from failure
                    if waiting:
                        await self._disconnect()
                        await asyncio.sleep(_PAUSE)
        except TimeoutError:
            raise self._giving_up(len(waiting), so_far, failure) from failure

    def _giving_up(self, waiting: int, so_far: int, failure: BaseException | None) -> NotAcknowledged:
        return NotAcknowledged(
            f"the broker at {self._access.bootstrap} did not acknowledge {waiting} orders on {self._topic} "
            f"({failure or 'no answer, or no such topic'}); {so_far - waiting} others were published"
        )

    async def _attempt(self, messages: list[IntakeMessage]) -> tuple[list[IntakeMessage], BaseException | None]:
        """Send messages and wait; returns those that were not acknowledged, and why."""
        promises: list[asyncio.Future[Any]] = []
        failure: BaseException | None = None
        try:
            producer = await self._connected()
            for message in messages:
                promise = await producer.send(self._topic, message.value, key=message.key, headers=message.headers)
                promises.append(promise)
        except (KafkaError, OSError) as error:
            failure = error
        outcomes = await asyncio.gather(*promises, return_exceptions=True)
        failure = next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), failure)
        acknowledged = {place for place, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)}
        return [message for place, message in enumerate(messages) if place not in acknowledged], failure

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._access.for_client(),
                client_id="orderstream-channel",
                enable_idempotence=True,
                acks="all",
                linger_ms=5,
                request_timeout_ms=10_000,
                max_request_size=MOST_BYTES,
            )
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                await producer.stop()
                raise await cause_of(error, self._access) from error
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _disconnect(self) -> None:
        """Let go of the producer; one that has failed may never say that it has flushed."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 5)


def _batches(orders: Iterable[ChannelOrderReceived]) -> Iterator[list[ChannelOrderReceived]]:
    remaining = iter(orders)
    while batch := list(islice(remaining, BATCH)):
        yield batch

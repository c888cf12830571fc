"""Sends the load at its rate, by the topic and over HTTP, and calls off what its customers no longer want."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from channels.publishing import OrderPublisher
from deploy.local.description import Description
from shared.events.channel import ChannelOrderReceived
from shared.eventsourcing.kafka.security import KafkaAccess
from tests.chaos.callers import Answer, Callers
from tests.chaos.traffic import Load, Sending

STEP_S = 0.1
MOST_AT_ONCE = 250
PATIENCE = timedelta(minutes=5)
"""How long a channel tries before it gives up: longer than any trouble lasts."""


@dataclass(slots=True)
class Published:
    """What a channel knows afterwards."""

    offered: int = 0
    """Orders that it meant to place."""
    accepted: dict[str, ChannelOrderReceived] = field(default_factory=dict)
    """Orders that the broker has acknowledged, or the order service over HTTP, by number."""
    poison: set[bytes] = field(default_factory=set)
    """Values that are no order, and that the broker has acknowledged."""
    messages: Counter[str] = field(default_factory=Counter)
    """Acknowledged messages by what they are."""
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    """Answers to each order that came over HTTP, by its number: the first one, and those to repetitions."""
    cancellations: dict[str, Answer] = field(default_factory=dict)
    """Answers to cancellations, by the order's number."""

    def answered(self, sending: Sending, answer: Answer) -> None:
        """The order service has answered."""
        self.answers[sending.number].append(answer)
        if answer.accepted:
            self.note([sending])

    def note(self, sendings: Sequence[Sending]) -> None:
        """Whom they were sent to has these."""
        for sending in sendings:
            self.messages[sending.what] += 1
            if sending.order is not None:
                self.accepted[sending.number] = sending.order
            elif sending.what == "poison":
                self.poison.add(sending.message.value)


class Channel:
    """Sends one load."""

    def __init__(self, load: Load, stack: Description, *, kafka: str, orders: str) -> None:
        """`kafka` and `orders` are where the channel finds the broker and the order service."""
        self.published = Published(offered=load.orders)
        self._load = load
        self._stack = stack
        self._kafka = kafka
        self._orders = orders
        self._calls: set[asyncio.Task[None]] = set()
        self._unanswered: Counter[str] = Counter()
        """Calls under way that place an order, by its number."""
        self._waiting: list[Sending] = []
        """Messages about orders that are not answered yet: their channel says one thing after the other."""

    async def publish(self, progress: Callable[[Published], None]) -> None:
        """Send everything when it is due, and what is late as soon as it is taken.

        Raises:
            NotAcknowledged: the broker or the order service is away for longer than the channel's patience.
        """
        access = KafkaAccess(bootstrap=self._kafka)
        async with (
            httpx2.AsyncClient(timeout=10, trust_env=False) as http,
            OrderPublisher(access, prefix=self._stack.topic_prefix, patience=PATIENCE) as publisher,
        ):
            callers = Callers(http, self._orders, self._stack.operator_key, PATIENCE)
            began, began_at = time.monotonic(), datetime.now(UTC)
            due: list[Sending] = []
            for sending in self._load.sendings(began_at):
                wait = began + sending.at_s - time.monotonic()
                if due and (wait > 0 or len(due) >= MOST_AT_ONCE):
                    await self._send(publisher, callers, due)
                    progress(self.published)
                    due = []
                if wait > 0:
                    await asyncio.sleep(max(wait, STEP_S))
                due.append(sending)
            await self._send(publisher, callers, due)
            while self._calls:
                await asyncio.gather(*self._calls)
                await self._send(publisher, callers, [])
            progress(self.published)

    async def _send(self, publisher: OrderPublisher, callers: Callers, due: Sequence[Sending]) -> None:
        for sending in due:
            if sending.door == "http":
                self._unanswered[sending.number] += 1
                self._call(self._place(callers, sending))
        messages = [*self._waiting, *(sending for sending in due if sending.door == "topic")]
        self._waiting = [sending for sending in messages if self._unanswered[sending.number]]
        ready = [sending for sending in messages if not self._unanswered[sending.number]]
        await publisher.deliver([sending.message for sending in ready])
        self.published.note(ready)
        for sending in ready:
            self._may_be_called_off(callers, sending)

    async def _place(self, callers: Callers, sending: Sending) -> None:
        self.published.answered(sending, await callers.place(sending.message))
        self._unanswered[sending.number] -= 1
        self._may_be_called_off(callers, sending)

    def _may_be_called_off(self, callers: Callers, sending: Sending) -> None:
        if sending.cancelled_after_s is not None:
            self._call(self._call_off(callers, sending.number, sending.cancelled_after_s))

    async def _call_off(self, callers: Callers, number: str, after_s: float) -> None:
        """A customer who wants no more."""
        await asyncio.sleep(after_s)
        self.published.cancellations[number] = await callers.call_off(number)

    def _call(self, call: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """What failed stays among the calls, so that who waits for them hears of it."""
        if not task.cancelled() and task.exception() is None:
            self._calls.discard(task)

"""Publishes the load at its rate, and calls off what its customers no longer want."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from channels.publishing import OrderPublisher
from deploy.local.description import Description
from shared.events.channel import ChannelOrderReceived
from shared.eventsourcing.kafka.security import KafkaAccess
from tests.chaos.traffic import Load, Sending

STEP_S = 0.1
MOST_AT_ONCE = 250
PATIENCE = timedelta(minutes=5)
"""How long a channel tries before it gives up: longer than any trouble lasts."""
CANCEL_TRIES = 3


@dataclass(slots=True)
class Published:
    """What a channel knows afterwards."""

    offered: int = 0
    """Orders that it meant to place."""
    accepted: dict[str, ChannelOrderReceived] = field(default_factory=dict)
    """Orders that the broker has acknowledged, by number."""
    poison: set[bytes] = field(default_factory=set)
    """Values that are no order, and that the broker has acknowledged."""
    messages: Counter[str] = field(default_factory=Counter)
    """Acknowledged messages by what they are."""
    cancellations: Counter[str] = field(default_factory=Counter)
    """Answers to cancellations over HTTP."""

    def note(self, sendings: Sequence[Sending]) -> None:
        """The broker has these."""
        for sending in sendings:
            self.messages[sending.what] += 1
            if sending.order is not None:
                self.accepted[sending.number] = sending.order
            elif sending.what == "poison":
                self.poison.add(sending.message.value)


class Channel:
    """Publishes one load."""

    def __init__(self, load: Load, stack: Description, kafka: str) -> None:
        self.published = Published(offered=load.orders)
        self._load = load
        self._stack = stack
        self._kafka = kafka
        self._callers: set[asyncio.Task[None]] = set()

    async def publish(self, progress: Callable[[Published], None]) -> None:
        """Send everything when it is due, and what is late as soon as the broker takes it.

        Raises:
            NotAcknowledged: the broker is away for longer than the channel's patience.
        """
        access = KafkaAccess(bootstrap=self._kafka)
        async with (
            httpx2.AsyncClient(timeout=10, trust_env=False) as http,
            OrderPublisher(access, prefix=self._stack.topic_prefix, patience=PATIENCE) as publisher,
        ):
            began, began_at = time.monotonic(), datetime.now(UTC)
            due: list[Sending] = []
            for sending in self._load.sendings(began_at):
                wait = began + sending.at_s - time.monotonic()
                if due and (wait > 0 or len(due) >= MOST_AT_ONCE):
                    await self._deliver(publisher, http, due)
                    progress(self.published)
                    due = []
                if wait > 0:
                    await asyncio.sleep(max(wait, STEP_S))
                due.append(sending)
            await self._deliver(publisher, http, due)
            progress(self.published)
            await asyncio.gather(*self._callers)

    async def _deliver(self, publisher: OrderPublisher, http: httpx2.AsyncClient, due: Sequence[Sending]) -> None:
        await publisher.deliver([sending.message for sending in due])
        self.published.note(due)
        for sending in due:
            if sending.cancelled_after_s is not None:
                caller = asyncio.create_task(self._call_off(http, sending.number, sending.cancelled_after_s))
                self._callers.add(caller)
                caller.add_done_callback(self._callers.discard)

    async def _call_off(self, http: httpx2.AsyncClient, number: str, after_s: float) -> None:
        """A customer who wants no more: tries a few times, whatever it meets."""
        await asyncio.sleep(after_s)
        url = f"{self._stack.services['order']}/orders/{number}/cancel"
        headers = {"Authorization": f"Bearer {self._stack.operator_key}"}
        answer = "none"
        for _ in range(CANCEL_TRIES):
            with suppress(httpx2.TransportError):
                response = await http.post(url, json={"reason": "changed my mind"}, headers=headers)
                answer = str(response.status_code)
                if response.status_code < httpx2.codes.INTERNAL_SERVER_ERROR:
                    break
            await asyncio.sleep(1)
        self.published.cancellations[answer] += 1

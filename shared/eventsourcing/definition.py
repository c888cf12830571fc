"""What a service is made of: its model, what it listens to, its effects, views and routes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from fastapi import APIRouter

from shared.events.payload import Command, Event, Payload
from shared.events.upcasters import UPCASTERS, Upcasters
from shared.eventsourcing.decider import Model, Reply
from shared.eventsourcing.messages import Arrival, Record
from shared.eventsourcing.views import View, ViewReader

Translate = Callable[[Record], Arrival | None]
"""Bytes from a topic into a message for the model; None when it is none of the service's messages.

Raises `Malformed` when there is no message in the bytes."""

Effect = Callable[[Any], Awaitable[Command]]
"""Carries out an intent outside (with a timeout) and returns what came of it, as a message to the service itself.

An unknown outcome is a result as well: the effect returns it, the decider asks again under the same key."""


class Submit(Protocol):
    """The way in for HTTP callers: decided in the next batch, answered after its commit."""

    async def __call__(
        self,
        message: Payload,
        *,
        partition_key: str,
        actor: str,
        reason: str = "",
        correlation_id: str = "",
        message_id: UUID | None = None,
        body_digest: bytes = b"",
        patient: bool = False,
    ) -> Reply:
        """Decide a message and wait for its commit.

        A repeated `message_id` gets the first answer again. While callers ask who are not `patient`, the broker's
        messages are taken a few at a time. Whoever gives up before the batch of the message begins leaves nothing.

        Raises:
            TimeoutError: it took too long, and may have been decided: to be tried again under the same id.
            StoreUnavailable: too many wait already, or the service is stopping; nothing is kept.
            IdempotencyConflict: the id came before with another `body_digest`.
            KeyParked: the key is parked; the message queues behind it.
            StoreRejects: a text holds the character NUL; nothing is kept.
        """
        ...


class IdempotencyConflict(Exception):
    """An idempotency key came again with another body."""


class KeyParked(Exception):
    """Work under this key stands still until operations has dealt with a failed message; this one waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDefinition:
    """A service, ready to be assembled with a store, a broker and a clock."""

    model: Model
    topics: tuple[str, ...]
    """The topics it consumes, without their prefix."""
    translate: Translate
    internal: tuple[type[Payload], ...] = ()
    """Its messages to itself: reminders, results of effects."""
    upcasters: Upcasters = field(default_factory=lambda: UPCASTERS)
    """How what it stored in older versions is read."""
    effects: Mapping[type[Event], Effect] = field(default_factory=dict)
    views: tuple[View, ...] = ()
    routers: Callable[[Submit, ViewReader], Sequence[APIRouter]] | None = None
    """Its HTTP routes beside the operations API."""
    resources: tuple[AbstractAsyncContextManager[Any], ...] = ()
    """What is opened before the first effect and closed after the last one: HTTP clients, for example."""

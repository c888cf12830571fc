"""What domain code sees: one message and some states in, a decision out. No I/O, no clock, no random."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from shared.events.payload import Command, Event, Payload

S = TypeVar("S")
M = TypeVar("M", bound=Payload)


class Context(Struct, frozen=True, kw_only=True, gc=False):
    """What a decision may know beside the message: time and identity are passed in, never looked up."""

    now: datetime
    message_id: UUID
    partition_key: str
    """Decides the lane; everything that follows from the message travels under it."""
    correlation_id: str
    """The order that the message is about, or what stands for it."""
    actor: str
    """Who did it: a person's or a client's name, or `system`."""
    reason: str = ""
    """Why, where a person decided."""


class Recorded(Struct, frozen=True, gc=False):
    """A fact and the stream that records it."""

    stream: str
    event: Event


class Reminder(Struct, frozen=True, gc=False):
    """A message to the service itself at a time; one that comes too late to matter is ignored by the state."""

    at: datetime
    message: Command
    partition_key: str = ""
    """Empty: the key of the message that caused it."""


class Reply(Struct, frozen=True, gc=False):
    """The answer to a caller who waits; `refused`, `not_found` and `conflict` are business answers, not errors."""

    outcome: Literal["created", "accepted", "refused", "not_found", "conflict"]
    body: Mapping[str, Any] = {}


class Decision(Struct, frozen=True, gc=False):
    """What follows from one message: facts, requests to other services, messages to itself, and an answer."""

    events: tuple[Recorded, ...] = ()
    commands: tuple[Command, ...] = ()
    reminders: tuple[Reminder, ...] = ()
    reply: Reply | None = None

    def __add__(self, other: "Decision") -> "Decision":
        return Decision(
            self.events + other.events,
            self.commands + other.commands,
            self.reminders + other.reminders,
            self.reply or other.reply,
        )


NOTHING = Decision()
"""The decision that the message changes nothing."""


@dataclass(frozen=True, slots=True)
class Category(Generic[S]):
    """A kind of stream: how its state begins, and how a fact changes it."""

    name: str
    state_type: Any
    """The type of the state, or the union of its statuses told apart by their `status`."""
    initial: S
    evolve: Callable[[S, Event], S]

    def stream(self, key: str) -> str:
        """The name of one stream of this category."""
        return f"{self.name}-{key}"


class States(Protocol):
    """The states of all the streams that a message touches."""

    def of(self, category: Category[S], key: str) -> S:
        """The state of one stream, its initial state if nothing is recorded yet.

        Raises:
            LookupError: the stream was not named by the route's `streams`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Route(Generic[M]):
    """How one kind of message is decided: the streams it touches, named first, and the rule."""

    streams: Callable[[M], tuple[str, ...]]
    decide: Callable[[States, M, Context], Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """All that a service decides."""

    service: str
    categories: tuple[Category[Any], ...]
    routes: Mapping[type[Payload], Route[Any]]
    """Every message that the service takes, from others or from itself."""
    reactions: Mapping[type[Event], Callable[[States, Any, Context], Decision]] = field(default_factory=dict)
    """What one decider of the service does when another of its deciders states a fact: decided in the same
    transaction, on the streams that the first message named."""

    def category_of(self, stream: str) -> Category[Any]:
        """The category of a stream.

        Raises:
            LookupError: no category has that name.
        """
        name = stream.partition("-")[0]
        for category in self.categories:
            if category.name == name:
                return category
        raise LookupError(f"{self.service} owns no stream {stream}")


class StreamStates:
    """The states of some streams, folded forward in memory as facts are decided."""

    def __init__(self, model: Model, states: dict[str, Any]) -> None:
        self._model = model
        self._states = states

    def of(self, category: Category[S], key: str) -> S:
        stream = category.stream(key)
        if stream not in self._states:
            raise LookupError(f"stream {stream} was not named by the message's route")
        state: S = self._states[stream]
        return state

    def record(self, recorded: Recorded) -> None:
        """Fold one fact into the state of its stream."""
        category = self._model.category_of(recorded.stream)
        if recorded.stream not in self._states:
            raise LookupError(f"stream {recorded.stream} was not named by the message's route")
        self._states[recorded.stream] = category.evolve(self._states[recorded.stream], recorded.event)

    def restricted_to(self, streams: tuple[str, ...]) -> "StreamStates":
        """A copy that knows only the named streams; streams that hold nothing yet begin at their initial state."""
        return StreamStates(
            self._model,
            {
                stream: self._states[stream] if stream in self._states else self._model.category_of(stream).initial
                for stream in streams
            },
        )

    def items(self) -> Iterator[tuple[str, Any]]:
        """Every stream with its state."""
        return iter(self._states.items())


MAX_REACTIONS = 1_000
"""More reactions than this to one message is a loop between deciders, not a decision."""


def decide(
    model: Model, states: StreamStates, message: Payload, context: Context
) -> tuple[Decision, StreamStates]:
    """Decide one message with all reactions to it; returns the whole decision and the states after it.

    The given states are not changed, so a decision that raises leaves nothing behind.

    Raises:
        LookupError: no route takes the message, or a stream was not named by it.
        RecursionError: deciders react to each other without end.
    """
    route = model.routes.get(type(message))
    if route is None:
        raise LookupError(f"{model.service} does not take {message.wire_type}")
    after = states.restricted_to(route.streams(message))
    decision = route.decide(after, message, context)
    pending = list(decision.events)
    reacted = 0
    while pending:
        recorded = pending.pop(0)
        after.record(recorded)
        reaction = model.reactions.get(type(recorded.event))
        if reaction is None:
            continue
        reacted += 1
        if reacted > MAX_REACTIONS:
            raise RecursionError(f"deciders of {model.service} react to each other without end")
        followed = reaction(after, recorded.event, context)
        decision = decision + followed
        pending.extend(followed.events)
    return decision, after

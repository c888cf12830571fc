"""Given / when / then for deciders: facts in, one message, the whole decision out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from shared.events.payload import Command, Event, Payload
from shared.eventsourcing.decider import (
    Category,
    Context,
    Decision,
    Model,
    Recorded,
    Reminder,
    Reply,
    StreamStates,
    decide,
)

S = TypeVar("S")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""The default time of a scenario."""


@dataclass(frozen=True)
class Scenario:
    """A model and its past.

    >>> Scenario(model).given("stock-A", StockReceived(...)).when(ReserveStock(...)).then(Recorded(...))
    """

    model: Model
    states: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = NOON

    def given(self, stream: str, *events: Event) -> "Scenario":
        """The same scenario after these facts of one stream."""
        category = self.model.category_of(stream)
        state = self.states.get(stream, category.initial)
        for event in events:
            state = category.evolve(state, event)
        return replace(self, states={**self.states, stream: state})

    def at(self, now: datetime) -> "Scenario":
        """The same scenario at another time."""
        return replace(self, now=now)

    def when(self, message: Payload, *, actor: str = "system", reason: str = "") -> "Outcome":
        """Decide one message."""
        context = Context(
            now=self.now,
            message_id=UUID(int=1),
            partition_key="key",
            correlation_id="key",
            actor=actor,
            reason=reason,
        )
        decision, after = decide(self.model, StreamStates(self.model, dict(self.states)), message, context)
        return Outcome(replace(self, states={**self.states, **dict(after.items())}), decision)


@dataclass(frozen=True)
class Outcome:
    """What was decided; `after` is the scenario in which it has happened."""

    after: Scenario
    decision: Decision

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(recorded.event for recorded in self.decision.events)

    @property
    def commands(self) -> tuple[Command, ...]:
        return self.decision.commands

    @property
    def reminders(self) -> tuple[Reminder, ...]:
        return self.decision.reminders

    @property
    def reply(self) -> Reply | None:
        return self.decision.reply

    def then(self, *events: Recorded | Event) -> "Outcome":
        """Exactly these facts, in this order; a bare event matches whatever stream records it."""
        found = tuple(
            recorded if isinstance(expected, Recorded) else recorded.event
            for recorded, expected in zip(self.decision.events, events, strict=False)
        )
        assert found + self.decision.events[len(found) :] == events, _difference(events, self.decision.events)
        return self

    def then_asked(self, *commands: Command) -> "Outcome":
        """Exactly these requests to other services, in this order."""
        assert self.decision.commands == commands, _difference(commands, self.decision.commands)
        return self

    def then_nothing_happened(self) -> "Outcome":
        """No fact, no request, no reminder."""
        empty: tuple[object, ...] = ()
        happened = (*self.decision.events, *self.decision.commands, *self.decision.reminders)
        assert happened == empty, _difference(empty, happened)
        return self

    def state(self, category: Category[S], key: str) -> S:
        """The state of one stream afterwards."""
        state: S = self.after.states.get(category.stream(key), category.initial)
        return state


def _difference(expected: tuple[Any, ...], found: tuple[Any, ...]) -> str:
    lines = ["expected:", *(f"  {item!r}" for item in expected), "decided:", *(f"  {item!r}" for item in found)]
    return "\n".join(lines)

"""Streams folded anew, a page at a time: a SKU's stream never ends, and the rest of the process has to go on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

import orjson

from shared.eventsourcing.batch import StateCodec
from shared.eventsourcing.decider import Model
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.problems import problem
from shared.eventsourcing.store import LogEntry, Store

FACTS_AT_ONCE = 2_000
"""So many are read and folded before the loop does something else."""
LAST_VERSION = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Which facts of a stream are asked for: up to a version, and to the first that was recorded after a time."""

    version: int = LAST_VERSION
    at: datetime | None = None

    def of(self, page: Sequence[LogEntry]) -> Sequence[LogEntry]:
        """The facts of it that a page begins with: clocks differ, so a later fact may bear an earlier time."""
        return list(takewhile(self._holds, page))

    def _holds(self, fact: LogEntry) -> bool:
        return fact.version <= self.version and (self.at is None or fact.recorded_at <= self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What so many facts of a stream come to."""

    facts: int
    version: int
    """Of the last fact."""
    state: Any
    """JSON."""


class Folds:
    """Folds streams of one service."""

    def __init__(self, model: Model, store: Store, decoder: Decoder) -> None:
        self._model = model
        self._codec = StateCodec(model)
        self._store = store
        self._decoder = decoder

    async def pages(self, stream: str, period: Period) -> AsyncIterator[Sequence[LogEntry]]:
        """The facts of a stream in the order of their versions."""
        after = 0
        while after < period.version:
            page = await self._store.stream_events(stream, after, FACTS_AT_ONCE)
            held = period.of(page)
            yield held
            if len(held) < FACTS_AT_ONCE:
                return
            after = page[-1].version
            await asyncio.sleep(0)  # a store in memory answers without letting go

    async def fold(self, stream: str, period: Period) -> Fold:
        """The state that the facts of a stream make.

        Raises:
            Problem: the service has no such streams, or a fact can't be folded.
        """
        try:
            category = self._model.category_of(stream)
        except LookupError as error:
            raise problem(404, "Unknown stream", f"{self._model.service} has no stream {stream}") from error
        state, facts, version = category.initial, 0, 0
        async for page in self.pages(stream, period):
            for fact in page:
                try:
                    state = category.evolve(state, self._decoder.read(fact.type, fact.payload))  # type: ignore[arg-type]  # a stream records events only
                except Exception as error:  # someone altered the log, and an operator wants to know where
                    detail = f"version {fact.version} of {stream} can't be folded: {type(error).__name__}"
                    raise problem(500, "Altered facts", detail, version=fact.version) from error
                facts, version = facts + 1, fact.version
        return Fold(facts=facts, version=version, state=orjson.loads(self._codec.encode(stream, state)))

"""Keeps a view up to date: reads the log after its cursor and rewrites the rows that changed."""

import heapq
from collections.abc import Mapping, Sequence
from typing import cast

import structlog

from shared.events.payload import Event
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.messages import Malformed
from shared.eventsourcing.nul import storable
from shared.eventsourcing.reading_lanes import LaneReader
from shared.eventsourcing.store import (
    LeaseLost,
    LogEntry,
    Store,
    StoreConflict,
    StoreUnavailable,
)
from shared.eventsourcing.views import Fact, Row, View

log = structlog.get_logger()

GATHER_S = 0.2
"""How long facts gather after some were written, so that several changes of a row are written once."""
PAUSE_AFTER_FAILURE_S = 5.0
"""How long a view stands still that can't fold a fact."""
FAR_BEHIND = 1_000
"""With so many at once it has a past to catch up with, and goes on."""


class Projector:
    """Feeds each fact to the view once: rows and cursors move in one transaction."""

    def __init__(self, view: View, reader: LaneReader, store: Store, clock: Clock, decoder: Decoder) -> None:
        self._view = view
        self._decoder = decoder
        self._reader = reader
        self._store = store
        self._clock = clock
        self._stopping = False

    async def run(self) -> None:
        """Keep the view up to date until `stop`."""
        while not self._stopping:
            try:
                await self._reader.hold()
                slices = await self._reader.read()
                if not slices:
                    await self._reader.pause()
                    continue
                if not any(one.entries for one in slices):
                    self._reader.note({one.lane: one.scanned_to for one in slices})
                    continue
                lanes = [[self._fact(entry) for entry in one.entries] for one in slices]
                facts = list(heapq.merge(*lanes, key=lambda fact: fact.recorded_at))  # each lane in its order
                moved = self._reader.moved({one.lane: one.scanned_to for one in slices})
                projection = _Folding(self._view, facts)
                await self._store.project(self._reader.name, self._reader.owner, moved, projection)
                self._reader.settle(moved, {lease.lane for lease in moved})
                if len(facts) < FAR_BEHIND and not self._stopping:
                    await self._clock.sleep(GATHER_S)
            except (StoreUnavailable, StoreConflict, LeaseLost) as error:
                log.warning("view will be brought up to date again", view=self._view.name, error=str(error))
                self._reader.forget()
                await self._clock.sleep(0.2)
            except Exception as error:
                # Orders are taken without a view; how far it is behind can be seen.
                which = error.which if isinstance(error, _Unfoldable) else {}
                log.exception("view stands still", view=self._view.name, pause_s=PAUSE_AFTER_FAILURE_S, **which)
                await self._clock.sleep(PAUSE_AFTER_FAILURE_S)

    def stop(self) -> None:
        """Return from `run` after the batch in hand."""
        self._stopping = True
        self._reader.wake()

    def _event(self, entry: LogEntry) -> Event:
        message = entry.message
        if message is None:
            try:
                message = self._decoder.read(entry.type, entry.payload)
            except Malformed as error:
                raise _Unfoldable(entry) from error
        # The view asked for events only; to ask a model for its class costs more than to read it.
        return cast("Event", message)

    def _fact(self, entry: LogEntry) -> Fact:
        return Fact(
            event=self._event(entry),
            id=entry.id,
            stream=entry.stream,
            version=entry.version,
            lane=entry.lane,
            position=entry.position,
            partition_key=entry.partition_key,
            correlation_id=entry.correlation_id,
            actor=entry.actor,
            reason=entry.reason,
            occurred_at=entry.occurred_at,
            recorded_at=entry.recorded_at,
        )


class _Folding:
    """Implements `Projection` for some facts of a view."""

    def __init__(self, view: View, facts: Sequence[Fact]) -> None:
        self._view = view
        self._facts: list[tuple[str, Fact]] = []
        for fact in facts:
            try:
                self._facts += [(storable(key, 500), fact) for key in view.keys(fact.event)]
            except Exception as error:
                raise _Unfoldable(fact) from error
        self.keys: Sequence[str] = sorted({key for key, _ in self._facts})

    def apply(self, rows: Mapping[str, Row]) -> Mapping[str, Row | None]:
        after: dict[str, Row | None] = {key: rows.get(key) for key in self.keys}
        for key, fact in self._facts:
            try:
                after[key] = self._view.project(key, after[key], fact)
            except Exception as error:
                raise _Unfoldable(fact) from error
        return after


class _Unfoldable(Exception):
    """A fact that the view does not get past."""

    def __init__(self, fact: LogEntry | Fact) -> None:
        self.which = {
            "fact": str(fact.id),
            "stream": fact.stream,
            "version": fact.version,
            "lane": fact.lane,
            "position": fact.position,
            "correlation_id": fact.correlation_id,
        }
        super().__init__(f"version {fact.version} of {fact.stream}")

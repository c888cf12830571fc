"""Reminders: messages of the service to itself, brought back when they are due."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from shared.eventsourcing.bell import Bell
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.messages import Arrival, Malformed
from shared.eventsourcing.parking import unreadable_reminder
from shared.eventsourcing.pipeline import Pipeline
from shared.eventsourcing.store import ParkedMessage, Store, StoreConflict, StoredReminder, StoreUnavailable

log = structlog.get_logger()

AT_ONCE = 500
"""Due reminders taken in one batch."""
POLL_S = 1.0
"""How often the store is asked without being woken: another instance may have set a reminder."""


class Reminders:
    """Feeds due reminders to the pipeline. Several instances may bring the same one: the inbox takes it once."""

    def __init__(self, store: Store, clock: Clock, pipeline: Pipeline, decoder: Decoder) -> None:
        self._store = store
        self._clock = clock
        self._pipeline = pipeline
        self._decoder = decoder
        self._woken = Bell()
        self._stopping = False

    def wake(self, earliest: datetime | None) -> None:
        """Say that a reminder was set; only one that is due before the next look matters."""
        if earliest is not None and (earliest - self._clock.now()).total_seconds() < POLL_S:
            self._woken.ring()

    def stop(self) -> None:
        """Return from `run` after the batch in hand."""
        self._stopping = True
        self._woken.ring()

    async def run(self) -> None:
        """Bring reminders until `stop`."""
        while not self._stopping:
            try:
                due = await self._store.due_reminders(self._clock.now(), AT_ONCE)
                if due:
                    await self._bring(due)
                else:
                    await self._pause()
            except (StoreUnavailable, StoreConflict) as error:
                log.warning("reminders will be looked for again", error=str(error))
                await self._clock.sleep(0.5)

    async def _bring(self, due: Sequence[StoredReminder]) -> None:
        """One that can't be read parks under its key, so that it keeps no other back and a person sees it."""
        arrivals: list[Arrival] = []
        unreadable: list[ParkedMessage] = []
        for one in due:
            try:
                arrivals.append(self._arrival(one))
            except Malformed as error:
                log.error(
                    "reminder parked: it can't be read",
                    key=one.partition_key,
                    correlation_id=one.correlation_id,
                    error=str(error),
                )
                unreadable.append(unreadable_reminder(self._clock, one, str(error)))
        await self._pipeline.take(arrivals, unreadable)

    async def _pause(self) -> None:
        coming = await self._store.next_reminder_at()
        seconds = POLL_S
        if coming is not None:
            seconds = min(POLL_S, max(0.0, (coming - self._clock.now()).total_seconds()))
        await self._woken.heard_within(seconds)

    def _arrival(self, reminder: StoredReminder) -> Arrival:
        return Arrival(
            message=self._decoder.read(reminder.type, reminder.payload),
            message_id=reminder.id,
            partition_key=reminder.partition_key,
            correlation_id=reminder.correlation_id,
            source="reminder",
            actor=reminder.actor,
            traceparent=reminder.traceparent,
        )

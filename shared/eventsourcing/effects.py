"""Side effects: intents are read from the log after their commit, carried out, and their results fed back."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from shared.events.payload import Event
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.definition import Effect
from shared.eventsourcing.failpoints import reach
from shared.eventsourcing.ids import named_id
from shared.eventsourcing.messages import Arrival
from shared.eventsourcing.pipeline import Pipeline
from shared.eventsourcing.reading_lanes import LaneReader
from shared.eventsourcing.store import LaneSlice, LogEntry, Store, StoreConflict, StoreUnavailable

log = structlog.get_logger()

AT_ONCE = 128
"""Effects under way at the same time."""
MOST_OPEN = 2_048
"""Effects begun and not done: those under way, and those that failed and rest before they are tried again."""
PAUSE_AFTER_FAILURE_S = (0.5, 30.0)
"""First and longest pause before an effect that failed unexpectedly is tried again."""


@dataclass(slots=True)
class _Window:
    """A lane's intents under way: the cursor moves when all before it are done."""

    epoch: int
    scanned_to: int
    since: datetime
    """Intents recorded before may have been carried out by whoever held the lane then."""
    open: set[int] = field(default_factory=set)

    @property
    def done_to(self) -> int:
        return min(self.open) - 1 if self.open else self.scanned_to


class EffectWorker:
    """Carries out intents at least once; results carry an id made from the intent's, so they count once."""

    def __init__(
        self,
        reader: LaneReader,
        store: Store,
        clock: Clock,
        pipeline: Pipeline,
        effects: Mapping[type[Event], Effect],
        decoder: Decoder,
        *,
        failed: Callable[[str], None],
    ) -> None:
        """`failed` is told the wire type of an intent at each failure."""
        self._reader = reader
        self._store = store
        self._clock = clock
        self._pipeline = pipeline
        self._effects = {event.wire_type: effect for event, effect in effects.items()}
        self._decoder = decoder
        self._failed = failed
        self._windows: dict[int, _Window] = {}
        self._scanned: dict[int, int] = {}
        self._tenures = -1
        self._moved: set[int] = set()
        """Lanes whose windows may have moved since it was last noted."""
        self._running: set[asyncio.Task[None]] = set()
        self._resting = 0
        """Of those that run."""
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._stopping = False

    async def run(self) -> None:
        """Carry out intents until `stop`."""
        while not self._stopping:
            try:
                await self._reader.hold()
                self._follow_leases()
                self._note()
                if self._full() or not await self._begin_next():
                    await self._reader.pause()
            except (StoreUnavailable, StoreConflict) as error:
                log.warning("effects will be looked for again", error=str(error))
                self._reader.forget()
                await self._clock.sleep(0.5)
        if self._running:
            await asyncio.wait(self._running, timeout=10)
        with contextlib.suppress(StoreUnavailable, StoreConflict):
            self._note()
            await self._reader.tell()

    def stop(self) -> None:
        """Begin nothing new and return from `run` when what is under way has ended."""
        self._stopping = True
        self._reader.wake()

    def _full(self) -> bool:
        """Whether new intents have to wait; those that keep failing hold nobody up."""
        return len(self._running) >= MOST_OPEN or len(self._running) - self._resting >= AT_ONCE

    def _note(self) -> None:
        moved = {lane: window.done_to for lane in self._moved if (window := self._windows.get(lane)) is not None}
        self._moved.clear()
        if moved:
            self._reader.note(moved)

    def _follow_leases(self) -> None:
        if self._tenures == self._reader.tenures:
            return
        self._tenures = self._reader.tenures
        leases = self._reader.leases
        for lane in [lane for lane, window in self._windows.items() if lane not in leases]:
            del self._windows[lane]
        for lane, lease in leases.items():
            window = self._windows.get(lane)
            if window is not None and window.epoch + 1 == lease.epoch:
                # The lease had run out and nobody else has had the lane since: what is under way goes on.
                window.epoch = lease.epoch
            elif window is None or window.epoch != lease.epoch:
                self._windows[lane] = _Window(lease.epoch, lease.position, self._clock.now())
        self._scanned = {lane: window.scanned_to for lane, window in self._windows.items()}
        self._moved.update(self._windows)

    async def _begin_next(self) -> bool:
        slices = await self._reader.read(self._scanned)
        done = await self._done_before(slices)
        for one in slices:
            window = self._windows.get(one.lane)
            if window is None:
                continue
            window.scanned_to = self._scanned[one.lane] = one.scanned_to
            self._moved.add(one.lane)
            for entry in one.entries:
                if _result_id(entry) in done:
                    continue
                window.open.add(entry.position)
                task = asyncio.create_task(self._carry_out(entry, window))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        return bool(slices)

    def _still_held(self, lane: int, window: _Window) -> bool:
        """Whether the lane is held as when the intent was read; what was let go, its next holder reads anew."""
        if self._reader.lapsed and self._windows.get(lane) is window:
            del self._windows[lane], self._scanned[lane]
            self._tenures = -1
            self._reader.wake()
        return self._windows.get(lane) is window

    async def _done_before(self, slices: Sequence[LaneSlice]) -> frozenset[UUID]:
        """Results that are there already: a cursor stays at the oldest open intent; others are done past it."""
        suspects = [
            _result_id(entry)
            for one in slices
            for entry in one.entries
            if (window := self._windows.get(one.lane)) is not None and entry.recorded_at <= window.since
        ]
        return await self._store.taken(suspects) if suspects else frozenset()

    async def _carry_out(self, entry: LogEntry, window: _Window) -> None:
        # The task's own: all that the effect logs says what it is about.
        structlog.contextvars.bind_contextvars(correlation_id=entry.correlation_id)
        pause, longest = PAUSE_AFTER_FAILURE_S
        while not self._stopping:
            try:
                async with self._slots:
                    if not self._still_held(entry.lane, window):
                        return
                    intent = entry.message or self._decoder.read(entry.type, entry.payload)
                    reach("before_effect")
                    result = await self._effects[intent.wire_type](intent)
                    reach("after_effect")
                await self._pipeline.take(
                    [
                        Arrival(
                            message=result,
                            message_id=_result_id(entry),
                            partition_key=entry.partition_key,
                            correlation_id=entry.correlation_id,
                            source="effect",
                            traceparent=entry.traceparent,
                        )
                    ]
                )
            except Exception:
                self._failed(entry.type)
                log.exception(
                    "effect failed", intent=entry.type, correlation_id=entry.correlation_id, pause_s=pause
                )
                await self._rest(pause)
                pause = min(pause * 2, longest)
            else:
                window.open.discard(entry.position)
                self._moved.add(entry.lane)
                self._reader.wake()
                return

    async def _rest(self, seconds: float) -> None:
        """Leave one's place to others for so long."""
        self._resting += 1
        self._reader.wake()
        try:
            await self._clock.sleep(seconds)
        finally:
            self._resting -= 1


def _result_id(entry: LogEntry) -> UUID:
    """The id of the message that an intent's result comes back as: the same however often it is carried out."""
    return named_id("result", within=entry.id)

"""An event loop under virtual time with a seeded scheduler: one seed, one interleaving, on every machine."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, TypeVarTuple

from shared.eventsourcing.ids import UUID

Args = TypeVarTuple("Args")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins."""


class Stalled(Exception):
    """Nothing is ready and nothing is scheduled: every task waits for another."""


class _Call(asyncio.TimerHandle):
    """What is to be run; made in the tens of thousands, so it keeps no account of where it came from."""

    __slots__ = ()
    _when: float

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], loop: "VirtualLoop", context: Context | None
    ) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._source_traceback = self._repr = None

    def cancel(self) -> None:
        self._cancelled = True
        self._callback, self._args = _nothing, ()


def _nothing() -> None:
    return None


class VirtualLoop(asyncio.BaseEventLoop):
    """Waits cost nothing: time jumps to the next timer. What is ready runs in seeded order."""

    _stopping: bool

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._virtual_s = 0.0
        self._ready: deque[_Call] = deque()
        self._timers: list[tuple[float, int, _Call]] = []
        self._numbers = count()

    def time(self) -> float:
        return self._virtual_s

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> _Call:
        call = _Call(callback, args, self, context)
        self._ready.append(call)
        return call

    def call_later(
        self, delay: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> _Call:
        return self.call_at(self._virtual_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> _Call:
        call = _Call(callback, args, self, context)
        call._when = when
        heappush(self._timers, (when, next(self._numbers), call))
        return call

    def begin_round(self) -> None:
        """Called before what is ready is run."""

    def _run_once(self) -> None:
        """One round, as asyncio has it: what becomes ready meanwhile waits for the next.

        Raises:
            Stalled: there is no timer and nothing is ready.
        """
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise Stalled("every task waits for another")
            self._virtual_s = max(self._virtual_s, timers[0][0])
        while timers and timers[0][0] <= self._virtual_s:
            ready.append(heappop(timers)[2])
        self.begin_round()
        if len(ready) > 1:
            self._shuffle()
        for _ in range(len(ready)):
            call = ready.popleft()
            if not call._cancelled:
                call._run()

    def _shuffle(self) -> None:
        ready = self._ready
        if len(ready) == 2:
            if self._random.random() < 0.5:
                ready.rotate()
            return
        calls = list(ready)
        self._random.shuffle(calls)
        ready.clear()
        ready.extend(calls)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no files."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken."""


class VirtualClock:
    """Implements `Clock` on a virtual loop; a jump moves one process's clock against the others."""

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        self._loop = loop
        self._random = random
        self._offset = timedelta()
        self._newest = 0
        self._read_at = 0.0
        self._read = EPOCH

    def now(self) -> datetime:
        at = self._loop.time()
        if at != self._read_at:
            self._read_at, self._read = at, EPOCH + timedelta(seconds=at) + self._offset
        return self._read

    def jump(self, seconds: float) -> None:
        """Move this clock, forwards or backwards."""
        self._offset += timedelta(seconds=seconds)
        self._read += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> UUID:
        milliseconds = int(self.now().timestamp() * 1000)
        # Ids rise, as the real ones do: within a millisecond, and when the clock jumps back.
        self._newest = max(self._newest + 1, milliseconds << 12)
        number = (self._newest >> 12) << 80 | 7 << 76 | (self._newest & 0xFFF) << 64
        return UUID((number | 2 << 62 | self._random.getrandbits(62)).to_bytes(16))


@contextmanager
def virtual_loop(random: Random) -> Iterator[VirtualLoop]:
    """A virtual loop that is the current one, closed in the end with all that still runs on it."""
    loop = VirtualLoop(random)
    try:
        asyncio.set_event_loop(loop)
        yield loop
        _cancel_all(loop)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _cancel_all(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

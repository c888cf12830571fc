"""An event loop under virtual time with a seeded scheduler: one seed, one interleaving, on every machine."""

import asyncio
import selectors
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins."""


class Stalled(Exception):
    """Nothing is ready and nothing is scheduled: every task waits for another."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Waits cost nothing: time jumps to the next timer. What is ready runs in seeded order."""

    def __init__(self, random: Random) -> None:
        self._virtual_s = 0.0
        self._shuffle = random.shuffle
        super().__init__(_NoFiles(self))

    def time(self) -> float:
        return self._virtual_s

    def pass_time(self, seconds: float | None) -> None:
        """Let time pass until the next timer, and shuffle what is ready.

        Raises:
            Stalled: there is no timer and nothing is ready.
        """
        if seconds is None:
            raise Stalled("every task waits for another")
        if seconds > 0:
            self._virtual_s += seconds
        ready: Any = self._ready  # type: ignore[attr-defined]  # asyncio offers no door to its queue
        if len(ready) > 1:
            handles = list(ready)
            self._shuffle(handles)
            ready.clear()
            ready.extend(handles)


class VirtualClock:
    """Implements `Clock` on a virtual loop; a jump moves one process's clock against the others."""

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        self._loop = loop
        self._random = random
        self._offset = timedelta()
        self._newest = 0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time()) + self._offset

    def jump(self, seconds: float) -> None:
        """Move this clock, forwards or backwards."""
        self._offset += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> UUID:
        milliseconds = int(self.now().timestamp() * 1000)
        # Ids rise, as the real ones do: within a millisecond, and when the clock jumps back.
        self._newest = max(self._newest + 1, milliseconds << 12)
        number = (self._newest >> 12) << 80 | 7 << 76 | (self._newest & 0xFFF) << 64
        return UUID(int=number | 2 << 62 | self._random.getrandbits(62))


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


class _NoFiles(selectors.BaseSelector):
    """A selector without files: instead of waiting it lets virtual time pass."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, -1, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, -1, 0, None)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.pass_time(timeout)
        return []

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}

"""Processes inside one event loop: each can be killed at any await, or frozen and woken."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

from shared.eventsourcing.memory.virtual_time import VirtualLoop

_CURRENT: ContextVar["Process | None"] = ContextVar("process", default=None)


class Killed(asyncio.CancelledError):
    """The process is dead: whatever of it still unwinds gets no further than this."""


MOST_STEPS = 150_000
"""An ordinary world takes some ten thousand."""


class Exhausted(Exception):
    """The world goes on and on without coming to rest."""


class Process:
    """One process: its tasks, whether it lives, and what is to befall it at which moment."""

    def __init__(self, name: str, loop: "ProcessLoop") -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.set_aside: list[Any] = []
        self._thawed = asyncio.Event()
        self._loop = loop
        self._tasks: list[asyncio.Task[Any]] = []
        self._strikes: dict[str, list[Callable[[], None]]] = {}
        self._context: Context = copy_context()
        self._context.run(_CURRENT.set, self)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine, and all that it starts, as part of this process."""
        return self._loop.create_task(work, context=self._context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Count a task among those that end with the process."""
        self._tasks.append(task)

    def strike_at(self, moment: str, strike: Callable[[], None]) -> None:
        """Let something befall the process when it next reaches a moment."""
        self._strikes.setdefault(moment, []).append(strike)

    def calm(self) -> None:
        """Take back all that has not befallen it yet."""
        self._strikes.clear()

    def reach(self, moment: str) -> None:
        """Called by its ports and failpoints.

        Raises:
            Killed: the process is dead, or dies here.
        """
        if not self.alive:
            raise Killed(self.name)
        if strikes := self._strikes.get(moment):
            strikes.pop(0)()
            if not self.alive:
                raise Killed(self.name)

    async def stand(self, moment: str) -> None:
        """Reach a moment, and get no further while the process is frozen, be it here that it froze."""
        self.reach(moment)
        while self.frozen:
            await self._thawed.wait()
            if not self.alive:
                raise Killed(self.name)

    def kill(self) -> None:
        """End it where it stands; its ports are dead before the first of its `finally` blocks runs."""
        self.alive = False
        for task in self._tasks:
            if not task.done():
                task.cancel()
        self._tasks.clear()
        self.thaw()

    def freeze(self) -> None:
        """Stop it like SIGSTOP: nothing of it runs, its connections and locks stay."""
        if self.alive and not self.frozen:
            self.frozen = True
            self._thawed.clear()
            self._loop.frozen += 1

    def thaw(self) -> None:
        """Let it go on where it stood, without a notion of the time that has passed."""
        if self.frozen:
            self.frozen = False
            self._thawed.set()
            self._loop.frozen -= 1
            self._loop.run_again(self.set_aside)
            self.set_aside = []


def reached(moment: str) -> None:
    """A failpoint of the running process; nothing outside of one."""
    process = _CURRENT.get()
    if process is not None:
        process.reach(moment)


class ProcessLoop(VirtualLoop):
    """A virtual loop that knows to which process each of its tasks belongs."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.frozen = 0
        self.steps = 0
        self.set_task_factory(_adopting)

    def begin_round(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Exhausted
        if self.frozen:
            self._set_frozen_aside()

    def run_again(self, handles: list[Any]) -> None:
        """Put back what was set aside."""
        self._ready.extend(handles)

    def _set_frozen_aside(self) -> None:
        kept = []
        for handle in self._ready:
            process = handle._context.get(_CURRENT)
            if process is not None and process.frozen:
                process.set_aside.append(handle)
            else:
                kept.append(handle)
        self._ready.clear()
        self._ready.extend(kept)


def _adopting(
    loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None, **options: Any
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context, **options)
    process = _CURRENT.get() if context is None else context.get(_CURRENT)
    if process is not None:
        process.adopt(task)
    return task

"""The way to the world outside: a request arrives or not, is answered or not, early or late."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeVar

from tests.simulation.processes import Process

A = TypeVar("A")
B = TypeVar("B")

Fate = Literal["answered", "request lost", "answer lost", "late", "failed before", "failed after"]
"""What becomes of a request. `late`: it takes effect after the caller has given up."""
TROUBLE: tuple[Fate, ...] = ("request lost", "answer lost", "late", "failed before", "failed after")
TIMEOUT_S = 2.0
Told = Callable[[], None]
"""Is told that something struck."""


@dataclass(slots=True)
class Wire:
    """Carries requests to one outside party. What was sent is under way, whatever becomes of its sender."""

    random: Random
    fates: dict[str, list[tuple[Fate, Told]]] = field(default_factory=lambda: defaultdict(list))
    """What becomes of the next requests for an operation, and who is told; others are answered."""
    down: bool = False
    falls: list[tuple[float, Told]] = field(default_factory=list)
    """With the next request the other side goes down, for so many seconds; and who is told of it."""
    under_way: int = 0
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each operation met each fate."""
    _outside: Context = field(default_factory=copy_context)

    async def ask(
        self, process: Process, operation: str, serve: Callable[[], A], silent: Callable[[str], B]
    ) -> A | B:
        """Send a request from a process and wait for what comes back; silence is an answer as well."""
        await process.stand("before request")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A | B] = loop.create_future()
        fate = self._fate(operation)
        there, back = 0.001 * self.random.randint(1, 20), 0.001 * self.random.randint(1, 20)
        if fate == "late":
            there = TIMEOUT_S + 0.1 * self.random.randint(1, 100)
        self.under_way += 1

        def arrive() -> None:
            self.under_way -= 1
            reply: A | B = silent("HTTP 503") if fate in ("request lost", "failed before") else serve()
            if fate == "failed after":
                reply = silent("HTTP 500")
            if fate in ("answered", "failed before", "failed after"):
                loop.call_later(back, _deliver, answer, reply, context=self._outside)

        loop.call_later(there, arrive, context=self._outside)
        if fate in ("request lost", "answer lost", "late"):
            loop.call_later(TIMEOUT_S, _deliver, answer, silent("no answer in time"), context=self._outside)
        outcome = await answer
        await process.stand("after request")
        return outcome

    def rise(self) -> None:
        """The other side answers again."""
        self.down = False

    def _fate(self, operation: str) -> Fate:
        while self.falls:
            seconds, struck = self.falls.pop()
            asyncio.get_running_loop().call_later(seconds, self.rise, context=self._outside)
            self.down = True
            struck()
        fate: Fate = "failed before" if self.down else "answered"
        if self.fates[operation] and not self.down:
            fate, struck = self.fates[operation].pop(0)
            struck()
        self.met[operation, "down" if self.down else fate] += 1
        return fate


def _deliver(answer: "asyncio.Future[A]", reply: A) -> None:
    if not answer.done():
        answer.set_result(reply)

"""The way to the world outside: a request arrives or not, is answered or not, early or late."""

import asyncio
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


@dataclass(slots=True)
class Wire:
    """Carries requests to one outside party. What was sent is under way, whatever becomes of its sender."""

    random: Random
    fates: list[Fate] = field(default_factory=list)
    """What becomes of the next requests; then all are answered."""
    down: bool = False
    under_way: int = 0
    troubled: int = 0
    _outside: Context = field(default_factory=copy_context)

    async def ask(self, process: Process, serve: Callable[[], A], silent: Callable[[str], B]) -> A | B:
        """Send a request from a process and wait for what comes back; silence is an answer as well."""
        process.reach("before request")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A | B] = loop.create_future()
        fate: Fate = "failed before" if self.down else self.fates.pop(0) if self.fates else "answered"
        self.troubled += fate != "answered"
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
        process.reach("after request")
        return outcome


def _deliver(answer: "asyncio.Future[A]", reply: A) -> None:
    if not answer.done():
        answer.set_result(reply)

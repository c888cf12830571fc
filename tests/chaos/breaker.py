"""Carries out a plan: breaks a stack as it says, and starts again what has ended."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from deploy.local.errors import StackError
from deploy.local.infrastructure import BROKER, DATABASE
from deploy.local.processes import read_records
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from tests.chaos.plan import LINES, Kind, Trouble
from tests.chaos.proxy import Proxy

LATE_S = 0.08
"""How much later everything comes on a line that is slow: a question and its answer cost twice as much."""
HEAL_WITHIN_S = 180.0
POLL_S = 0.2


class Breaker:
    """Breaks and mends from threads of its own between `start` and `stop`.

    Each process has a keeper that starts it again, at once or after the time for which it is to stay away.
    """

    def __init__(self, stack: Stack, proxy: Proxy, report: Callable[[str], None] = lambda line: None) -> None:
        self.done: Counter[str] = Counter()
        """How often each trouble was carried out, by kind and sort of target."""
        self.ended_unasked: list[str] = []
        """Services that ended by themselves while they were in use."""
        self.false_starts = 0
        """Starts that failed because what a service needs was away."""
        self._stack = stack
        self._proxy = proxy
        self._report = report
        self._over = threading.Event()
        self._healing = threading.Event()
        self._asked: dict[str, float] = {}
        """Processes that are to end, and for how long they then stay away, in seconds."""
        self._threads: list[threading.Thread] = []

    def start(self, troubles: Sequence[Trouble]) -> None:
        """Begin: the plan's time runs from now."""
        for name in (*SERVICES, DATABASE, BROKER):
            self._spawn(f"keep {name}", partial(self._keep, name))
        self._spawn("plan", partial(self._follow, troubles, time.monotonic()))

    def heal(self) -> None:
        """Cause no more trouble, mend everything, and wait until everything is ready.

        Raises:
            StackError: something does not come back.
        """
        self._healing.set()
        for line in LINES:
            self._proxy.order("heal", line)
        for name in SERVICES:
            self._stack.resume(name)
        deadline = time.monotonic() + HEAL_WITHIN_S
        while waiting := [row.name for row in self._stack.status() if row.state != "ready"]:
            if time.monotonic() > deadline:
                raise StackError(f"not back after {HEAL_WITHIN_S:.0f} s: {', '.join(waiting)}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Leave the stack alone."""
        self._healing.set()
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _follow(self, troubles: Sequence[Trouble], began: float) -> None:
        for trouble in troubles:
            if self._healing.wait(max(0.0, began + trouble.at_s - time.monotonic())):
                return
            self._begin(trouble)

    def _begin(self, trouble: Trouble) -> None:
        target = trouble.target
        match trouble.kind:
            case Kind.kill:
                happened = self._end(target, trouble.lasts_s, partial(self._stack.kill, target))
            case Kind.restart:
                happened = self._end(target, 0.0, partial(self._terminate, target))
            case Kind.freeze:
                happened = self._runs(target)
                self._stack.freeze(target)
                self._later(trouble.lasts_s, partial(self._stack.resume, target))
            case Kind.cut:
                happened = True
                self._proxy.order("cut", target)
            case Kind.stall:
                happened = True
                self._proxy.order("stall", target)
                self._later(trouble.lasts_s, partial(self._proxy.order, "heal", target))
            case Kind.slow:
                happened = True
                self._proxy.order("slow", target, LATE_S)
                self._later(trouble.lasts_s, partial(self._proxy.order, "heal", target))
        if happened:
            self.done[f"{trouble.kind} {_sort(trouble)}"] += 1

    def _end(self, name: str, away_s: float, end: Callable[[], None]) -> bool:
        if not self._runs(name):
            return False  # its keeper is about to start it
        self._asked[name] = away_s
        end()
        return True

    def _runs(self, name: str) -> bool:
        return self._stack.wait(name, 0) is None

    def _terminate(self, name: str) -> None:
        for record in read_records(self._stack.state):
            if record.name == name:
                with suppress(ProcessLookupError):
                    os.kill(record.pid, signal.SIGTERM)

    def _later(self, seconds: float, mend: Callable[[], None]) -> None:
        """Mend something after a while, or as soon as everything is mended."""

        def work() -> None:
            self._healing.wait(seconds)
            mend()

        self._spawn("mend", work)

    def _keep(self, name: str) -> None:
        while not self._over.is_set():
            code = self._stack.wait(name, POLL_S)
            if code is None:
                continue
            if name in self._asked:
                self._healing.wait(self._asked.pop(name))
            elif name in SERVICES:
                self.ended_unasked.append(f"{name} ended with code {code}")
                self._report(self.ended_unasked[-1])
            self._start(name)

    def _start(self, name: str) -> None:
        """Start a process until it is ready, unless it is killed again before."""
        while not self._over.is_set():
            try:
                self._stack.restart(name)
            except StackError as error:
                if name in self._asked:
                    return
                self.false_starts += 1
                self._report(str(error).splitlines()[0])
            else:
                return


def _sort(trouble: Trouble) -> str:
    """What a target is called in the report."""
    if trouble.target in SERVICES:
        return "service"
    if trouble.kind in (Kind.kill, Kind.restart):
        return trouble.target
    return "line"

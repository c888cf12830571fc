"""Processor time and memory of a stack's processes, as the kernel counts them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.measure import Budget
from deploy.local.infrastructure import DATABASE
from deploy.local.processes import read_records
from deploy.local.topics import SERVICES

BACKGROUND = "postgres, writers"
"""PostgreSQL's own processes: checkpointer, writers of the log and of pages, vacuum."""
DRIVER = "this benchmark"
QUIET_CORES = 0.35
"""What an idle stack uses at most: brokers and services look around several times a second."""
LOOK_S = 0.5
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of processor time that processes have used since they started, and PostgreSQL for each of them."""

    own: Mapping[str, float]
    backends: Mapping[str, float]

    def since(self, before: "Usage") -> "Usage":
        """What was used in between; a process that was not there before counts from its start."""
        return Usage(_less(self.own, before.own), _less(self.backends, before.backends))

    def for_each(self, orders: int, name: str) -> Budget:
        """The time for one of so many orders."""
        return Budget(
            name=name,
            orders=orders,
            own={process: seconds / orders * 1e6 for process, seconds in self.own.items()},
            backends={process: seconds / orders * 1e6 for process, seconds in self.backends.items()},
        )


def usage_of(state: Path) -> Usage:
    """What the processes of the stack in a state directory have used; instances of a service count as one."""
    own: dict[str, float] = defaultdict(float)
    backends: dict[str, float] = defaultdict(float)
    for record in read_records(state):
        try:
            process = psutil.Process(record.pid)
            if record.name == DATABASE:
                _add_server(process, backends)
            else:
                own[service_of(record.name)] += _seconds(process)
        except psutil.NoSuchProcess:
            continue
    own[DRIVER] = _seconds(psutil.Process())
    return Usage(dict(own), dict(backends))


def memory_of(state: Path) -> dict[str, float]:
    """Resident memory of each service's process, in MB."""
    found = {}
    for record in read_records(state):
        if service_of(record.name) in SERVICES:
            found[record.name] = psutil.Process(record.pid).memory_info().rss / 1e6
    return found


async def until_quiet(state: Path) -> None:
    """Wait until the stack has nothing left to do; not for long, as others may keep it from ever being idle."""
    deadline = time.monotonic() + PATIENCE_S
    before, looked = usage_of(state), time.monotonic()
    while time.monotonic() < deadline:
        await asyncio.sleep(LOOK_S)
        now, at = usage_of(state), time.monotonic()
        used = now.since(before)
        cores = (sum(used.own.values()) + sum(used.backends.values())) / (at - looked)
        if cores < QUIET_CORES:
            return
        before, looked = now, at


def service_of(process: str) -> str:
    """The service that a process is an instance of; any other process is its own."""
    return process.partition("-")[0] if process.partition("-")[0] in SERVICES else process


def _add_server(server: psutil.Process, backends: dict[str, float]) -> None:
    """A backend's title says whose it is: `postgres: role database host(port) what it does`."""
    times = server.cpu_times()
    backends[BACKGROUND] += times.user + times.system + times.children_user + times.children_system
    for child in server.children():
        try:
            title = " ".join(child.cmdline()).split()
            seconds = _seconds(child)
        except psutil.NoSuchProcess:
            continue
        role = title[1].rpartition("_")[2] if len(title) > 3 else ""
        backends[role if role in SERVICES else BACKGROUND] += seconds


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _less(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: max(0.0, seconds - before.get(name, 0.0)) for name, seconds in now.items()}

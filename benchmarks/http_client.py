"""The client of the HTTP measure, a process of its own: posts orders and says when each was answered.

It reads a `Task` as JSON on standard input and writes `Answers` as JSON on standard output.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import uvloop
from pydantic import BaseModel, ConfigDict

from shared.eventsourcing.garbage import collect_rarely

PATIENCE_S = 60.0


class Task(BaseModel):
    """What to post."""

    model_config = ConfigDict(frozen=True)

    url: str
    key: str
    connections: int
    rate: float | None
    """Orders a second, each posted when it is due, whether those before it are answered or not. None: each
    connection posts its next order as soon as the last one is answered."""
    bodies: tuple[str, ...]


class Answers(BaseModel):
    """What came of it."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    """From the first request to the last answer."""
    processor_s: float
    """What this process worked meanwhile."""
    late_ms: tuple[float, ...]
    """From when each order was due to its answer."""
    statuses: dict[int, int]


@dataclass(slots=True)
class Customer:
    """Posts the orders of a task."""

    session: aiohttp.ClientSession
    task: Task
    run: str = field(default_factory=lambda: uuid4().hex)
    late_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    async def post_all(self) -> None:
        """Post every order, at the task's rate or as fast as they are answered."""
        if self.task.rate is None:
            waiting = iter(range(len(self.task.bodies)))
            await asyncio.gather(*(self._post_next(waiting) for _ in range(self.task.connections)))
            return
        began = time.perf_counter()
        async with asyncio.TaskGroup() as under_way:
            for place in range(len(self.task.bodies)):
                due = began + place / self.task.rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                under_way.create_task(self._post(place, due))

    async def _post_next(self, waiting: Iterator[int]) -> None:
        for place in waiting:
            await self._post(place, time.perf_counter())

    async def _post(self, place: int, due: float) -> None:
        headers = {"Idempotency-Key": f"{self.run}-{place}"}
        async with self.session.post(self.task.url, data=self.task.bodies[place], headers=headers) as response:
            await response.read()
        self.late_ms.append((time.perf_counter() - due) * 1000)
        self.statuses[response.status] += 1


async def carry_out(task: Task) -> Answers:
    """Post the orders of a task over as many connections as it says."""
    headers = {"Authorization": f"Bearer {task.key}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=task.connections)
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        customer = Customer(session, task)
        began, worked = time.perf_counter(), time.process_time()
        await customer.post_all()
        return Answers(
            seconds=time.perf_counter() - began,
            processor_s=time.process_time() - worked,
            late_ms=tuple(customer.late_ms),
            statuses=dict(customer.statuses),
        )


if __name__ == "__main__":
    collect_rarely()
    given = Task.model_validate_json(sys.stdin.buffer.read())
    print(uvloop.run(carry_out(given)).model_dump_json())

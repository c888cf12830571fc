"""`POST /orders`, answered after its commit: orders a second over many connections; latency at a steady rate."""

import asyncio
import sys

from benchmarks.http_client import Answers, Task
from benchmarks.measure import Findings, Measure, percentile
from benchmarks.orders import orders
from benchmarks.road import Road, Unsound, Watch, watch

CONNECTIONS = 128
WARM_UP = 300
ORDERS = 2_000
STEADY = 300
STEADY_SECONDS = 5
RUNS = 3
PLACED = 201
BUSY = 0.85
"""A client that works so much of the time may be what limits the rate."""
CONFIGURATION = (
    f"prepaid orders of 3 lines by one client (aiohttp) over {CONNECTIONS} connections; {WARM_UP} to warm up,"
    f" {RUNS} runs of {ORDERS:,}, and {RUNS} of {STEADY_SECONDS} s at {STEADY} orders/s; the saga goes on behind"
)


async def measure_http(road: Road) -> Findings:
    """The rate, and the latency at the steady rate."""
    async with watch(road.description) as seen:
        await _post(road, seen, WARM_UP)
        fast = [await _post(road, seen, ORDERS) for _ in range(RUNS)]
        steady = [await _post(road, seen, STEADY * STEADY_SECONDS, STEADY) for _ in range(RUNS)]
    share = max(one.processor_s / one.seconds for one in fast)
    limits = ": THE CLIENT LIMITS THIS RATE" if share > BUSY else ""
    rate = Measure(
        name="POST /orders",
        unit="orders/s",
        runs=tuple(len(one.late_ms) / one.seconds for one in fast),
        target="1,000",
        note=f"answered after the commit; the client was busy {share:.0%} of the time{limits}",
    )
    return Findings(measures=(rate, *(_latency(steady, name) for name in ("p50", "p99"))))


def _latency(steady: list[Answers], name: str) -> Measure:
    share = {"p50": 0.5, "p99": 0.99}[name]
    return Measure(
        name=f"POST /orders at {STEADY} orders/s, {name}",
        unit="ms",
        runs=tuple(percentile(one.late_ms, share) for one in steady),
        target="under 50" if name == "p99" else "",
    )


async def _post(road: Road, seen: Watch, count: int, rate: float | None = None) -> Answers:
    """Post orders, and wait until the saga has confirmed them.

    Raises:
        Unsound: one was not placed.
    """
    task = Task(
        url=f"{road.description.services['order']}/orders",
        key=road.description.operator_key,
        connections=CONNECTIONS,
        rate=rate,
        bodies=tuple(order.model_dump_json() for order in orders(count)),
    )
    expected = len(seen.seen_at) + count
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.http_client"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    written, complaint = await client.communicate(task.model_dump_json().encode())
    if client.returncode != 0:
        raise Unsound(f"the HTTP client failed: {complaint.decode().strip().splitlines()[-1:]}")
    answers = Answers.model_validate_json(written)
    if answers.statuses != {PLACED: count}:
        raise Unsound(f"of {count} orders posted, answered by status: {answers.statuses}")
    await seen.until(expected)
    return answers

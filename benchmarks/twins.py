"""A second instance of each service: what an order costs with one and two, and the rate where there are cores."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.measure import Budget, Findings, Measure
from benchmarks.placement import saga_rates, warm_up
from benchmarks.processor import Usage
from benchmarks.road import ENVIRONMENT, Road, until
from deploy.local.components import service
from deploy.local.processes import read_records
from deploy.local.topics import SERVICES
from shared.eventsourcing.lanes import LANES

ORDERS = 1_500
RUNS = 3
PATIENCE_S = 60.0
ENOUGH_CORES = 4
CONFIGURATION = (
    f"prepaid orders of 3 lines, {RUNS} runs of {ORDERS:,} with one and with two instances of each service"
)


async def measure_twins(road: Road) -> Findings:
    """The same runs with one instance of each service and with two."""
    one = await _runs(road, "one instance of each service")
    async with second_instances(road):
        two = await _runs(road, "two instances of each service")
    dearer = _ratios(two.costs, one.costs)
    faster = _ratios(two.rates, one.rates)
    cores = os.cpu_count() or 1
    enough = cores >= ENOUGH_CORES
    note = "" if enough else f"{cores} cores, which one instance of each fills: no gain is to be had here"
    return Findings(
        measures=(
            Measure(
                name="processor time an order, two instances over one",
                unit="times",
                runs=dearer,
                target="" if enough else "about 1",
                note="services and their PostgreSQL; 1 says that nothing shared gets in their way",
            ),
            Measure(
                name="rate, two instances over one",
                unit="times",
                runs=faster,
                target="1.7" if enough else "",
                note=note,
            ),
        ),
        budgets=(one.budget, two.budget),
    )


@asynccontextmanager
async def second_instances(road: Road) -> AsyncIterator[None]:
    """One more process of every service, which has its half of the lanes and of the partitions."""
    names = [f"{of}-2" for of in SERVICES]
    twins = [
        service(of, name=name, environment={**ENVIRONMENT[of], "OMS_INSTANCE": name, "OMS_WAREHOUSE": "manual"})
        for of, name in zip(SERVICES, names, strict=True)
    ]
    await asyncio.to_thread(road.stack.add, *twins)
    try:
        await _until_shared_out(road)
        yield
    finally:
        for record in read_records(road.stack.state):
            if record.name in names:
                os.kill(record.pid, signal.SIGTERM)
        await asyncio.gather(*(asyncio.to_thread(road.stack.wait, name, 20) for name in names))


@dataclass(frozen=True, slots=True)
class Runs:
    """Of each run the rate in orders/s and the services' processor time in seconds, and the budget of all."""

    rates: tuple[float, ...]
    costs: tuple[float, ...]
    budget: Budget


async def _runs(road: Road, name: str) -> Runs:
    await warm_up(road)
    rates: list[float] = []
    usages = [await road.usage()]
    for _ in range(RUNS):
        rates += await saga_rates(road, card=False, orders=ORDERS, runs=1)
        usages.append(await road.usage())
    costs = tuple(_services(after.since(before)) for before, after in pairwise(usages))
    return Runs(tuple(rates), costs, usages[-1].since(usages[0]).for_each(ORDERS * RUNS, name))


def _ratios(two: Sequence[float], one: Sequence[float]) -> tuple[float, ...]:
    """The least over the least, the most over the most, and what lies between."""
    return tuple(both / alone for both, alone in zip(sorted(two), sorted(one), strict=True))


def _services(used: Usage) -> float:
    """What the services and their PostgreSQL took, without broker, simulators and this process."""
    return sum(used.own[of] + used.backends.get(of, 0.0) for of in SERVICES)


async def _until_shared_out(road: Road) -> None:
    async def shared_out() -> bool:
        return all([await asyncio.to_thread(_halves, road, of) for of in SERVICES])

    await until(shared_out, "each instance to hold half of the lanes", patience_s=PATIENCE_S, look_s=0.5)


def _halves(road: Road, of: str) -> bool:
    rows = road.client.get(of, "/operations/lag")["readers"]
    held = Counter((row["reader"], row["owner"]) for row in rows)
    return set(held.values()) == {LANES // 2}

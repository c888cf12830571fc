"""A second instance of each service: what an order costs with one and two, and the rate where there are cores."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.measure import Budget, Findings, Measure
from benchmarks.placement import saga_rates, warm_up
from benchmarks.road import ENVIRONMENT, Road, until
from deploy.local.components import service
from deploy.local.processes import read_records
from deploy.local.topics import SERVICES
from shared.eventsourcing.lanes import LANES

ORDERS = 2_000
RUNS = 3
PATIENCE_S = 60.0
ENOUGH_CORES = 4
CONFIGURATION = (
    f"prepaid orders of 3 lines, {RUNS} runs of {ORDERS:,} with one and with two instances of each service"
)


async def measure_twins(road: Road) -> Findings:
    """The same runs with one instance of each service and with two."""
    one_rates, one = await _runs(road, "one instance of each service")
    async with second_instances(road):
        two_rates, two = await _runs(road, "two instances of each service")
        await road.insist_on_verify()
    dearer = _services(two) / _services(one)
    faster = tuple(both / alone for alone, both in zip(sorted(one_rates), sorted(two_rates), strict=True))
    cores = os.cpu_count() or 1
    enough = cores >= ENOUGH_CORES
    note = "" if enough else f"{cores} cores, which one instance of each fills: no gain is to be had here"
    return Findings(
        measures=(
            Measure(
                name="processor time an order, two instances over one",
                unit="times",
                runs=(dearer,),
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
        budgets=(one, two),
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


async def _runs(road: Road, name: str) -> tuple[tuple[float, ...], Budget]:
    await warm_up(road)
    before = await road.usage()
    rates = await saga_rates(road, card=False, orders=ORDERS, runs=RUNS)
    return rates, (await road.usage()).since(before).for_each(ORDERS * RUNS, name)


def _services(budget: Budget) -> float:
    """What the services and their PostgreSQL take, without brokers, simulators and this process."""
    return sum(budget.own[of] + budget.backends.get(of, 0.0) for of in SERVICES)


async def _until_shared_out(road: Road) -> None:
    async def shared_out() -> bool:
        return all([await asyncio.to_thread(_halves, road, of) for of in SERVICES])

    await until(shared_out, "each instance to hold half of the lanes", patience_s=PATIENCE_S, look_s=0.5)


def _halves(road: Road, of: str) -> bool:
    rows = road.client.get(of, "/operations/lag")["readers"]
    held = Counter((row["reader"], row["owner"]) for row in rows)
    return set(held.values()) == {LANES // 2}

"""Orders a second of the placement saga, intake to confirmed, over five service processes."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.inboxes import taken_in
from benchmarks.measure import Findings, Measure
from benchmarks.orders import messages
from benchmarks.processor import until_quiet
from benchmarks.road import Road, Watch, place, watch
from channels.publishing import IntakeMessage

WARM_UP = 500
ORDERS = 3_000
CARD_ORDERS = 1_500
RUNS = 3
PREPAID = "placement saga, prepaid"
HOPS = "messages that the services take in for it"
CONFIGURATION = f"{WARM_UP} orders of 3 lines to warm up, then {RUNS} runs of {ORDERS:,} published at once"
CARD_CONFIGURATION = (
    CONFIGURATION.replace(f"{ORDERS:,}", f"{CARD_ORDERS:,}") + "; paid by card at a gateway that approves"
)


async def measure_prepaid(road: Road) -> Findings:
    """The saga without a payment outside, and how many hops it has."""
    await warm_up(road)
    await until_quiet(road.stack.state)
    before = await taken_in(road.description)
    found = await _measure(road, PREPAID, ORDERS, card=False, target="1,500")
    hops = (await taken_in(road.description) - before) / (ORDERS * RUNS)
    counted = Measure(name=HOPS, unit="an order", runs=(hops,), note="each decided by one service, once")
    return found + Findings(measures=(counted,))


async def measure_card(road: Road) -> Findings:
    """The saga with an authorisation at the gateway's simulator."""
    await warm_up(road, card=True)
    return await _measure(road, "placement saga, by card", CARD_ORDERS, card=True)


async def saga_rates(road: Road, *, card: bool, orders: int = ORDERS, runs: int = RUNS) -> tuple[float, ...]:
    """The rates at which orders are confirmed when more wait than can be served; orders/s, one a run."""
    rates = []
    async with watch(road.description) as seen:
        for _ in range(runs):
            batch = messages(orders, card=card)
            began = time.time()
            await confirm(road, seen, batch)
            rates.append(orders / (seen.last - began))
    return tuple(rates)


async def warm_up(road: Road, *, card: bool = False, orders: int = WARM_UP) -> None:
    """Let caches and connections fill."""
    await saga_rates(road, card=card, orders=orders, runs=1)


async def confirm(road: Road, seen: Watch, batch: Sequence[IntakeMessage]) -> None:
    """Publish orders at once and wait until all are confirmed."""
    await asyncio.gather(place(road.description, batch), seen.until(len(seen.seen_at) + len(batch)))


async def _measure(road: Road, name: str, orders: int, *, card: bool, target: str = "") -> Findings:
    before = await road.usage()
    rates = await saga_rates(road, card=card, orders=orders)
    budget = (await road.usage()).since(before).for_each(orders * RUNS, name)
    rate = Measure(name=name, unit="orders/s", runs=rates, target=target, note="intake to confirmed, 3 lines")
    return Findings(measures=(rate,), budgets=(budget,))

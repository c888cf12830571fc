"""Orders a second from the intake to their end: reserved, authorised, picked, sent, delivered and captured."""

import asyncio
import time

from benchmarks.measure import Findings, Measure
from benchmarks.orders import messages
from benchmarks.road import Road, Watch, place, watch
from shared.events.order import OrderCompleted

WARM_UP = 200
ORDERS = 800
RUNS = 3
CONFIGURATION = (
    f"{WARM_UP} orders of 3 lines to warm up, then {RUNS} runs of {ORDERS:,} published at once; paid by card,"
    " picked by the automatic warehouse, shipped by a carrier that delivers at once; nobody wants mails"
)


async def measure_whole_life(road: Road) -> Findings:
    """The rate at which orders are completed, with gateway and carrier on the same machine."""
    async with road.automatic_warehouse(), watch(road.description, OrderCompleted) as seen:
        await _complete(road, seen, WARM_UP)
        before = await road.usage()
        rates = [await _complete(road, seen, ORDERS) for _ in range(RUNS)]
        budget = (await road.usage()).since(before).for_each(ORDERS * RUNS, "whole life")
    rate = Measure(
        name="whole life",
        unit="orders/s",
        runs=tuple(rates),
        target="500",
        note="intake to delivered and captured",
    )
    return Findings(measures=(rate,), budgets=(budget,))


async def _complete(road: Road, seen: Watch, orders: int) -> float:
    batch = messages(orders, card=True, delivery="ship")
    began = time.time()
    await asyncio.gather(place(road.description, batch), seen.until(len(seen.seen_at) + orders))
    return orders / (seen.last - began)

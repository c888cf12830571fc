"""The placement as a durable workflow of DBOS: five steps, each a transaction of its own on the ledger."""

import asyncio
import sys
from collections.abc import Sequence

from dbos import DBOS, SetWorkflowID
from psycopg_pool import AsyncConnectionPool

from benchmarks.peers.facts import STEPS, PlacementOrder
from benchmarks.peers.ledger import STORE, check_ledger, create_ledger, values
from benchmarks.peers.trial import Trial, run_trial

CONCURRENCIES = (1, 8, 24)
# As DBOS has it, less a round trip: it asks before every use whether its connection is still open.
CHECKPOINTS = {"pool_size": max(CONCURRENCIES), "max_overflow": 0, "pool_pre_ping": False}


class DbosPeer:
    """One process; workflows are coroutines, and their checkpoints lie beside the facts."""

    def __init__(self, url: str) -> None:
        self._url = url
        create_ledger(url)
        DBOS(
            config={
                "name": "placement",
                "system_database_url": url,
                "db_engine_kwargs": CHECKPOINTS,
                "log_level": "WARNING",
            }
        )

        async def store_facts(order: PlacementOrder, step: str) -> None:
            async with self._connections.connection() as connection:
                await connection.execute(STORE, values(order, step))

        store = DBOS.step(name="store")(store_facts)

        async def place(order: PlacementOrder) -> None:
            for step in STEPS:
                await store(order, step)

        self._workflow = DBOS.workflow(name="place")(place)
        DBOS.launch()
        self._runner = asyncio.Runner()
        self._runner.run(self._connect())

    def place(self, orders: Sequence[PlacementOrder], concurrency: int) -> None:
        """Run a workflow for every order, under its number."""
        self._runner.run(self._place(orders, asyncio.Semaphore(concurrency)))

    def check(self, orders: Sequence[PlacementOrder]) -> None:
        """Look for every order's facts, and count the stock."""
        check_ledger(self._url, orders)

    def close(self) -> None:
        """Let go of the connections, then stop DBOS."""
        self._runner.run(self._connections.close())
        self._runner.close()
        DBOS.destroy()

    async def _connect(self) -> None:
        self._connections = AsyncConnectionPool(self._url, min_size=max(CONCURRENCIES), open=False)
        await self._connections.open()

    async def _place(self, orders: Sequence[PlacementOrder], places: asyncio.Semaphore) -> None:
        async def run(order: PlacementOrder) -> None:
            async with places:
                with SetWorkflowID(order.number):
                    await self._workflow(order)

        await asyncio.gather(*[run(order) for order in orders])


TRIAL = Trial(
    library="dbos",
    setting="one process, five steps, each a transaction",
    open=DbosPeer,
    commands_per_order=len(STEPS),
    concurrencies=CONCURRENCIES,
    warm_up=24,
    orders=120,
)

if __name__ == "__main__":
    sys.exit(run_trial(TRIAL))

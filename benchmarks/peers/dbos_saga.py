"""The placement as a durable workflow of DBOS: five steps, each a transaction of its own on the ledger."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, SetWorkflowID
from psycopg_pool import ConnectionPool

from benchmarks.peers.facts import STEPS, PlacementOrder
from benchmarks.peers.ledger import STORE, check_ledger, create_ledger, values
from benchmarks.peers.trial import Trial, run_trial

CONCURRENCIES = (1, 4, 16)


class DbosPeer:
    """One process; workflows run in threads, and their checkpoints lie beside the facts."""

    def __init__(self, url: str) -> None:
        self._url = url
        create_ledger(url)
        self._connections = ConnectionPool(url, min_size=max(CONCURRENCIES), open=True)
        DBOS(config={"name": "placement", "system_database_url": url, "log_level": "WARNING"})

        def store_facts(order: PlacementOrder, step: str) -> None:
            with self._connections.connection() as connection:
                connection.execute(STORE, values(order, step))

        store = DBOS.step(name="store")(store_facts)

        def place(order: PlacementOrder) -> None:
            for step in STEPS:
                store(order, step)

        self._place = DBOS.workflow(name="place")(place)
        DBOS.launch()

    def place(self, orders: Sequence[PlacementOrder], concurrency: int) -> None:
        """Run a workflow for every order, under its number."""
        with ThreadPoolExecutor(concurrency) as threads:
            list(threads.map(self._run, orders))

    def check(self, orders: Sequence[PlacementOrder]) -> None:
        """Look for every order's facts, and count the stock."""
        check_ledger(self._url, orders)

    def close(self) -> None:
        """Stop DBOS and its threads."""
        DBOS.destroy()
        self._connections.close()

    def _run(self, order: PlacementOrder) -> None:
        with SetWorkflowID(order.number):
            self._place(order)


TRIAL = Trial(
    library="dbos",
    setting="one process, five steps, each a transaction",
    open=DbosPeer,
    commands_per_order=len(STEPS),
    concurrencies=CONCURRENCIES,
    warm_up=20,
    orders=150,
)

if __name__ == "__main__":
    sys.exit(run_trial(TRIAL))

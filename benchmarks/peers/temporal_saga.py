"""The placement as a workflow of Temporal: five activities, each a transaction of its own on the ledger.

Temporal's server is the one that its command line brings, with its state in an SQLite file that is synced.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

from psycopg_pool import AsyncConnectionPool
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.peers.facts import STEPS, PlacementOrder
from benchmarks.peers.ledger import STORE, check_ledger, create_ledger, values
from benchmarks.peers.trial import Trial, UnsoundPeer, run_trial

CONCURRENCIES = (16, 48)
CONNECTIONS = 8
QUEUE = "placement"
HOST = "127.0.0.1"
PATIENCE_S = 30


class Activities:
    """The steps; all are the same activity, which stores the facts of one."""

    def __init__(self, connections: AsyncConnectionPool) -> None:
        self._connections = connections

    @activity.defn
    async def store(self, order: PlacementOrder, step: str) -> None:
        """Store the facts of one step."""
        async with self._connections.connection() as connection:
            await connection.execute(STORE, values(order, step))


@workflow.defn
class Place:
    """The five steps, one after the other."""

    @workflow.run
    async def run(self, order: PlacementOrder) -> None:
        """Take an order to shipping."""
        for step in STEPS:
            await workflow.execute_activity(
                Activities.store, args=[order, step], start_to_close_timeout=timedelta(minutes=1)
            )


class Server:
    """Temporal's development server, with its state on disk; it ends with `close`."""

    def __init__(self) -> None:
        program = os.environ.get("ORDERSTREAM_TEMPORAL") or shutil.which("temporal")
        if program is None:
            raise UnsoundPeer("temporal is neither on the PATH nor named by ORDERSTREAM_TEMPORAL")
        self._folder = TemporaryDirectory(prefix="orderstream-temporal-")
        port = _free_port()
        self.address = f"{HOST}:{port}"
        self._process = Popen(
            [
                *(program, "server", "start-dev", "--headless", "--log-level", "never"),
                *(
                    "--ip",
                    HOST,
                    "--port",
                    str(port),
                    "--db-filename",
                    str(Path(self._folder.name) / "temporal.db"),
                ),
                *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=FULL"),
            ],
            stdout=DEVNULL,
            stderr=DEVNULL,
        )

    async def client(self) -> Client:
        """A client, as soon as the server takes workflows."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                client = await Client.connect(self.address)
                await client.count_workflows()
            except (RuntimeError, RPCError) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise UnsoundPeer(f"the server of Temporal does not answer: {error}") from None
                await asyncio.sleep(0.2)
            else:
                return client

    def close(self) -> None:
        """End the server and forget its state."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE_S)
        self._folder.cleanup()


class TemporalPeer:
    """One worker in one process, beside the server's."""

    def __init__(self, url: str) -> None:
        self._url = url
        create_ledger(url)
        self._server = Server()
        self._runner = asyncio.Runner()
        self._runner.run(self._start())

    def place(self, orders: Sequence[PlacementOrder], concurrency: int) -> None:
        """Run a workflow for every order, under its number."""
        self._runner.run(self._place(orders, asyncio.Semaphore(concurrency)))

    def check(self, orders: Sequence[PlacementOrder]) -> None:
        """Look for every order's facts, and count the stock."""
        check_ledger(self._url, orders)

    def close(self) -> None:
        """Stop the worker, then the server."""
        self._runner.run(self._stop())
        self._runner.close()
        self._server.close()

    async def _start(self) -> None:
        self._connections = AsyncConnectionPool(self._url, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False)
        await self._connections.open()
        self._client = await self._server.client()
        self._worker = Worker(
            self._client,
            task_queue=QUEUE,
            workflows=[Place],
            activities=[Activities(self._connections).store],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        self._working = asyncio.create_task(self._worker.run())

    async def _stop(self) -> None:
        await self._worker.shutdown()
        await self._working
        await self._connections.close()

    async def _place(self, orders: Sequence[PlacementOrder], places: asyncio.Semaphore) -> None:
        async def run(order: PlacementOrder) -> None:
            async with places:
                await self._client.execute_workflow(Place.run, order, id=order.number, task_queue=QUEUE)

        await asyncio.gather(*[run(order) for order in orders])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


TRIAL = Trial(
    library="temporalio",
    setting="development server on a synced SQLite file, one worker, an activity a step",
    open=TemporalPeer,
    commands_per_order=len(STEPS),
    concurrencies=CONCURRENCIES,
    warm_up=32,
    orders=60,
)

if __name__ == "__main__":
    sys.exit(run_trial(TRIAL))

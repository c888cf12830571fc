"""How a service is: whether it can work, and what waits in its store."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from shared.eventsourcing.broker import Broker, BrokerUnavailable
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.runtime import Runtime
from shared.eventsourcing.store import Store, StoreConflict, StoreUnavailable

ANSWER_WITHIN_S = 2.0
"""How long database and broker have to answer; who asks for readiness or metrics is not kept waiting longer."""
OVERDUE = timedelta(seconds=10)
"""A reminder that is due for so long should have come."""


class Health:
    """Asks database and broker, each time anew."""

    def __init__(self, runtime: Runtime, store: Store, broker: Broker, clock: Clock, metrics: Metrics) -> None:
        self._runtime = runtime
        self._store = store
        self._broker = broker
        self._clock = clock
        self._metrics = metrics

    async def ready(self) -> dict[str, bool]:
        """What must be there before the service can work, and whether it is."""
        database, broker = await asyncio.gather(_answered(self._store.ping()), _answered(self._broker.ping()))
        return {
            "database": database,
            "broker": broker,
            "subscriptions": self._broker.delivering(),
            "runtime": self._runtime.running,
        }

    async def measure(self) -> None:
        """Bring the gauges of what waits up to date; without a database they tell nothing rather than the past."""
        if not await _answered(self._ask_what_waits()):
            self._metrics.nothing_known()

    async def _ask_what_waits(self) -> None:
        positions = await self._store.reader_positions()
        backlog = await self._store.backlog(self._clock.now() - OVERDUE)
        self._metrics.waiting(positions, backlog)


async def _answered(question: Coroutine[Any, Any, None]) -> bool:
    asking = asyncio.create_task(question)
    done, _ = await asyncio.wait({asking}, timeout=ANSWER_WITHIN_S)
    if not done:
        asking.cancel()  # nobody waits for its end: a connection to a server that is frozen takes long to give up
        return False
    try:
        asking.result()
    except (StoreUnavailable, StoreConflict, BrokerUnavailable):
        return False
    return True

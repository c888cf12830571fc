"""Row locks as a database has them: held until the transaction ends, given in the order of asking."""

import asyncio
from collections import deque
from collections.abc import Hashable

from shared.eventsourcing.store import StoreConflict

DEADLOCK_S = 1.0
"""Who waits longer is taken for part of a deadlock and has to begin again."""


class Locks:
    """Exclusive locks by key; an owner may ask for what it holds already."""

    def __init__(self) -> None:
        self._owners: dict[Hashable, object] = {}
        self._queues: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def acquire(self, key: Hashable, owner: object) -> None:
        """Wait for a lock.

        Raises:
            StoreConflict: it took so long that two owners may be waiting for each other.
        """
        while self._owners.get(key, owner) is not owner:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queues.setdefault(key, deque()).append(turn)
            try:
                async with asyncio.timeout(DEADLOCK_S):
                    await turn
            except TimeoutError:
                raise StoreConflict(f"deadlock at {key}") from None
        self._owners[key] = owner

    def release_all(self, owner: object) -> None:
        """Give back all that the owner holds."""
        for key in [key for key, holder in self._owners.items() if holder is owner]:
            del self._owners[key]
            queue = self._queues.pop(key, deque())
            for turn in queue:
                if not turn.done():
                    turn.set_result(None)

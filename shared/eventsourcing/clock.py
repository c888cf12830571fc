"""Time and identity as a port, so that a whole installation can run under virtual time."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from shared.eventsourcing.ids import new_id


class Clock(Protocol):
    """Where time and new identities come from."""

    def now(self) -> datetime:
        """This moment, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def new_id(self) -> UUID:
        """A fresh UUID version 7."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> UUID:
        return new_id()

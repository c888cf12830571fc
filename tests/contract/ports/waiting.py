"""Waiting for what has to come."""

import asyncio
from collections.abc import Callable

PATIENCE_S = 30.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so.

    Raises:
        TimeoutError: it is not so after half a minute.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens outside this process
            await asyncio.sleep(0.01)

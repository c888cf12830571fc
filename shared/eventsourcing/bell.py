"""A wake-up for one waiter who does not wait for ever; far cheaper than a timeout around an event."""

import asyncio


class Bell:
    """Rung by many, heard by one; rings while nobody listens are heard as one."""

    def __init__(self) -> None:
        self._rung = False
        self._listening: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake who listens, or whoever listens next."""
        self._rung = True
        if self._listening is not None:
            _end(self._listening)

    async def heard_within(self, seconds: float) -> bool:
        """Wait until it rings, or for so many seconds; says which."""
        if not self._rung:
            loop = asyncio.get_running_loop()
            self._listening = loop.create_future()
            timer = loop.call_later(seconds, _end, self._listening)
            try:
                await self._listening
            finally:
                timer.cancel()
                self._listening = None
        rung, self._rung = self._rung, False
        return rung


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)

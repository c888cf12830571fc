"""What holds a service together: how it hears of the others."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import pytest

from shared.eventsourcing import reading_lanes
from shared.eventsourcing.service import hear_of_others
from shared.eventsourcing.store import StoreUnavailable
from tests.unit.eventsourcing.toy import Installation, arrival, block, until


class Line:
    """Implements `Ear`; it can be cut, and is there again when somebody listens anew."""

    def __init__(self) -> None:
        self.times = 0
        self.cut = asyncio.Event()

    async def listen(
        self,
        written: Callable[[Collection[int]], None],
        listening: Callable[[], None],
        pause: Callable[[], Awaitable[object]],
    ) -> None:
        self.times += 1
        listening()
        await self.cut.wait()
        self.cut.clear()
        raise StoreUnavailable("the line is dead")


async def test_when_the_line_is_alive_again_what_went_unheard_is_looked_for(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an instance that listens, and never looks by itself
    monkeypatch.setattr(reading_lanes, "POLL_S", 1e9)
    line = Line()
    async with installation.running() as instance:
        hearing = asyncio.create_task(hear_of_others(instance.runtime, line))
        await asyncio.sleep(5)

        # when another one commits while the line is dead
        line.cut.set()
        await asyncio.sleep(0)
        async with installation.pipeline() as other:
            await other.take([arrival(block())])

        # then it is found as soon as the line is back
        await until(lambda: len(installation.published("order.events")) == 1, seconds=3)
        assert line.times == 2
        hearing.cancel()

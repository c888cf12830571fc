"""The clock port: moments in UTC, ids that rise."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from shared.eventsourcing.clock import Clock, SystemClock
from shared.eventsourcing.memory.virtual_time import VirtualClock, VirtualLoop


@pytest.fixture(params=["system", "virtual"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Runs a scenario with a clock."""
    import asyncio

    loop = VirtualLoop(Random(1)) if request.param == "virtual" else asyncio.new_event_loop()
    clock: Clock = VirtualClock(loop, Random(1)) if request.param == "virtual" else SystemClock()
    yield lambda scenario: loop.run_until_complete(scenario(clock))
    loop.close()


def test_new_ids_are_of_version_7_and_rise(run: Callable[..., None]) -> None:
    async def scenario(clock: Clock) -> None:
        ids = [clock.new_id() for _ in range(5_000)]
        await clock.sleep(0.002)
        ids += [clock.new_id() for _ in range(10)]

        assert all(one.version == 7 and one.variant == UUID(int=2 << 62).variant for one in ids)
        assert ids == sorted(set(ids))

    run(scenario)


def test_an_id_begins_with_the_moment_of_its_making(run: Callable[..., None]) -> None:
    async def scenario(clock: Clock) -> None:
        await clock.sleep(0.01)
        before, made, after = clock.now(), clock.new_id(), clock.now()
        milliseconds = made.int >> 80

        assert int(before.timestamp() * 1000) <= milliseconds <= int(after.timestamp() * 1000) + 1

    run(scenario)


def test_moments_are_in_utc_and_sleeping_takes_its_time(run: Callable[..., None]) -> None:
    async def scenario(clock: Clock) -> None:
        before = clock.now()
        await clock.sleep(0.05)

        assert before.utcoffset() == timedelta()
        assert clock.now() - before >= timedelta(seconds=0.049)

    run(scenario)

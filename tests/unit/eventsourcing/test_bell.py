"""A bell wakes its listener once, at once or when the time is up."""

import asyncio

import pytest

from shared.eventsourcing.bell import Bell


async def test_a_ring_while_nobody_listens_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()

    assert await bell.heard_within(1.0)
    assert not await bell.heard_within(1.0)


async def test_a_ring_wakes_who_listens_before_the_time_is_up() -> None:
    bell, loop = Bell(), asyncio.get_running_loop()
    loop.call_later(0.5, bell.ring)
    began = loop.time()

    assert await bell.heard_within(60.0)
    assert loop.time() - began == pytest.approx(0.5)


async def test_silence_ends_when_the_time_is_up() -> None:
    bell, loop = Bell(), asyncio.get_running_loop()
    began = loop.time()

    assert not await bell.heard_within(2.0)
    assert loop.time() - began == pytest.approx(2.0)


async def test_a_listener_that_is_cancelled_leaves_the_ring_to_the_next() -> None:
    bell = Bell()
    listening = asyncio.create_task(bell.heard_within(60.0))
    await asyncio.sleep(0)
    bell.ring()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening

    assert await bell.heard_within(60.0)

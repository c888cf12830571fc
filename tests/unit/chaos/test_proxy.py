"""A line that can be cut, stalled and slowed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from deploy.local.ports import HOST, Ports
from tests.chaos.proxy import Line, Proxy, Route, carry_out

Door = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def _a_line() -> AsyncIterator[tuple[Line, Callable[[], Awaitable[Door]]]]:
    """A line to a server that says back what it hears, and how to connect to it."""
    ports = Ports({})
    route = Route(name="echo", listens=ports.of("listens"), target=ports.of("target"))
    async with await asyncio.start_server(_echo, HOST, route.target):
        line = Line(route)
        await line.listen()
        doors: list[Door] = []

        async def connect() -> Door:
            doors.append(await asyncio.open_connection(HOST, route.listens))
            return doors[-1]

        try:
            yield line, connect
        finally:
            for _, writer in doors:
                writer.close()
            await line.close()


async def _say(door: Door, text: bytes) -> bytes:
    reader, writer = door
    writer.write(text)
    return await reader.readexactly(len(text))


async def test_what_is_said_arrives_both_ways() -> None:
    async with _a_line() as (_, connect):
        assert await _say(await connect(), b"hello" * 50_000) == b"hello" * 50_000


async def test_a_cut_resets_what_is_connected_and_lets_new_connections_in() -> None:
    async with _a_line() as (line, connect):
        door = await connect()
        await _say(door, b"hello")

        line.cut()

        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await _say(door, b"anyone?")
        assert await _say(await connect(), b"again") == b"again"


async def test_a_stalled_line_carries_nothing_until_it_is_healed() -> None:
    async with _a_line() as (line, connect):
        door = await connect()
        await _say(door, b"hello")

        line.stall()
        answer = asyncio.create_task(_say(door, b"late"))
        done, _ = await asyncio.wait({answer}, timeout=0.2)
        assert not done

        line.heal()
        assert await answer == b"late"


async def test_a_slow_line_carries_everything_late() -> None:
    async with _a_line() as (line, connect):
        line.slow(0.01)
        assert await _say(await connect(), b"slowly") == b"slowly"

        line.slow(3_600)
        answer = asyncio.create_task(_say(await connect(), b"in an hour"))
        done, _ = await asyncio.wait({answer}, timeout=0.2)
        assert not done
        answer.cancel()


async def test_a_line_to_nobody_ends_each_connection() -> None:
    ports = Ports({})
    line = Line(Route(name="nobody", listens=ports.of("listens"), target=ports.of("target")))
    await line.listen()
    try:
        reader, writer = await asyncio.open_connection(HOST, ports.of("listens"))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
    finally:
        await line.close()


async def test_the_process_does_what_it_is_ordered_and_ends_with_its_owner() -> None:
    ports = Ports({})
    route = Route(name="echo", listens=ports.of("listens"), target=ports.of("target"))
    async with await asyncio.start_server(_echo, HOST, route.target):
        with Proxy([route]) as proxy:
            door = await asyncio.open_connection(HOST, route.listens)
            assert await _say(door, b"hello") == b"hello"

            proxy.order("cut", "echo")

            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await door[0].readexactly(1)
            door[1].close()
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection(HOST, route.listens)


def test_an_order_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="no order"):
        carry_out({}, {"do": "sing", "line": "echo"})

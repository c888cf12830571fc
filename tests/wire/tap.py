"""A TCP line on loopback that carries everything unchanged and keeps a copy, connection by connection."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from deploy.local.ports import HOST

T = TypeVar("T")

CHUNK = 64 * 1024


class Connection:
    """What passed over one connection so far."""

    def __init__(self) -> None:
        self.sent = bytearray()
        """From the client."""
        self.received = bytearray()
        """From the server."""


class Tap:
    """Leads what connects to the port `listens` to the port `target`; use it as a context manager."""

    def __init__(self, *, listens: int, target: int) -> None:
        self.listens = listens
        self._target = target
        self._connections: list[Connection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tap")
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, HOST, self.listens)).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> list[Connection]:
        """Hand out what was kept, and begin anew with the next connection."""
        kept, self._connections = self._connections, []
        return kept

    def _run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        connection = Connection()
        self._connections.append(connection)
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, far_writer, connection.sent))
                both.create_task(_carry(far_reader, writer, connection.received))
        except* OSError:
            writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, copy: bytearray) -> None:
    """Carry data one way until its end, and pass the end on."""
    try:
        while data := await reader.read(CHUNK):
            copy += data
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()

"""A TCP proxy whose lines can be cut, stalled and slowed: a process of its own, and the handle to it.

`python -m tests.chaos.proxy ROUTES` reads one order a line on standard input and ends with the end of it.
"""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Literal, Self

from deploy.local.components import ROOT
from deploy.local.ports import HOST

CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A line: what connects to port `listens` is led to port `target`, both on loopback."""

    name: str
    listens: int
    target: int


class Line:
    """One route at work."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._open = asyncio.Event()
        self._open.set()
        self._delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self._route.listens)

    async def close(self) -> None:
        """Stop listening, and cut what is connected."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._connections)
        self.cut()
        self.heal()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection; what is under way on it is gone."""
        for ends in self._connections.values():
            for end in ends:
                end.transport.abort()

    def stall(self) -> None:
        """Carry nothing until `heal`; connections stay, and new ones are taken."""
        self._open.clear()

    def slow(self, delay_s: float) -> None:
        """Let each piece of data come so much later, until `heal`."""
        self._delay_s = delay_s

    def heal(self) -> None:
        """Carry everything at once again."""
        self._delay_s = 0.0
        self._open.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._route.target)
        except OSError:
            writer.transport.abort()  # nobody is there: the nearest to a refused connection
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = (writer, far_writer)
        try:
            both = (self._carry(reader, far_writer), self._carry(far_reader, writer))
            pumps = [asyncio.ensure_future(pump) for pump in both]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            del self._connections[task]
            writer.close()
            far_writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry data one way until an end is gone."""
        try:
            while data := await reader.read(CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            return


class Proxy:
    """The handle to a proxy process; use it as a context manager."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        routes = json.dumps([asdict(route) for route in self._routes])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.proxy", routes],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            start_new_session=True,  # Ctrl-C is for its owner, who ends it
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the proxy ended with code {self._process.wait()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()

    def order(self, what: Literal["cut", "stall", "slow", "heal"], line: str, delay_s: float = 0.0) -> None:
        """Do something to a line from any thread."""
        assert self._process is not None
        assert self._process.stdin is not None
        with self._lock:
            print(json.dumps({"do": what, "line": line, "delay_s": delay_s}), file=self._process.stdin, flush=True)


async def serve(routes: Sequence[Route], orders: asyncio.StreamReader) -> None:
    """Run all lines and do what is ordered, until the orders end."""
    lines = {route.name: Line(route) for route in routes}
    for line in lines.values():
        await line.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while text := await orders.readline():
        carry_out(lines, json.loads(text))
    for line in lines.values():
        await line.close()


def carry_out(lines: Mapping[str, Line], order: Mapping[str, str | float]) -> None:
    """Do what one order says.

    Raises:
        ValueError: it makes no sense.
    """
    match order:
        case {"do": "cut", "line": str(name)}:
            lines[name].cut()
        case {"do": "stall", "line": str(name)}:
            lines[name].stall()
        case {"do": "slow", "line": str(name), "delay_s": float(delay_s)}:
            lines[name].slow(delay_s)
        case {"do": "heal", "line": str(name)}:
            lines[name].heal()
        case _:
            raise ValueError(f"no order: {order}")


async def _main(routes: Sequence[Route]) -> None:
    orders = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(orders)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    await serve(routes, orders)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main([Route(**route) for route in json.loads(sys.argv[1])]))

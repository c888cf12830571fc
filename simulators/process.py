"""What each simulator is as a process: options, log lines, start, graceful end."""

import argparse
import asyncio
import gc
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import orjson
import uvloop
from aiohttp import web

from simulators.ledger import now, stamp

SHUTDOWN_S = 0.3


class OptionParser(argparse.ArgumentParser):
    """argparse whose complaint is one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def log(event: str, **fields: object) -> None:
    """One JSON line about something notable."""
    line = orjson.dumps({"at": stamp(now()), "event": event, **fields}, default=str)
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def share(text: str) -> float:
    """An option from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 up")
    return number


def port(text: str) -> int:
    """A TCP port; 0 takes a free one."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port")
    return number


def add_service_options(parser: OptionParser) -> None:
    """The options of a simulator that is a keyed HTTP service.

    A command line is shown to everyone on the machine: the key may come by the environment.
    """
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=port, default=0, help="0 takes a free one, named in the first log line")
    parser.add_argument("--state", type=Path, required=True, help="directory of the ledger")
    parser.add_argument("--seed", type=int, default=0, help="decides every fault (default %(default)s)")
    key = os.environ.get("SIMULATOR_KEY")
    parser.add_argument("--key", default=key, required=not key, help="bearer key of callers; or SIMULATOR_KEY")
    parser.add_argument("--latency-ms", type=not_negative, default=5.0, help="added to every answer")
    parser.add_argument("--hold-s", type=not_negative, default=5.0, help="how long a timeout holds its connection")


def run(prog: str, serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT. What can't start says so in one line and exits 1."""

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(stop)

    try:
        uvloop.run(until_told())
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"{prog}: {error}")


@asynccontextmanager
async def background(stop: asyncio.Event, *work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Keep endless work going meanwhile. Work that fails stops the process: better gone than half alive."""

    async def keep_going(each: Coroutine[Any, Any, None]) -> None:
        try:
            await each
        except Exception as error:
            log("error", error=repr(error))
            raise
        finally:
            stop.set()

    tasks = [asyncio.create_task(keep_going(each)) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise OSError(f"background work failed: {outcome!r}")


async def listen(app: web.Application, host: str, wanted: int) -> tuple[web.AppRunner, int]:
    """Open the HTTP port and return the one that was taken."""
    # What is loaded by now stays, and what a request leaves behind goes by itself: next to nothing is garbage.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, host, wanted, backlog=1024).start()
    return runner, int(runner.addresses[0][1])

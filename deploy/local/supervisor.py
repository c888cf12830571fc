"""A stack that runs on without a terminal: `start_detached` begins it, this module as a process owns it."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO

from pydantic import BaseModel, ConfigDict

from deploy.local.components import EVERYTHING, ROOT, Component
from deploy.local.description import Description, read_description
from deploy.local.errors import StackError
from deploy.local.files import close_folder, make_state
from deploy.local.processes import log_file
from deploy.local.stack import Stack


class Options(BaseModel):
    """What a detached stack is made of; the same as the arguments of Stack."""

    model_config = ConfigDict(frozen=True)

    components: tuple[Component, ...] = EVERYTHING
    environment: Mapping[str, Mapping[str, str]] = {}
    infrastructure: str | None = None
    seed: int = 1


def start_detached(
    state: Path,
    *,
    components: Sequence[Component] = EVERYTHING,
    environment: Mapping[str, Mapping[str, str]] | None = None,
    infrastructure: str | None = None,
    seed: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> Description:
    """Start a stack owned by a process of its own, and wait until it is ready.

    It runs until `ownership.stop_stack`. Raises StackError, with nothing left running.
    """
    options = Options(
        components=tuple(components), environment=environment or {}, infrastructure=infrastructure, seed=seed
    )
    make_state(state)
    log = log_file(state.absolute(), "supervisor")
    close_folder(log.parent)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "deploy.local.supervisor",
                str(state.absolute()),
                options.model_dump_json(),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,
            text=True,
        )
    try:
        _follow(child, report, log)
    except BaseException:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise
    return read_description(state)


def _follow(child: subprocess.Popen[str], report: Callable[[str], None], log: Path) -> None:
    """Pass on what the supervisor says until it is ready. Each of its messages is a JSON line."""
    if child.stdout is None:
        raise StackError("the supervisor has no output")
    with child.stdout as lines:
        for line in lines:
            match json.loads(line):
                case {"report": str(text)}:
                    report(text)
                case {"failed": str(text)}:
                    raise StackError(text)
                case {"ready": True}:
                    return
    raise StackError(f"the supervisor ended with code {child.wait()}; its log is {log}")


class _Starter:
    """The line to the process that waits for the start; afterwards, and if that process is gone, the log."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe: IO[str] | None = pipe

    def say(self, message: dict[str, object]) -> None:
        with suppress(OSError):  # of the log: a full disk is one of the things to be told
            sys.stderr.write(" ".join(map(str, message.values())) + "\n")
            sys.stderr.flush()
        if self._pipe is None:
            return
        try:
            self._pipe.write(json.dumps(message) + "\n")
            self._pipe.flush()
        except OSError:
            self._pipe = None

    def report(self, text: str) -> None:
        self.say({"report": text})

    def let_go(self) -> None:
        """Say no more; standard output goes where errors go, so that the other end sees the end of it."""
        self._pipe = None
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def run(stack: Stack, until: threading.Event, on_ready: Callable[[], None]) -> None:
    """Start a stack, watch over it until the event is set, and end it. Raises StackError."""
    with stack:
        on_ready()
        stack.watch(until)


def main() -> None:
    """`python -m deploy.local.supervisor STATE OPTIONS`; SIGTERM ends it and everything it owns."""
    parser = argparse.ArgumentParser(description="Own a detached stack.")
    parser.add_argument("state", type=Path)
    parser.add_argument("options", type=Options.model_validate_json)
    arguments = parser.parse_args()
    options: Options = arguments.options
    until, starter = threading.Event(), _Starter(sys.stdout)

    def end(number: int, frame: FrameType | None) -> None:
        if until.is_set() or not ready.is_set():
            raise KeyboardInterrupt
        until.set()

    ready = threading.Event()
    signal.signal(signal.SIGTERM, end)

    def on_ready() -> None:
        ready.set()
        starter.say({"ready": True})
        starter.let_go()

    try:
        stack = Stack(
            arguments.state,
            components=options.components,
            environment=options.environment,
            infrastructure=options.infrastructure,
            seed=options.seed,
            report=starter.report,
        )
        run(stack, until, on_ready)
    except StackError as error:
        starter.say({"failed": str(error)})
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        with suppress(OSError):
            traceback.print_exc()
        log = log_file(arguments.state, "supervisor")
        starter.say({"failed": f"unexpected {type(error).__name__}: {error}; its traceback is in {log}"})
        sys.exit(1)


if __name__ == "__main__":
    main()

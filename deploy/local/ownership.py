"""Who runs the stack of a state directory: one process at a time, which others can find and end."""

import fcntl
import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from deploy.local.errors import StackError
from deploy.local.files import write_whole
from deploy.local.processes import Record, end_left_over, this_process, wait_until_gone


def own(state: Path) -> IO[str]:
    """Take the state directory until `disown` or the end of this process. Raises StackError if taken."""
    lock = (state / "owner.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StackError(f"a stack is running in {state} already") from None
    write_whole(_file(state), json.dumps(asdict(this_process("supervisor"))))
    return lock


def disown(state: Path, lock: IO[str]) -> None:
    _file(state).unlink(missing_ok=True)
    lock.close()


def owner(state: Path) -> Record | None:
    """The process that runs the stack of a state directory now."""
    try:
        record = Record(**json.loads(_file(state).read_text()))
    except FileNotFoundError:
        return None
    return record if record.alive else None


def stop_stack(state: Path, seconds: float = 90.0) -> bool:
    """End the stack of a state directory from another process; whether there was anything to end.

    The owner is asked by SIGTERM; what is left `seconds` later, or of a stack whose owner is gone, is killed.
    """
    found = owner(state)
    if found is not None:
        with suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        if not wait_until_gone([found], seconds):
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
    return bool(end_left_over(state)) or found is not None


def _file(state: Path) -> Path:
    return state / "supervisor.json"

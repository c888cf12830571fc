"""Files of the local stack: the shared cache, folders closed to others, locks, files written all or nothing."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from deploy.local.cancellation import NEVER, Cancellation


def cache_directory() -> Path:
    """The folder for what can be fetched again: OMS_CACHE, else the XDG cache folder of the user."""
    if chosen := os.environ.get("OMS_CACHE"):
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "orderstream").resolve()


def make_state(state: Path) -> None:
    """Create a state directory unless there is one. Others can't look into it.

    Where root makes it they may pass, for root's PostgreSQL runs as one of them: all that lies in it is closed.
    """
    state.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)


def close_folder(folder: Path) -> None:
    """Create a folder for its owner alone; one that is there is closed to all others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


@contextmanager
def exclusive(lock: Path, cancellation: Cancellation = NEVER) -> Iterator[None]:
    """Hold `lock` against every other process; it is let go when the process ends, however it ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch(mode=0o600)
    with lock.open("a") as handle:
        while not _taken(handle):
            cancellation.pause()
        yield


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace `path` in one step, so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _taken(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

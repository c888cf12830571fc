"""The supervisor of child processes: each in a session of its own, with a log, and ended with its parent.

Every process is written down in `<state>/processes.json` with its pid and the moment it was started, so that
another process can find it, and a pid that was used again since is never taken for it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from deploy.local.cancellation import Cancellation
from deploy.local.errors import StackError
from deploy.local.files import close_folder, write_whole

LAUNCH = Path(__file__).with_name("launch.py")
LOG_LIMIT = 64 * 1024 * 1024
LAST_WORDS = 300
"""Characters of a log in an error message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and how it likes to be ended. `grace` is seconds from the stop signal to SIGKILL."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    user: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    grace: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One process as written down; `started` tells it from a later process of the same pid."""

    name: str
    pid: int
    started: str

    @property
    def alive(self) -> bool:
        return _identity(self.pid) == self.started


class Processes:
    """The children of this process under one state directory. All methods may be called from any thread."""

    def __init__(self, state: Path, cancellation: Cancellation | None = None) -> None:
        self.cancellation = cancellation or Cancellation()
        self._state = state
        self._lock = RLock()
        self._commands: dict[str, Command] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._records: dict[str, Record] = {}
        # The kernel signals a child when the thread that forked it ends: all are forked by one that stays.
        self._forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fork")

    def open(self) -> None:
        """Begin anew after `cancel` or `close`."""
        self.cancellation.clear()
        self._forker.shutdown()
        self._forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fork")

    def start(self, command: Command) -> None:
        """Start a process; one of that name must not be running."""
        if self.running(command.name):
            raise StackError(f"{command.name} is running already")
        child = self._forker.submit(self._fork, command).result()
        with self._lock:
            self._commands[command.name] = command
            self._children[command.name] = child
            self._write_down(Record(name=command.name, pid=child.pid, started=_identity(child.pid) or ""))

    def again(self, name: str) -> None:
        """Start a process that ended as it was started before."""
        self.start(self._commands[name])

    def stop(self, name: str) -> None:
        """End a process by its stop signal, by SIGKILL after its grace. One that ended already is fine."""
        child = self._children.get(name)
        if child is None:
            return
        command = self._commands[name]
        self.signal(name, command.stop_signal)
        self.signal(name, signal.SIGCONT)
        try:
            child.wait(command.grace)
        except subprocess.TimeoutExpired:
            self.kill(name)
        self._forget(name)

    def stop_all(self, names: Iterable[str]) -> None:
        """End several processes at the same time."""
        chosen = list(names)
        if chosen:
            with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
                list(pool.map(self.stop, chosen))

    def kill(self, name: str) -> None:
        """SIGKILL a process and all of its group, and wait until it is gone."""
        self.signal(name, signal.SIGKILL)
        if child := self._children.get(name):
            child.wait()
        self._forget(name)

    def freeze(self, name: str) -> None:
        """SIGSTOP a process: it keeps its connections and answers nothing."""
        self.signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a frozen process go on."""
        self.signal(name, signal.SIGCONT)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and its group, if it still runs."""
        child = self._children.get(name)
        if child is not None and child.poll() is None:
            os.killpg(child.pid, number)

    def running(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.poll() is None

    def exit_code(self, name: str) -> int | None:
        """The exit code of the last run (negative: the signal that ended it); None while it runs."""
        child = self._children.get(name)
        return None if child is None else child.poll()

    def wait(self, name: str, seconds: float) -> int | None:
        """Wait until a process ends by itself; its exit code, or None if it still runs then."""
        try:
            return self._children[name].wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def names(self) -> list[str]:
        """Every process that was started and not ended by us."""
        with self._lock:
            return list(self._records)

    def await_ready(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready` says so; raises StackError when the process ends before or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running(name):
                raise self._failure(name, f"ended with code {self.exit_code(name)}")
            if time.monotonic() > deadline:
                raise self._failure(name, f"is not ready after {seconds:.0f} s")
            self.cancellation.pause()

    def await_end(self, name: str, seconds: float) -> None:
        """Wait until a process ends well; raises StackError when it fails or the time is over."""
        deadline = time.monotonic() + seconds
        while self.running(name):
            if time.monotonic() > deadline:
                raise self._failure(name, f"still runs after {seconds:.0f} s")
            self.cancellation.pause()
        if self.exit_code(name) != 0:
            raise self._failure(name, f"ended with code {self.exit_code(name)}")
        self._forget(name)

    def known(self) -> list[str]:
        """Every process that was ever started here."""
        with self._lock:
            return list(self._commands)

    def cancel(self) -> None:
        """Make every wait for readiness or an end give up."""
        self.cancellation.cancel()

    def pid(self, name: str) -> int | None:
        return self._children[name].pid if self.running(name) else None

    def log(self, name: str) -> Path:
        return log_file(self._state, name)

    def put_long_logs_aside(self) -> None:
        """Begin every log anew that has grown too long; what its process wrote last is kept beside it."""
        for log in map(self.log, self.names()):
            if _is_long(log):
                _aside(log).unlink(missing_ok=True)
                with suppress(OSError):  # where the disk is full, room is worth more than the log
                    shutil.copyfile(log, _aside(log))
                os.truncate(log, 0)  # not renamed: its process goes on writing to the end of this file

    def close(self) -> None:
        """Let go of the thread that forks; every process still running is ended by the kernel."""
        self._forker.shutdown()

    def _failure(self, name: str, what: str) -> StackError:
        log = self.log(name)
        return StackError(f"{name} {what}: {_last_words(log)}; its log is {log}")

    def _fork(self, command: Command) -> subprocess.Popen[bytes]:
        log = self.log(command.name)
        close_folder(log.parent)
        if _is_long(log):
            log.replace(_aside(log))
        user = -1 if command.user is None else command.user
        launch = (sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(command.orphan_signal)))
        with log.open("ab") as output:
            return subprocess.Popen(
                [*launch, str(user), *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=command.directory,
                env=dict(command.environment),
                start_new_session=True,
            )

    def _forget(self, name: str) -> None:
        with self._lock:
            if self._records.pop(name, None):
                self._save()

    def _write_down(self, record: Record) -> None:
        self._records[record.name] = record
        self._save()

    def _save(self) -> None:
        rows = [asdict(record) for record in self._records.values()]
        write_whole(_records_file(self._state), json.dumps(rows, indent=1))


def read_records(state: Path) -> list[Record]:
    """What was written down under a state directory, by whichever process supervises there."""
    try:
        rows: list[dict[str, Any]] = json.loads(_records_file(state).read_text())
    except FileNotFoundError:
        return []
    return [Record(**row) for row in rows]


def this_process(name: str) -> Record:
    """The record of the process that asks."""
    return Record(name=name, pid=os.getpid(), started=_identity(os.getpid()) or "")


def end_left_over(state: Path, seconds: float = 10.0) -> list[str]:
    """Kill what an earlier supervisor left running and wait until it is gone; the names of those found."""
    left = [record for record in read_records(state) if record.alive]
    for record in left:
        try:
            os.killpg(record.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_until_gone(left, seconds)
    return [record.name for record in left]


def wait_until_gone(records: Iterable[Record], seconds: float) -> bool:
    """Wait for processes that are not ours; False if one of them still runs after `seconds`."""
    deadline = time.monotonic() + seconds
    waiting = list(records)
    while waiting := [record for record in waiting if record.alive]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def log_file(state: Path, name: str) -> Path:
    """Where the output of a process goes."""
    return state / "logs" / f"{name}.log"


def _records_file(state: Path) -> Path:
    return state / "processes.json"


def _is_long(log: Path) -> bool:
    return log.exists() and log.stat().st_size > LOG_LIMIT


def _aside(log: Path) -> Path:
    return log.with_suffix(".log.1")


def _last_words(log: Path) -> str:
    """The last line of a log that says something by itself: those below an error that are indented do not."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "it wrote no log"
    spoken = (line.strip() for line in reversed(lines) if line and not line[0].isspace())
    return next(spoken, "it said nothing")[:LAST_WORDS]


def _identity(pid: int) -> str | None:
    """When a process was started: clock ticks since boot, and which boot. None for none and for a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{fields[19]}@{boot}"

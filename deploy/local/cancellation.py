"""How all who take long in a start hear that it is broken off."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from deploy.local.errors import StackError

LISTEN_S = 0.05


class Cancellation:
    """One start's; whoever works on it asks, or pauses here."""

    def __init__(self) -> None:
        self._cancelled = Event()

    def cancel(self) -> None:
        self._cancelled.set()

    def clear(self) -> None:
        self._cancelled.clear()

    def check(self) -> None:
        """Raises StackError when the start is broken off."""
        self.pause(0)

    def pause(self, seconds: float = LISTEN_S) -> None:
        """Wait; raises StackError as soon as the start is broken off."""
        if self._cancelled.wait(seconds):
            raise StackError("the start was broken off")


NEVER = Cancellation()
"""For those whom nobody breaks off."""


def run(argv: Sequence[str], *, directory: Path, cancellation: Cancellation) -> subprocess.CompletedProcess[str]:
    """Wait for a program, which is killed when the start is broken off."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=directory) as child:
        try:
            while True:
                try:
                    output, errors = child.communicate(timeout=LISTEN_S)
                except subprocess.TimeoutExpired:
                    cancellation.check()
                else:
                    return subprocess.CompletedProcess(argv, child.returncode, output, errors)
        except BaseException:
            child.kill()
            raise

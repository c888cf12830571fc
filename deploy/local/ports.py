"""Free ports on the loopback interface, each kept under a name so that a restart finds it again."""

import secrets
import socket
import threading
import time
from collections.abc import Mapping

from deploy.local.errors import StackError

HOST = "127.0.0.1"
# Below what Linux hands to outgoing connections, so that none of those takes a port while its owner restarts.
RANGE = range(10_000, 32_000)
PATIENCE_S = 5.0
"""How long a port may take to become free: a process that was just killed lets go of it a moment later."""


class Ports:
    """Ports by name: those kept from an earlier start, and free ones for the others."""

    def __init__(self, kept: Mapping[str, int]) -> None:
        self._kept = dict(kept)
        self._lock = threading.Lock()

    def of(self, name: str) -> int:
        """The port of this name; a free one is taken at the first asking."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = _free_port(taken=set(self._kept.values()))
            return self._kept[name]

    def kept(self) -> dict[str, int]:
        with self._lock:
            return dict(self._kept)


def answers(port: int) -> bool:
    """Whether something accepts connections on a port of this machine."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def check_free(port: int, name: str, patience_s: float = PATIENCE_S) -> None:
    """Raises StackError when a kept port is in use by somebody else, and stays so."""
    deadline = time.monotonic() + patience_s
    while not _is_free(port):
        if time.monotonic() > deadline:
            raise StackError(f"port {port} of {name} is in use by another program")
        time.sleep(0.1)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port(taken: set[int]) -> int:
    for _ in range(1000):
        port = secrets.choice(RANGE)  # at random, so that two stacks don't meet
        if port in taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise StackError("no free port was found")

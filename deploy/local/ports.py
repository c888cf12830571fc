"""Free ports on the loopback interface, each kept under a name so that a restart finds it again."""

import secrets
import socket
import threading
import time
import weakref
from collections.abc import Mapping

from deploy.local.errors import StackError

HOST = "127.0.0.1"
# Below what Linux hands to outgoing connections, so that none of those takes a port while its owner restarts.
RANGE = range(10_000, 32_000)
PATIENCE_S = 5.0
"""How long a port may take to become free: a process that was just killed lets go of it a moment later."""


class Ports:
    """Ports by name: those kept from an earlier start, and free ones for the others.

    Each is held from the first asking until `let_go`, or the end of this object: nobody else who asks for a free
    port is given it meanwhile, and its owner may listen on it, end, and listen again.
    """

    def __init__(self, kept: Mapping[str, int]) -> None:
        self._kept = dict(kept)
        self._held: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._held)

    def of(self, name: str) -> int:
        """The port of this name; a free one is taken at the first asking. Raises StackError when there is none."""
        with self._lock:
            if name not in self._kept:
                holder = _take_free_port(taken=set(self._kept.values()))
                port: int = holder.getsockname()[1]
                self._kept[name] = port
                self._held[port] = holder
            port = self._kept[name]
            if port not in self._held and (again := _take(port)):
                self._held[port] = again
            return port

    def kept(self) -> dict[str, int]:
        with self._lock:
            return dict(self._kept)

    def let_go(self) -> None:
        """Let others have the ports, until they are asked for again."""
        with self._lock:
            _close(self._held)


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
    holder = _take(port)
    if holder:
        holder.close()
    return holder is not None


def _take_free_port(taken: set[int]) -> socket.socket:
    for _ in range(1000):
        port = secrets.choice(RANGE)  # at random, so that two stacks seldom meet
        if port in taken:
            continue
        holder = socket.socket()
        try:
            holder.bind((HOST, port))
        except OSError:
            holder.close()
            continue
        # Only now: bound without it, the port is nobody else's; with it, its owner may listen beside us.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return holder
    raise StackError("no free port was found")


def _take(port: int) -> socket.socket | None:
    """A socket that listens to nothing and yet keeps the port; None when somebody listens there."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((HOST, port))
    except OSError:
        holder.close()
        return None
    return holder


def _close(held: dict[int, socket.socket]) -> None:
    while held:
        held.popitem()[1].close()

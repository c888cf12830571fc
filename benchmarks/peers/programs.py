"""The peers as programs: where each is, how it is run on a database, and what it says of itself."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.peers.emmett_orders import write_orders

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SCRIPT = Path(__file__).with_name("emmett")
INSTALLED = ROOT / ".state" / "emmett"
PATIENCE_S = 120
GRACE_S = 15


class NotMeasured(Exception):
    """The peer is not there, or refused to report; says why in one line."""


class Result(BaseModel):
    """The line that a peer prints."""

    model_config = ConfigDict(frozen=True)

    peer: str
    """Library and version."""
    setting: str
    commands_per_order: int
    orders_per_second: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A library that does the same placement."""

    title: str
    target: str
    """What the ratio is to reach; empty when it is only to be known."""
    run: Callable[[str], Result]
    """On an empty database, by its URL. Raises NotMeasured."""


def run_dbos(url: str) -> Result:
    """Raises NotMeasured."""
    return _run_module("dbos_saga", url)


def run_eventsourcing(url: str) -> Result:
    """Raises NotMeasured."""
    return _run_module("eventsourcing_saga", url)


def run_temporal(url: str) -> Result:
    """Raises NotMeasured."""
    if not (os.environ.get("ORDERSTREAM_TEMPORAL") or shutil.which("temporal")):
        raise NotMeasured("temporal is neither on the PATH nor named by ORDERSTREAM_TEMPORAL")
    return _run_module("temporal_saga", url)


def run_emmett(url: str) -> Result:
    """Raises NotMeasured."""
    _install_emmett()
    with TemporaryDirectory(prefix="orderstream-emmett-") as folder:
        orders = Path(folder) / "orders.json"
        write_orders(orders)
        return run_program(["node", str(INSTALLED / "placement.mjs"), url, str(orders)])


PEERS = (
    Peer(title="DBOS", target="20", run=run_dbos),
    Peer(title="Temporal", target="40", run=run_temporal),
    Peer(title="the eventsourcing library", target="", run=run_eventsourcing),
    Peer(title="Emmett", target="", run=run_emmett),
)


def run_program(command: Sequence[str]) -> Result:
    """What a peer's program reports in the last line of its output.

    Raises:
        NotMeasured: it failed, took too long, or reported something else.
    """
    output = _output(command, ROOT)
    try:
        return Result.model_validate_json(output.strip().rpartition("\n")[2])
    except ValidationError:
        raise NotMeasured("the peer's report can't be read") from None


def _run_module(name: str, url: str) -> Result:
    if not PYTHON.exists():
        raise NotMeasured(".venv-peers is not there: run make bench")
    return run_program([str(PYTHON), "-m", f"benchmarks.peers.{name}", "--database", url])


def _install_emmett() -> None:
    """By the lock file, unless it is installed by that already."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise NotMeasured("Node.js is not there")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    done = INSTALLED / "installed-by.json"
    lock = SCRIPT / "package-lock.json"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SCRIPT / name, INSTALLED)
        try:
            _output(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], INSTALLED)
        except NotMeasured:
            raise NotMeasured("npm can't install it here") from None
        shutil.copy(lock, done)
    shutil.copy(SCRIPT / "placement.mjs", INSTALLED)


def _output(command: Sequence[str], folder: Path) -> str:
    """Standard output of a program that ends well and in time."""
    with Popen(command, cwd=folder, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            output, errors = process.communicate(timeout=PATIENCE_S)
        except TimeoutExpired:
            _end(process)
            raise NotMeasured(f"no answer in {PATIENCE_S} s") from None
    if process.returncode != 0:
        raise NotMeasured(errors.strip().rpartition("\n")[2] or f"ended with {process.returncode}")
    return output


def _end(process: Popen[str]) -> None:
    """Let it end what it started itself, but not for ever."""
    process.terminate()
    try:
        process.wait(GRACE_S)
    except TimeoutExpired:
        process.kill()

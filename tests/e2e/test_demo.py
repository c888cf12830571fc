"""The demonstration as a newcomer runs it, on a stack of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.components import ROOT
from deploy.local.processes import Record, read_records
from tests.breakable import breakable

PATIENCE_S = 240
STARTING = "bringing the databases up to date"
UNDER_WAY = "receiving opening stock"


@contextmanager
def demo(state: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`oms demo` as a process, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "oms", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMS_STATE": str(state), "TEST_INFRA": breakable()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def running_at(process: subprocess.Popen[str], moment: str, state: Path) -> list[Record]:
    """Wait until the demonstration says what it is doing; returns all that runs then."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if moment in line:
            return read_records(state)
    raise AssertionError("".join(said))


def test_every_order_ends_and_one_that_was_taken_back_is_audited(tmp_path: Path) -> None:
    with demo(tmp_path, "--orders", "30") as process:
        running = running_at(process, UNDER_WAY, tmp_path)
        out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, out + err
    assert err.splitlines()[-2] == "all is well"
    [completed] = [line.split() for line in out.splitlines() if line.split()[:1] == ["completed"]]
    assert 20 <= int(completed[1]) <= 30
    assert ("audit of" in out and "order.compensation-began" in out) or "no order had a compensation" in err
    assert len(running) == 10
    assert not any(record.alive for record in running)


@pytest.mark.parametrize(("told", "moment"), [(signal.SIGINT, UNDER_WAY), (signal.SIGTERM, STARTING)])
def test_nothing_is_left_of_one_that_is_told_to_end(tmp_path: Path, told: signal.Signals, moment: str) -> None:
    with demo(tmp_path, "--orders", "30") as process:
        running = running_at(process, moment, tmp_path)
        process.send_signal(told)
        out, err = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, out) == (130, "")
    stopped, said = err.splitlines()[-2:]
    assert stopped == f"everything is stopped; data and logs are kept in {tmp_path}"
    assert said.startswith("oms: stopped")
    assert running
    assert not any(record.alive for record in running)

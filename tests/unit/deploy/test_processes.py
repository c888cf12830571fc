"""Child processes: found again, ended with their parent, and nobody else's."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.components import ROOT
from deploy.local.errors import StackError
from deploy.local.processes import (
    Command,
    Processes,
    end_left_over,
    read_records,
    wait_until_gone,
)


def python(name: str, code: str, grace: float = 20) -> Command:
    argv = (sys.executable, "-c", code)
    return Command(name=name, argv=argv, environment=dict(os.environ), grace=grace)


SLEEPER = python("sleeper", "print('up', flush=True); import time; time.sleep(300)")

BY_SIGNAL = "import signal, sys, time; signal.signal(15, {}); print('up', flush=True); time.sleep(300)"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    yield processes
    processes.stop_all(processes.names())
    processes.close()


def says(processes: Processes, name: str, text: str) -> None:
    processes.await_ready(name, lambda: text in processes.log(name).read_text(), seconds=20)


def test_a_process_is_written_down_while_it_runs(processes: Processes, tmp_path: Path) -> None:
    processes.start(SLEEPER)

    [record] = read_records(tmp_path)
    assert record.alive
    assert record.pid == processes.pid("sleeper")

    processes.stop("sleeper")
    assert read_records(tmp_path) == []
    assert not record.alive


def test_one_name_runs_once(processes: Processes) -> None:
    processes.start(SLEEPER)

    with pytest.raises(StackError, match="sleeper is running already"):
        processes.start(SLEEPER)


def test_one_that_ignores_the_stop_signal_is_killed_after_its_grace(processes: Processes) -> None:
    processes.start(python("stubborn", BY_SIGNAL.format("signal.SIG_IGN"), grace=0.2))
    says(processes, "stubborn", "up")

    processes.stop("stubborn")

    assert processes.exit_code("stubborn") == -signal.SIGKILL


def test_a_frozen_process_is_still_ended_properly(processes: Processes) -> None:
    processes.start(python("polite", BY_SIGNAL.format("lambda *_: sys.exit(7)")))
    says(processes, "polite", "up")

    processes.freeze("polite")
    processes.stop("polite")

    assert processes.exit_code("polite") == 7


def test_waiting_for_one_that_failed_says_why_in_one_line_and_names_its_log(processes: Processes) -> None:
    processes.start(
        python("broken", "import sys; sys.stderr.write('start\\nno such table\\n\\tat 1\\n'); sys.exit(1)")
    )

    with pytest.raises(StackError) as failed:
        processes.await_ready("broken", lambda: False, seconds=20)

    assert str(failed.value) == f"broken ended with code 1: no such table; its log is {processes.log('broken')}"


def test_waiting_is_broken_off_by_cancel(processes: Processes) -> None:
    processes.start(SLEEPER)
    processes.cancel()

    with pytest.raises(StackError, match="broken off"):
        processes.await_ready("sleeper", lambda: False, seconds=60)


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent_code = f"""
import sys, time
from pathlib import Path
from tests.unit.deploy.test_processes import SLEEPER
from deploy.local.processes import Processes
processes = Processes(Path({str(tmp_path)!r}))
processes.start(SLEEPER)
print("started", flush=True)
time.sleep(300)
"""
    parent = subprocess.Popen([sys.executable, "-c", parent_code], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout as output:
        assert output.readline() == b"started\n"
    [child] = read_records(tmp_path)
    assert child.alive

    parent.kill()
    parent.wait()

    assert wait_until_gone([child], seconds=10)


def test_what_an_earlier_supervisor_left_is_ended(processes: Processes, tmp_path: Path) -> None:
    processes.start(SLEEPER)

    assert end_left_over(tmp_path) == ["sleeper"]

    assert not processes.running("sleeper")


def test_a_pid_that_another_process_has_now_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    processes.start(SLEEPER)
    written = tmp_path / "processes.json"
    [row] = json.loads(written.read_text())
    written.write_text(json.dumps([{**row, "started": "1@another-boot"}]))

    assert end_left_over(tmp_path) == []

    assert processes.running("sleeper")


def test_the_log_of_a_process_goes_on_where_it_ended(processes: Processes) -> None:
    for _ in range(2):
        processes.start(python("teller", "print('hello')"))
        processes.await_end("teller", seconds=20)

    assert processes.log("teller").read_text() == "hello\nhello\n"


def test_the_log_of_a_process_that_runs_on_is_put_aside_when_it_is_long(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import signal, time; signal.signal(10, lambda *_: print('later', flush=True)); {}; time.sleep(300)"
    processes.start(python("teller", code.format("print('long' * 10, flush=True)")))
    processes.start(python("terse", code.format("print('short', flush=True)")))
    says(processes, "teller", "long")
    says(processes, "terse", "short")
    monkeypatch.setattr("deploy.local.processes.LOG_LIMIT", 20)

    processes.put_long_logs_aside()
    processes.signal("teller", signal.SIGUSR1)
    says(processes, "teller", "later")

    log = processes.log("teller")
    assert log.with_name("teller.log.1").read_text() == "long" * 10 + "\n"
    assert log.read_text() == "later\n"
    assert processes.log("terse").read_text() == "short\n"

"""Why a detached stack did not start reaches the one who waits for it, whatever it was."""

from pathlib import Path

import pytest

from deploy.local.errors import StackError
from deploy.local.supervisor import start_detached


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A state directory with which no stack can start."""
    (tmp_path / "processes.json").write_text("{")
    return tmp_path


def start(state: Path) -> str:
    """What the failure says."""
    with pytest.raises(StackError) as failed:
        start_detached(state, components=(), infrastructure="local")
    return str(failed.value)


def test_an_error_that_nobody_expected_is_told_with_the_log_that_has_its_traceback(broken: Path) -> None:
    log = broken / "logs" / "supervisor.log"

    said = start(broken)

    assert said.startswith("unexpected JSONDecodeError: ")
    assert said.endswith(f"; its traceback is in {log}")
    assert "Traceback" in log.read_text()


def test_the_reason_is_told_also_where_the_log_takes_no_more(broken: Path) -> None:
    (broken / "logs").mkdir()
    (broken / "logs" / "supervisor.log").symlink_to("/dev/full")

    assert start(broken).startswith("unexpected JSONDecodeError: ")


def test_a_supervisor_that_ends_without_a_word_is_told_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    assert start(tmp_path) == f"the supervisor ended with code 1; its log is {tmp_path}/logs/supervisor.log"

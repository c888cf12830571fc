from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oms.cli import main
from tests.unit.oms.stack import Services, running

Oms = Callable[..., tuple[int, str, str]]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with running(tmp_path) as services:
        yield services


@pytest.fixture
def oms(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Oms:
    """Carry out a command line against the stack of this test: exit code, standard output, standard error."""
    monkeypatch.setenv("OMS_STATE", str(tmp_path))
    monkeypatch.delenv("OMS_DEBUG", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run

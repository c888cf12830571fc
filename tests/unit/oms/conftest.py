import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from oms.cli import main
from tests.unit.oms.stack import Answer, Services, running

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


@pytest.fixture
def ctrl_c() -> Iterator[Answer]:
    """An answer that does not come: the command is interrupted while it waits for it."""
    over = threading.Event()

    def interrupt(asked: Mapping[str, str], body: Any) -> Any:
        press_ctrl_c()
        over.wait(30)
        return {}

    yield interrupt
    over.set()


def press_ctrl_c() -> None:
    """Interrupt the command that the test carries out, from another thread."""
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    signal.pthread_kill(main_thread, signal.SIGINT)

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit.simulators.running import Receiver, Simulator, running

Start = Callable[..., Simulator]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts simulators of the test's own; ends them all."""
    with ExitStack() as stack:

        def begin(name: str, *options: str, state: str = "state") -> Simulator:
            return stack.enter_context(running(name, tmp_path / state, *options))

        yield begin


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()

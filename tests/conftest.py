"""What tests of every kind may ask for."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from deploy.local.description import Description
from deploy.local.stack import Stack

SHARED = ("shop", "infrastructure")
"""Fixtures that start servers for the whole session: one worker is enough for all that use them."""
END_TO_END = Path(__file__).parent / "e2e"

# Most of what is imported lives as long as its process: to look through it again and again costs a tenth.
gc.set_threshold(50_000, 20, 10)

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)  # xdist's own hook reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests on one worker that share a stack, and those of a file; some say themselves with whom they go."""
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        used: list[str] = getattr(item, "fixturenames", [])
        if shared := next((one for one in SHARED if one in used), ""):
            item.add_marker(pytest.mark.xdist_group(shared))
        elif END_TO_END in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Description]:
    """A Kafka and a PostgreSQL for the whole session, chosen by TEST_INFRA; a test keeps to its corner."""
    stack = Stack(tmp_path_factory.mktemp("infrastructure"), components=())
    description = stack.start()
    yield description
    stack.discard()


@pytest.fixture(autouse=True, scope="session")
def _plain_logs() -> None:
    """The pretty tracebacks of a terminal take seconds each."""
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ]
    )

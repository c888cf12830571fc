"""What tests of every kind may ask for."""

from collections.abc import Iterator

import pytest
import structlog

from deploy.local.description import Description
from deploy.local.stack import Stack


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

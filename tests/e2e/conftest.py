"""One whole stack for all of them: Kafka, PostgreSQL, five services and three simulators, each its own process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.components import MAILBOX, Component, service, simulator
from deploy.local.description import Description
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from tests.e2e.shop import Shop

WITHOUT_FAULTS: tuple[Component, ...] = (
    simulator(
        "gateway",
        *("--decline", "0", "--timeout-after-effect", "0", "--timeout-before-effect", "0"),
        *("--server-error", "0", "--hold-s", "4", "--webhook-double", "0.2", "--webhook-shuffle", "0.2"),
    ),
    simulator(
        "carrier",
        *("--refuse", "0", "--delay", "0", "--exception", "0", "--pace", "0.2"),
        *("--hold-s", "4", "--webhook-double", "0.2", "--webhook-shuffle", "0.2"),
    ),
    MAILBOX,
)
"""Simulators without faults of their own: tests force what they want by tokens, addresses and modes."""

PACE = {
    "order": {
        "OMS_PAYMENT_WINDOW_S": "10",
        "OMS_CAPTURE_BACKOFF_S": "0.3",
        "OMS_CAPTURE_ATTEMPTS": "3",
    },
    "payment": {"OMS_GATEWAY_TIMEOUT_S": "1"},
    "shipping": {"OMS_CARRIER_TIMEOUT_S": "1"},
}
"""Waits that a shop counts in hours are seconds here."""


TAKEOVER = {"OMS_TAKEOVER_S": "4"}
"""Whoever dies is succeeded soon."""

SETTINGS = {name: {**TAKEOVER, **PACE.get(name, {})} for name in SERVICES}
"""Of every service; all its instances have the same."""


TROUBLES = pytest.mark.xdist_group("troubles")
"""Files that break the shop they share: together they take as long as all others of the shop."""


@pytest.fixture(scope="package")
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop that most tests share: each with orders, customers and SKUs of its own.

    In the end all that any of them did must have left everything true.
    """
    stack = Stack(
        tmp_path_factory.mktemp("shop"),
        components=(*WITHOUT_FAULTS, *(service(name) for name in SERVICES)),
        environment=SETTINGS,
    )
    try:
        stack.start()
        shop = Shop(stack)
        yield shop
        shop.verify()
        shop.close()
    finally:
        if request.session.testsfailed:
            stack.stop()  # the logs stay
        else:
            stack.discard()


@pytest.fixture(scope="module")
def lodging(infrastructure: Description) -> Iterator[None]:
    """Stacks of this file use the session's servers, under names of their own."""
    with pytest.MonkeyPatch.context() as environment:
        _name_servers(infrastructure, environment)
        yield


@pytest.fixture
def guest(infrastructure: Description, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory whose stack uses the session's servers, and leaves nothing there."""
    _name_servers(infrastructure, monkeypatch)
    yield tmp_path / "guest"
    Stack(tmp_path / "guest", components=()).discard()


def _name_servers(servers: Description, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TEST_INFRA", "env")
    environment.setenv("TEST_KAFKA_BOOTSTRAP", servers.kafka)
    environment.setenv("TEST_POSTGRES_URL", servers.postgres)

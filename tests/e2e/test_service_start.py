"""A service that can't start says why, in one line that names the setting, and takes nothing from the others."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deploy.local.description import Description
from deploy.local.ports import HOST, Ports
from deploy.local.stack import Stack
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.postgres.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]
KEY = "of-the-operator"
PATIENCE_S = 60.0
SOON_S = 8.0
"""Well before Docker's ten seconds are over."""


class Notifier:
    """A process of the notification service."""

    def __init__(self, child: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self._child = child
        self._log = log
        self.port = port

    def get(self, path: str) -> Any:
        """What it answers; None while nobody does."""
        try:
            answer = httpx2.get(f"http://{HOST}:{self.port}{path}", headers={"Authorization": f"Bearer {KEY}"})
        except httpx2.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def holds(self) -> dict[tuple[str, int], tuple[str, int]]:
        """Who holds which lane, and in which epoch, as this process tells."""
        rows = self.get("/operations/lag")["readers"]
        return {(row["reader"], row["lane"]): (row["owner"], row["epoch"]) for row in rows}

    def has_all_lanes(self) -> bool:
        holds = self.holds()
        return len(holds) >= LANES and all(owner for owner, _ in holds.values())

    def tell(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def ended(self) -> tuple[int, str]:
        """Its exit code, and the last line that it said."""
        code = self._child.wait(PATIENCE_S)
        return code, (self.said().splitlines() or [""])[-1]

    def said(self) -> str:
        return self._log.read_text()


@pytest.fixture(scope="module")
def servers(lodging: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Description]:
    """Topics of 8 partitions, and a database."""
    stack = Stack(tmp_path_factory.mktemp("start") / "guest", components=())
    with stack:
        migrate("notification", stack.description.databases["notification"])
        yield stack.description
    stack.discard()


@contextmanager
def notifier(servers: Description, folder: Path, name: str, **others: str) -> Iterator[Notifier]:
    """Run the service with some settings of its own."""
    port = int(others.get("OMS_HTTP_PORT", Ports({}).of(name)))
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    settings = {
        "OMS_DATABASE_URL": servers.databases["notification"],
        "OMS_KAFKA_BOOTSTRAP": servers.kafka,
        "OMS_TOPIC_PREFIX": servers.topic_prefix,
        "OMS_INSTANCE": name,
        "OMS_HTTP_PORT": str(port),
        "OMS_API_KEYS": json.dumps([{"name": "operator", "sha256": digest, "scopes": ["*"]}]),
        "OMS_SMTP_HOST": HOST,
        "OMS_SMTP_PORT": "1",
        "OMS_MAIL_FROM": "orders@orderstream.example",
        **others,
    }
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "services.notification"],
            env={**os.environ, **settings},
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Notifier(child, log, port)
        finally:
            child.terminate()
            try:
                child.wait(20)
            finally:
                child.kill()


def until(condition: Callable[[], object]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_another_number_of_partitions_than_the_topics_have(servers: Description, tmp_path: Path) -> None:
    with notifier(servers, tmp_path, "one", OMS_KAFKA_PARTITIONS="16") as service:
        code, line = service.ended()

    assert code == 1
    assert line.startswith(f"notification: OMS_KAFKA_PARTITIONS is 16, but {servers.topic_prefix}.")
    assert line.endswith(" has 8 partitions")


def test_a_port_that_another_process_has(servers: Description, tmp_path: Path) -> None:
    with notifier(servers, tmp_path, "one") as first:
        until(lambda: first.get("/ready"))
        until(first.has_all_lanes)
        before = first.holds()

        with notifier(servers, tmp_path, "two", OMS_HTTP_PORT=str(first.port)) as second:
            code, line = second.ended()

        assert code == 1
        assert line == (
            f"notification: OMS_HTTP_HOST=127.0.0.1 with OMS_HTTP_PORT={first.port} can't be had: "
            "Address already in use"
        )
        assert second.said().count("\n") == 1
        assert first.holds() == before


def test_a_stop_is_heard_while_topics_are_waited_for(servers: Description, tmp_path: Path) -> None:
    with notifier(servers, tmp_path, "one", OMS_TOPIC_PREFIX="of-nobody") as service:
        until(lambda: "of-nobody.order.events not found" in service.said())
        began = time.monotonic()
        service.tell(signal.SIGTERM)
        code, _ = service.ended()

    assert code == 0
    assert time.monotonic() - began < SOON_S
    assert service.said().count("\n") < 50

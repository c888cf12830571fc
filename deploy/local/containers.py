"""Kafka and PostgreSQL in containers that live as long as the stack runs."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, NotFound
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.exceptions import ContainerStartException

from deploy.local.errors import InfrastructureUnavailable
from deploy.local.infrastructure import BROKER, Addresses
from deploy.local.jars import KAFKA_VERSION
from deploy.local.kafka import PROPERTIES, answering_at
from deploy.local.ports import HOST, Ports

KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
POSTGRES_IMAGE = "postgres:18"


def docker_answers() -> bool:
    """Whether there is a Docker daemon: testcontainers fails in its constructors where there is none."""
    try:
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


class Containers:
    """One container each; both are removed at the stop, with all they hold."""

    shared = False
    processes = ()

    def __init__(self, ports: Ports) -> None:
        broker, database = ports.of(BROKER), ports.of("postgres")
        self._postgres = PostgresContainer(POSTGRES_IMAGE, driver=None)
        self._kafka = DockerContainer(KAFKA_IMAGE)
        _open_on_loopback(self._postgres, 5432, database)
        _open_on_loopback(self._kafka, broker, broker)
        for name, value in _properties(broker).items():
            self._kafka.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
        self.addresses = Addresses(
            kafka=f"{HOST}:{broker}",
            postgres=f"postgresql://{self._postgres.username}:{self._postgres.password}"
            f"@{HOST}:{database}/{self._postgres.dbname}",
        )

    def start(self, name: str, report: Callable[[str], None]) -> None:
        """Start one of the two and wait until it answers."""
        report(f"starting {name} in a container")
        try:
            (self._kafka if name == BROKER else self._postgres).start()
        except (DockerException, ContainerStartException, TimeoutError) as error:
            raise InfrastructureUnavailable(f"the container of {name} can't be started: {error}") from error
        deadline = time.monotonic() + 60
        while name == BROKER and not answering_at(self.addresses.kafka):
            if time.monotonic() > deadline:
                raise InfrastructureUnavailable("Kafka in its container is not ready after 60 s")
            time.sleep(0.2)

    def stop(self) -> None:
        """Remove both."""
        for container in (self._kafka, self._postgres):
            with suppress(NotFound):
                container.stop()

    def outside(self) -> list[Path]:
        return []


def _open_on_loopback(container: DockerContainer, inside: int, outside: int) -> None:
    """`with_bind_ports` knows no address, and would open a port to everyone who reaches this machine."""
    ports: dict[str, Any] = container.ports
    ports[str(inside)] = (HOST, outside)


def _properties(port: int) -> dict[str, str]:
    return {
        **PROPERTIES,
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": "1@localhost:9093",
    }

"""Where Kafka and PostgreSQL come from: the embedded stack, containers, or given addresses.

TEST_INFRA=auto|env|docker|local chooses. `env` uses TEST_KAFKA_BOOTSTRAP and TEST_POSTGRES_URL (an
administrator's). `auto` is `env` where these are set, else `docker` where a daemon answers, else `local`.
What is asked for by name and can't be had is an error, never a silent change. Containers are thrown away at the
stop; the embedded stack keeps its data in the state directory.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, assert_never

from deploy.local.blocking import run_blocking
from deploy.local.errors import InfrastructureUnavailable, StackError
from deploy.local.identity import Identity
from deploy.local.kafka import Detour, Kafka, answering_at
from deploy.local.ports import Ports, check_free
from deploy.local.postgres import Postgres, takes_queries
from deploy.local.processes import Processes

BROKER, DATABASE = "kafka", "postgres"
Report = Callable[[str], None]


class Choice(StrEnum):
    auto = "auto"
    env = "env"
    docker = "docker"
    local = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Kafka as host:port, PostgreSQL as an administrator's URL."""

    kafka: str
    postgres: str


class Infrastructure(Protocol):
    """A Kafka and a PostgreSQL. `start` is told which of the two; it may run in two threads."""

    @property
    def addresses(self) -> Addresses: ...

    @property
    def shared(self) -> bool:
        """Whether others use it too, so that names need a prefix and traces are to be removed."""
        ...

    @property
    def processes(self) -> Sequence[str]:
        """Which of the two are processes of this stack; the others somebody else looks after."""
        ...

    def start(self, name: str, report: Report) -> None: ...

    def stop(self) -> None: ...

    def outside(self) -> list[Path]:
        """Folders outside the state directory that belong to this stack alone."""
        ...


def provide(
    choice: str | None,
    state: Path,
    *,
    identity: Identity,
    ports: Ports,
    processes: Processes,
    kafka_detour: Detour | None = None,
) -> Infrastructure:
    """The infrastructure of one stack, not started yet; without a choice TEST_INFRA decides, else local.

    Raises InfrastructureUnavailable.
    """
    chosen = _settled(choice or os.environ.get("TEST_INFRA") or Choice.local)
    if kafka_detour and chosen is not Choice.local:
        raise InfrastructureUnavailable(f"only the embedded Kafka takes a detour, and {chosen} was chosen")
    match chosen:
        case Choice.env:
            return Given()
        case Choice.docker:
            from deploy.local.containers import Containers  # dear to import, and rarely wanted

            return Containers(ports)
        case Choice.local | Choice.auto:
            return Embedded(state, identity, ports, processes, kafka_detour)
        case never:
            assert_never(never)


def _settled(choice: str) -> Choice:
    chosen = _named(choice)
    match chosen:
        case Choice.auto:
            if os.environ.get("TEST_KAFKA_BOOTSTRAP") and os.environ.get("TEST_POSTGRES_URL"):
                return Choice.env
            return Choice.docker if _docker_answers() else Choice.local
        case Choice.docker:
            if not _docker_answers():
                raise InfrastructureUnavailable("docker was chosen and no Docker daemon answers")
            return chosen
        case Choice.env | Choice.local:
            return chosen
        case _:
            assert_never(chosen)


def _named(choice: str) -> Choice:
    try:
        return Choice(choice)
    except ValueError:
        raise InfrastructureUnavailable(f"TEST_INFRA is auto, env, docker or local, not {choice!r}") from None


def _docker_answers() -> bool:
    from deploy.local.containers import docker_answers  # dear to import, and rarely wanted

    return docker_answers()


class Given:
    """Servers that somebody else runs."""

    shared = True
    processes = ()

    def __init__(self) -> None:
        kafka, postgres = os.environ.get("TEST_KAFKA_BOOTSTRAP"), os.environ.get("TEST_POSTGRES_URL")
        if not kafka or not postgres:
            raise InfrastructureUnavailable("env was chosen: set TEST_KAFKA_BOOTSTRAP and TEST_POSTGRES_URL")
        self.addresses = Addresses(kafka=kafka, postgres=postgres)

    def start(self, name: str, report: Report) -> None:
        """Ask whether it answers."""
        if name == BROKER and not answering_at(self.addresses.kafka):
            raise InfrastructureUnavailable("no Kafka answers at TEST_KAFKA_BOOTSTRAP")
        if name == DATABASE and not run_blocking(takes_queries(self.addresses.postgres)):
            raise InfrastructureUnavailable("no PostgreSQL answers at TEST_POSTGRES_URL")

    def stop(self) -> None:
        """Nothing: they are not ours."""

    def outside(self) -> list[Path]:
        return []


class Embedded:
    """Servers of our own, as processes of the stack."""

    shared = False
    processes = (DATABASE, BROKER)

    def __init__(
        self,
        state: Path,
        identity: Identity,
        ports: Ports,
        processes: Processes,
        kafka_detour: Detour | None = None,
    ) -> None:
        self._state = state
        self._processes = processes
        self._postgres = Postgres(
            state,
            stack_id=identity.stack_id,
            port=ports.of(DATABASE),
            password=identity.password("postgres"),
        )
        self._kafka = Kafka(
            state,
            cluster_id=identity.cluster_id,
            port=ports.of(BROKER),
            controller_port=ports.of("kafka controller"),
            flush_each=os.environ.get("OMS_KAFKA_FLUSH") == "1",
            detour=kafka_detour,
        )
        self.addresses = Addresses(kafka=self._kafka.bootstrap, postgres=self._postgres.url)

    def start(self, name: str, report: Report) -> None:
        """Start one of the two and wait until it answers."""
        server = self._kafka if name == BROKER else self._postgres
        for port in server.ports:
            check_free(port, name)
        command = server.prepare(report, self._processes.cancellation)
        self._processes.cancellation.check()
        report(f"starting {name}")
        for attempt in range(20):
            self._processes.start(command)
            try:
                self._processes.await_ready(name, server.answering, seconds=60)
            except StackError:
                # After a kill -9 the backends of the dead server may still be letting go of its memory.
                if self._processes.running(name) or attempt == 19 or not self._killed_before(name):
                    raise
                time.sleep(0.2)
            else:
                return

    def _killed_before(self, name: str) -> bool:
        return name == DATABASE and (self._postgres.data / "postmaster.pid").exists()

    def stop(self) -> None:
        """End both, one after the other is done with."""
        self._processes.stop_all([BROKER, DATABASE])

    def outside(self) -> list[Path]:
        data = self._postgres.data
        return [] if data.is_relative_to(self._state) else [data.parent]

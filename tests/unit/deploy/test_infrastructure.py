"""What is chosen by name and can't be had is an error; `auto` takes what there is."""

import socket
from pathlib import Path

import pytest

from deploy.local.errors import InfrastructureUnavailable, StackError
from deploy.local.identity import Identity
from deploy.local.infrastructure import BROKER, Addresses, Infrastructure, provide
from deploy.local.kafka import Detour
from deploy.local.ports import Ports
from deploy.local.postgres import takes_queries
from deploy.local.processes import Processes
from deploy.local.stack import Stack
from tests.breakable import breakable


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TEST_INFRA", "TEST_KAFKA_BOOTSTRAP", "TEST_POSTGRES_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-daemon.sock")


def addresses(stack: Stack) -> Addresses:
    return Addresses(kafka=stack.description.kafka, postgres=stack.description.postgres)


def test_docker_without_a_daemon_fails(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureUnavailable, match=r"^docker was chosen and no Docker daemon answers$"):
        Stack(tmp_path, infrastructure="docker")


def test_env_without_addresses_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_INFRA", "env")

    with pytest.raises(InfrastructureUnavailable, match="set TEST_KAFKA_BOOTSTRAP and TEST_POSTGRES_URL"):
        Stack(tmp_path)


def test_env_where_nothing_answers_fails_and_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql://nobody@127.0.0.1:9/none")
    stack = Stack(tmp_path, components=(), infrastructure="env")

    with pytest.raises(InfrastructureUnavailable, match="answers at TEST_"):
        stack.start()


async def test_an_address_that_is_none_is_no_postgresql() -> None:
    assert not await takes_queries("foo")
    assert not await takes_queries("postgresql://nobody@127.0.0.1:nine/none")


def test_a_choice_that_does_not_exist_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_INFRA", "cloud")

    with pytest.raises(InfrastructureUnavailable, match="auto, env, docker or local, not 'cloud'"):
        Stack(tmp_path)


def test_only_the_embedded_kafka_takes_a_detour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KAFKA_BOOTSTRAP", "kafka.example:9092")
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql://admin@db.example/postgres")

    with pytest.raises(
        InfrastructureUnavailable, match="only the embedded Kafka takes a detour, and env was chosen"
    ):
        Stack(tmp_path, infrastructure="env", kafka_detour=Detour(listens=20_001, advertised=20_002))


@pytest.mark.parametrize("choice", ["env", "docker"])
def test_servers_that_others_run_are_not_broken_and_not_exchanged_in_silence(
    monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    monkeypatch.setenv("TEST_INFRA", choice)

    with pytest.raises(
        InfrastructureUnavailable, match=f"^{choice} was chosen, and only embedded servers can be broken at will$"
    ):
        breakable()


@pytest.mark.parametrize("choice", ["", "auto", "local"])
def test_who_names_no_others_has_embedded_servers_to_break(monkeypatch: pytest.MonkeyPatch, choice: str) -> None:
    monkeypatch.setenv("TEST_INFRA", choice)

    assert breakable() == "local"


def test_auto_takes_the_addresses_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KAFKA_BOOTSTRAP", "kafka.example:9092")
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql://admin@db.example/postgres")

    stack = Stack(tmp_path, infrastructure="auto")

    assert addresses(stack) == Addresses(
        kafka="kafka.example:9092", postgres="postgresql://admin@db.example/postgres"
    )


def test_names_on_shared_servers_are_the_stacks_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KAFKA_BOOTSTRAP", "kafka.example:9092")
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql://admin@db.example/postgres")

    one = Stack(tmp_path / "one", infrastructure="env").description
    two = Stack(tmp_path / "two", infrastructure="env").description

    assert one.topic_prefix != two.topic_prefix
    assert not set(one.databases.values()) & set(two.databases.values())


def test_auto_without_addresses_and_daemon_is_the_embedded_stack(tmp_path: Path) -> None:
    stack = Stack(tmp_path, infrastructure="auto")

    assert stack.description.kafka.startswith("127.0.0.1:")
    assert stack.description.topic_prefix == "orderstream"


def embedded(state: Path, ports: Ports) -> tuple[Infrastructure, Processes]:
    """The servers of a stack, not started."""
    processes = Processes(state)
    identity = Identity(stack_id="abcd", secret="secret")
    return provide("local", state, identity=identity, ports=ports, processes=processes), processes


def test_every_port_of_kafka_is_looked_at_before_it_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        servers, _ = embedded(tmp_path, Ports({"kafka controller": port}))

        with pytest.raises(StackError, match=f"^port {port} of kafka is in use by another program$"):
            servers.start(BROKER, lambda line: None)


def test_a_start_that_is_broken_off_starts_no_more_servers(tmp_path: Path) -> None:
    servers, processes = embedded(tmp_path, Ports({}))
    processes.cancel()
    said: list[str] = []

    with pytest.raises(StackError, match=r"^the start was broken off$"):
        servers.start(BROKER, said.append)

    assert "starting kafka" not in said
    assert processes.known() == []

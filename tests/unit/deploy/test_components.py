"""What each component is told, and what it is not."""

import hashlib
import json
import socket
import threading
from pathlib import Path

import pytest

from deploy.local.components import EVERYTHING, Wiring, service, simulator
from deploy.local.errors import StackError
from deploy.local.identity import Identity, load_identity, save_identity
from deploy.local.ports import Ports, answers, check_free
from deploy.local.stack import Stack

IDENTITY = Identity(stack_id="abcd", secret="secret")
WIRING = Wiring(
    state=Path("/state"),
    identity=IDENTITY,
    ports=Ports({}),
    kafka="127.0.0.1:9092",
    postgres="postgresql://postgres:pw@127.0.0.1:5432/postgres",
    prefix="orderstream",
    seed=7,
)


def test_a_service_learns_the_digest_of_the_operators_key_and_not_the_key() -> None:
    environment = WIRING.command(service("order")).environment

    [key] = json.loads(environment["OMS_API_KEYS"])
    digest = hashlib.sha256(IDENTITY.operator_key.encode()).hexdigest()
    assert key == {"name": "operator", "sha256": digest, "scopes": ["*"]}
    assert IDENTITY.operator_key not in " ".join(environment.values())


def test_a_second_instance_has_a_port_of_its_own_and_the_same_database() -> None:
    first = WIRING.command(service("order")).environment
    second = WIRING.command(service("order", name="order-2")).environment

    assert first["OMS_HTTP_PORT"] != second["OMS_HTTP_PORT"]
    assert first["OMS_DATABASE_URL"] == second["OMS_DATABASE_URL"]


def test_a_simulator_and_its_service_know_the_same_key_and_secret() -> None:
    told = WIRING.command(service("payment")).environment
    gateway = WIRING.command(simulator("gateway", "--decline", "0.5"))

    assert told["OMS_GATEWAY_KEY"] == gateway.environment["SIMULATOR_KEY"]
    assert told["OMS_GATEWAY_WEBHOOK_SECRET"] == gateway.environment["SIMULATOR_WEBHOOK_SECRET"]
    assert told["OMS_GATEWAY_WEBHOOK_SECRET"].startswith("whsec_")
    assert gateway.argv[-2:] == ("--decline", "0.5")


def test_no_key_and_no_secret_is_on_a_command_line() -> None:
    lines = " ".join(word for one in EVERYTHING for word in WIRING.command(one).argv)

    for partner in ("gateway", "carrier"):
        assert IDENTITY.password(partner) not in lines
        assert IDENTITY.webhook_secret(partner) not in lines


def test_every_service_is_told_only_its_own_partners() -> None:
    settings = {c.name: set(WIRING.command(c).environment) for c in EVERYTHING if c.kind == "service"}

    assert "OMS_CARRIER_KEY" not in settings["payment"]
    assert "OMS_GATEWAY_KEY" not in settings["shipping"]
    assert "OMS_SMTP_PORT" not in settings["order"]


def test_extra_environment_wins_and_an_unknown_component_is_refused(tmp_path: Path) -> None:
    slow = service("order", environment={"OMS_LOG_LEVEL": "debug"})
    assert WIRING.command(slow).environment["OMS_LOG_LEVEL"] == "debug"

    with pytest.raises(StackError, match="no component named bakery"):
        Stack(tmp_path, environment={"bakery": {"A": "b"}})


def test_an_identity_is_kept_with_its_ports_and_closed_to_others(tmp_path: Path) -> None:
    made = load_identity(tmp_path)
    save_identity(tmp_path, made.model_copy(update={"ports": {"order": 12345}}))

    again = load_identity(tmp_path)

    assert again.operator_key == made.operator_key
    assert Ports(again.ports).of("order") == 12345
    assert (tmp_path / "identity.json").stat().st_mode & 0o077 == 0


def test_a_port_that_a_dying_process_still_holds_is_waited_for() -> None:
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    port = other.getsockname()[1]
    release = threading.Timer(0.3, other.close)
    release.start()

    check_free(port, "order", patience_s=30)

    release.join()
    assert not answers(port)


def test_a_port_in_use_by_another_program_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        with pytest.raises(StackError, match="of order is in use by another program"):
            check_free(other.getsockname()[1], "order", patience_s=0)

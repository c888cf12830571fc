"""The compose file says what the local stack says."""

import hashlib
import re
import textwrap
from typing import Any

import pytest
import yaml

from deploy.local.components import ROOT, service
from deploy.local.description import read_description
from deploy.local.jars import KAFKA_VERSION
from deploy.local.topics import SERVICES
from services.order.reading import read_order
from shared.events.channel import ChannelOrderReceived
from tests.unit.deploy.test_components import WIRING

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_given_exactly_the_settings_of_the_local_stack(name: str) -> None:
    local = {key for key in WIRING.command(service(name)).environment if key.startswith("OMS_")}
    ambient = {"OMS_CACHE", "OMS_INSTANCE", "OMS_KAFKA_FLUSH", "OMS_LOG_LEVEL"}  # a container's own name will do

    assert set(COMPOSE[name]["environment"]) == local - ambient
    assert COMPOSE[f"{name}-migrate"]["environment"] == COMPOSE[name]["environment"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_runs_after_its_migration_and_the_topics(name: str) -> None:
    assert COMPOSE[name]["command"] == ["python", "-m", f"services.{name}"]
    assert set(COMPOSE[name]["depends_on"]) == {f"{name}-migrate", "topics"}


def test_each_service_has_a_database_made_for_it() -> None:
    made = {text.partition("=")[0]: text.partition("=")[2] for text in COMPOSE["databases"]["command"][5:]}

    for name in SERVICES:
        url = COMPOSE[name]["environment"]["OMS_DATABASE_URL"]
        user, password, database = re.fullmatch(r"postgresql://(\w+):(\$\{.*\})@postgres:5432/(\w+)", url).groups()  # type: ignore[union-attr]
        assert user == database
        assert made[database] == password


def test_the_broker_is_the_version_of_the_local_stack() -> None:
    assert COMPOSE["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert COMPOSE["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_the_image_copies_every_package_that_its_commands_run() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    run = re.findall(r"-m[ ',]+(\w+)\.", str([job["command"] for job in COMPOSE.values() if "command" in job]))

    assert set(run) == {"deploy", "services", "simulators"}
    assert set(run) <= copied


def test_the_command_line_is_told_of_every_service_under_the_addresses_and_keys_of_this_file() -> None:
    stack = read_description(ROOT / "deploy")
    settings = COMPOSE["order"]["environment"]

    assert stack.services == {name: f"http://{name}:{settings['OMS_HTTP_PORT']}" for name in SERVICES}
    assert hashlib.sha256(stack.operator_key.encode()).hexdigest() in settings["OMS_API_KEYS"]
    assert (stack.kafka, stack.topic_prefix) == (settings["OMS_KAFKA_BOOTSTRAP"], settings["OMS_TOPIC_PREFIX"])
    for partner, of, url, key in (
        ("GATEWAY", "payment", stack.gateway_url, stack.gateway_key),
        ("CARRIER", "shipping", stack.carrier_url, stack.carrier_key),
    ):
        assert COMPOSE[of]["environment"][f"OMS_{partner}_URL"] == url
        assert COMPOSE[of]["environment"][f"OMS_{partner}_KEY"] == f"${{{partner}_KEY:-{key}}}"


@pytest.mark.parametrize(("partner", "of"), [("gateway", "payment"), ("carrier", "shipping")])
def test_a_simulator_and_its_service_are_given_the_same_key_and_secret(partner: str, of: str) -> None:
    service, simulator = COMPOSE[of]["environment"], COMPOSE[partner]["environment"]

    assert simulator == {
        "SIMULATOR_KEY": service[f"OMS_{partner.upper()}_KEY"],
        "SIMULATOR_WEBHOOK_SECRET": service[f"OMS_{partner.upper()}_WEBHOOK_SECRET"],
    }


def test_the_command_line_runs_on_demand_alone_and_finds_its_file() -> None:
    oms = COMPOSE["oms"]

    assert (oms["profiles"], oms["restart"]) == (["tools"], "no")
    assert oms["entrypoint"] == ["python", "-m", "oms"]
    [volume] = oms["volumes"]
    assert volume == f"${{STACK_JSON:-./stack.json}}:{oms['environment']['OMS_STATE']}/stack.json:ro"
    assert (ROOT / "deploy" / "stack.json").is_file()


def test_the_stack_json_of_the_readme_is_that_of_the_compose_file() -> None:
    shown = textwrap.indent((ROOT / "deploy" / "stack.json").read_text(), "    ")

    assert shown in (ROOT / "deploy" / "README.md").read_text()


def test_the_order_of_the_readme_is_one_that_the_intake_takes() -> None:
    order = read_order((ROOT / "deploy" / "order.json").read_bytes())

    assert isinstance(order, ChannelOrderReceived)

"""The processes of a stack above Kafka and PostgreSQL, as data: what runs, and with which settings."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict

from deploy.local.databases import Database, url_of
from deploy.local.identity import Identity
from deploy.local.ports import HOST, Ports
from deploy.local.processes import Command
from deploy.local.topics import SERVICES

ROOT = Path(__file__).resolve().parents[2]


class Component(BaseModel):
    """One process: `name` tells it from the others, `of` says what it is, `module` is run by `python -m`.

    `arguments` and `environment` come after what the stack gives it, so they win.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    of: str
    kind: Literal["service", "simulator", "mailbox"]
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}

    @property
    def readiness(self) -> str:
        """The path that answers 200 when the component can be used."""
        return "/ready" if self.kind == "service" else "/health"


def service(
    of: str,
    *,
    name: str | None = None,
    module: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Component:
    """A service; give a second instance of it a name of its own."""
    return Component(
        name=name or of,
        of=of,
        kind="service",
        module=module or f"services.{of}",
        environment=environment or {},
    )


def simulator(of: Literal["gateway", "carrier"], *arguments: str) -> Component:
    """The payment gateway or the carrier, with extra arguments such as ("--decline", "0.1")."""
    return Component(name=of, of=of, kind="simulator", module=f"simulators.{of}", arguments=arguments)


MAILBOX = Component(name="mailbox", of="mailbox", kind="mailbox", module="simulators.mailbox")
SIMULATORS: tuple[Component, ...] = (simulator("gateway"), simulator("carrier"), MAILBOX)
EVERYTHING: tuple[Component, ...] = (*SIMULATORS, *(service(name) for name in SERVICES))

# Who calls back whom: the simulator and the service that takes its webhooks.
WEBHOOKS = {"gateway": "payment", "carrier": "shipping"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """All that is needed to say how a component is run."""

    state: Path
    identity: Identity
    ports: Ports
    kafka: str
    postgres: str
    prefix: str
    seed: int

    def url(self, component: str) -> str:
        return f"http://{HOST}:{self.ports.of(component)}"

    def database(self, of: str) -> Database:
        """The database of a service; every instance of it uses the same one."""
        name = f"{self.prefix.replace('-', '_').replace('.', '_')}_{of}"
        return Database(name=name, password=self.identity.password(f"database {of}"))

    def command(self, component: Component) -> Command:
        """How to run a component."""
        arguments = (*self._arguments(component), *component.arguments)
        settings = {**self._environment(component), **component.environment}
        return _python(component.name, component.module, arguments, settings)

    def migrations(self, services: Sequence[str]) -> Command:
        """How to bring the databases of services up to date."""
        urls = {of: self._database_url(of) for of in services}
        return _python("migrations", "deploy.local.migrations", (), {"OMS_MIGRATIONS": json.dumps(urls)})

    def _arguments(self, component: Component) -> tuple[str, ...]:
        folder = str(self.state / component.name)
        port = str(self.ports.of(component.name))
        match component.kind:
            case "service":
                return ()
            case "mailbox":
                smtp = str(self.ports.of("smtp"))
                return ("--smtp-port", smtp, "--http-port", port, "--state", folder)
            case "simulator":
                hook = f"{self.url(WEBHOOKS[component.of])}/webhooks/{component.of}"
                return ("--port", port, "--state", folder, "--seed", str(self.seed), "--webhook-url", hook)
            case _:
                assert_never(component.kind)

    def _environment(self, component: Component) -> dict[str, str]:
        """Keys and secrets are here and in no arguments, which everyone on the machine can read."""
        match component.kind:
            case "service":
                return self._settings(component)
            case "mailbox":
                return {}
            case "simulator":
                return {
                    "SIMULATOR_KEY": self.identity.password(component.of),
                    "SIMULATOR_WEBHOOK_SECRET": self.identity.webhook_secret(component.of),
                }
            case _:
                assert_never(component.kind)

    def _settings(self, component: Component) -> dict[str, str]:
        operator = hashlib.sha256(self.identity.operator_key.encode()).hexdigest()
        keys = [{"name": "operator", "sha256": operator, "scopes": ["*"]}]
        settings = {
            "OMS_DATABASE_URL": self._database_url(component.of),
            "OMS_KAFKA_BOOTSTRAP": self.kafka,
            "OMS_TOPIC_PREFIX": self.prefix,
            "OMS_INSTANCE": component.name,
            "OMS_HTTP_HOST": HOST,
            "OMS_HTTP_PORT": str(self.ports.of(component.name)),
            "OMS_API_KEYS": json.dumps(keys),
        }
        match component.of:
            case "payment":
                return {**settings, **self._partner("gateway")}
            case "shipping":
                return {**settings, **self._partner("carrier")}
            case "notification":
                smtp = str(self.ports.of("smtp"))
                mail = {
                    "OMS_SMTP_HOST": HOST,
                    "OMS_SMTP_PORT": smtp,
                    "OMS_MAIL_FROM": "orders@orderstream.example",
                }
                return {**settings, **mail}
            case _:
                return settings

    def _database_url(self, of: str) -> str:
        return url_of(self.postgres, self.database(of))

    def _partner(self, simulator: str) -> dict[str, str]:
        name = f"OMS_{simulator.upper()}"
        return {
            f"{name}_URL": self.url(simulator),
            f"{name}_KEY": self.identity.password(simulator),
            f"{name}_WEBHOOK_SECRET": self.identity.webhook_secret(simulator),
        }


def _python(name: str, module: str, arguments: tuple[str, ...], environment: Mapping[str, str]) -> Command:
    return Command(
        name=name,
        argv=(sys.executable, "-m", module, *arguments),
        environment={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        directory=ROOT,
    )

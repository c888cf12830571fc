"""A stack whose services reach everything by lines that can be cut: through the proxy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.local.components import EVERYTHING, MAILBOX, WEBHOOKS, Component, service, simulator
from deploy.local.identity import load_identity, save_identity
from deploy.local.infrastructure import BROKER, DATABASE
from deploy.local.kafka import Detour
from deploy.local.ports import HOST, Ports
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from tests.breakable import breakable
from tests.chaos.plan import LINES
from tests.chaos.proxy import Proxy, Route

Partner = Literal["gateway", "carrier"]
SIMULATORS: Mapping[Partner, tuple[str, ...]] = {
    "gateway": ("--hold-s", "3", "--webhook-double", "0.1", "--webhook-shuffle", "0.1"),
    "carrier": (
        *("--hold-s", "3", "--webhook-double", "0.1", "--webhook-shuffle", "0.1"),
        *("--pace", "0.5", "--timeout-after-effect", "0.01", "--server-error", "0.01"),
    ),
}
"""Partners with faults of their own beside the defaults: late, lost and repeated answers and notices."""

PACE = {
    "order": {"OMS_PAYMENT_WINDOW_S": "15", "OMS_BACKORDER_WITHIN_S": "15", "OMS_CAPTURE_BACKOFF_S": "1"},
    "payment": {"OMS_GATEWAY_TIMEOUT_S": "1"},
    "shipping": {"OMS_CARRIER_TIMEOUT_S": "1"},
}
"""Waits that a shop counts in days are seconds here: who was declined or waits for goods is cancelled soon."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A stack that is not started yet, its proxy, and where a channel finds what is behind it."""

    stack: Stack
    proxy: Proxy
    kafka: str
    orders: str
    """The order service."""


def new_ground(state: Path, *, seed: int, takeover_s: float, report: Callable[[str], None]) -> Ground:
    """Put the proxy between the services and all that they connect to."""
    state.mkdir(parents=True, exist_ok=True)
    ports = _ports(state)
    way_in = {line: ports.of(f"{line} by proxy") for line in LINES}
    targets = {
        DATABASE: ports.of(DATABASE),
        BROKER: ports.of("kafka detour"),
        "gateway": ports.of("gateway"),
        "carrier": ports.of("carrier"),
        "smtp": ports.of("smtp"),
        "gateway-webhooks": ports.of(WEBHOOKS["gateway"]),
        "carrier-webhooks": ports.of(WEBHOOKS["carrier"]),
        "orders": ports.of("order"),
    }
    _keep(state, ports)
    servers = breakable()
    direct = Stack(state, infrastructure=servers).description
    settings = {
        of: {
            "OMS_DATABASE_URL": direct.databases[of].replace(f":{targets[DATABASE]}/", f":{way_in[DATABASE]}/"),
            "OMS_KAFKA_BOOTSTRAP": f"{HOST}:{way_in[BROKER]}",
            "OMS_TAKEOVER_S": str(takeover_s),
            "OMS_LOG_LEVEL": "warning",
            **PACE.get(of, {}),
        }
        for of in SERVICES
    }
    settings["payment"]["OMS_GATEWAY_URL"] = f"http://{HOST}:{way_in['gateway']}"
    settings["shipping"]["OMS_CARRIER_URL"] = f"http://{HOST}:{way_in['carrier']}"
    settings["notification"]["OMS_SMTP_PORT"] = str(way_in["smtp"])
    stack = Stack(
        state,
        components=(
            *(_simulator(of, way_in[f"{of}-webhooks"]) for of in SIMULATORS),
            MAILBOX,
            *(service(of) for of in SERVICES),
        ),
        environment=settings,
        infrastructure=servers,
        seed=seed,
        kafka_detour=Detour(listens=targets[BROKER], advertised=way_in[BROKER]),
        report=report,
    )
    routes = [Route(name=line, listens=way_in[line], target=targets[line]) for line in LINES]
    return Ground(
        stack,
        Proxy(routes),
        kafka=f"{HOST}:{way_in[BROKER]}",
        orders=f"http://{HOST}:{way_in['orders']}",
    )


def _simulator(of: Partner, webhooks: int) -> Component:
    hook = f"http://{HOST}:{webhooks}/webhooks/{of}"
    return simulator(of, *SIMULATORS[of], "--webhook-url", hook)


def _ports(state: Path) -> Ports:
    """The stack's ports, chosen before there is a stack: the proxy needs them first."""
    ports = Ports(load_identity(state).ports)
    for name in (DATABASE, BROKER, "kafka controller", "smtp", *(one.name for one in EVERYTHING)):
        ports.of(name)
    return ports


def _keep(state: Path, ports: Ports) -> None:
    save_identity(state, load_identity(state).model_copy(update={"ports": ports.kept()}))

"""How a stack is doing, asked from any process."""

import http.client
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from deploy.local.description import Description, read_description
from deploy.local.ownership import owner
from deploy.local.processes import read_records

PATIENCE_S = 2.0
"""How long a process may take to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One process of a stack; `address` is empty for the servers, whose addresses the description holds."""

    name: str
    state: Literal["ready", "not ready", "stopped"]
    """A process that runs is ready when it answers; one that starts, or hangs, is not."""
    pid: int | None
    address: str
    log: Path


def read_status(state: Path) -> list[Status]:
    """Every process of the stack in a state directory. Raises StackError when there never was a stack."""
    description = read_description(state)
    running = {record.name: record.pid for record in read_records(state) if record.alive}

    def ask(name: str) -> Status:
        up = name in running and _answers(name, description)
        return Status(
            name=name,
            state="ready" if up else "not ready" if name in running else "stopped",
            pid=running.get(name),
            address=_http_address(name, description),
            log=Path(description.processes[name]),
        )

    with ThreadPoolExecutor(max_workers=len(description.processes) or 1) as pool:
        return list(pool.map(ask, description.processes))


def is_running(state: Path) -> bool:
    """Whether some process runs the stack of this state directory."""
    return owner(state) is not None


def answers_ok(url: str, path: str) -> bool:
    """Whether a GET is answered by 200 within two seconds."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _http_address(name: str, description: Description) -> str:
    simulators = {
        "gateway": description.gateway_url,
        "carrier": description.carrier_url,
        "mailbox": description.mailbox_url,
    }
    return description.services.get(name) or simulators.get(name, "")


def _answers(name: str, description: Description) -> bool:
    # Here because the libraries of Kafka and PostgreSQL take a second, and where nothing runs nobody needs them.
    match name:
        case "kafka":
            from deploy.local.kafka import answering_at

            return answering_at(description.kafka, PATIENCE_S)
        case "postgres":
            from deploy.local.blocking import run_blocking
            from deploy.local.postgres import takes_queries

            return run_blocking(takes_queries(description.postgres, PATIENCE_S))
        case _:
            address = _http_address(name, description)
            return not address or answers_ok(address, "/ready" if name in description.services else "/health")

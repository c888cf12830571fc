"""How a stack is doing, asked from any process."""

import http.client
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from deploy.local.description import read_description
from deploy.local.ownership import owner
from deploy.local.processes import read_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One process of a stack; `address` is empty for the servers, whose addresses the description holds."""

    name: str
    state: Literal["ready", "starting", "stopped"]
    pid: int | None
    address: str
    log: Path


def read_status(state: Path) -> list[Status]:
    """Every process of the stack in a state directory. Raises StackError when there never was a stack."""
    description = read_description(state)
    running = {record.name: record.pid for record in read_records(state) if record.alive}
    simulators = {
        "gateway": description.gateway_url,
        "carrier": description.carrier_url,
        "mailbox": description.mailbox_url,
    }
    rows = []
    for name, log in description.processes.items():
        address = description.services.get(name) or simulators.get(name, "")
        path = "/ready" if name in description.services else "/health"
        up = name in running and (not address or answers_ok(address, path))
        rows.append(
            Status(
                name=name,
                state="ready" if up else "starting" if name in running else "stopped",
                pid=running.get(name),
                address=address,
                log=Path(log),
            )
        )
    return rows


def is_running(state: Path) -> bool:
    """Whether some process runs the stack of this state directory."""
    return owner(state) is not None


def answers_ok(url: str, path: str) -> bool:
    """Whether a GET is answered by 200 within two seconds."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

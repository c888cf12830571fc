"""`oms up`, `down`, `status`, `logs`: the local stack."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import urlsplit

import typer

from deploy.local.description import Description
from deploy.local.ownership import stop_stack
from deploy.local.status import read_status
from oms.client import stack_in
from oms.errors import OmsError, Unreachable, WrongUsage
from oms.options import DEFAULT_STATE, AsJson, State
from oms.output import as_document, as_table, say

LOOK_AGAIN_S = 0.3


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(logs)


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when the stack is ready.")] = False,
    seed: Annotated[int, typer.Option(help="What the simulators' faults come from.")] = 1,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Start the whole stack; without --detach it runs until Ctrl-C."""
    # Here because the libraries of Kafka and PostgreSQL take a second that other commands do not need.
    from deploy.local.stack import Stack
    from deploy.local.supervisor import run, start_detached

    if detach:
        _announce(state, start_detached(state, seed=seed, report=say), as_json)
        return
    until = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if until.is_set() or not ready.is_set():
            raise KeyboardInterrupt
        until.set()

    ready = threading.Event()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    stack = Stack(state, seed=seed, report=say)

    def on_ready() -> None:
        _announce(state, stack.description, as_json)
        if not as_json:
            say("the stack is up; Ctrl-C ends it")
        ready.set()

    run(stack, until, on_ready)


def down(state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """End the stack; what it stored stays."""
    ended = stop_stack(state)
    if as_json:
        as_document({"ended": ended})
    else:
        say("the stack has ended" if ended else f"no stack is running in {state}")


def status(state: State = DEFAULT_STATE, as_json: AsJson = False) -> int:
    """Show how the stack's processes are doing; 0 when all are ready, 1 when some are not, 3 when none runs."""
    servers = _servers(_started_here(state))
    found = read_status(state)
    rows = [
        {
            "name": one.name,
            "state": one.state,
            "pid": one.pid,
            "address": one.address or servers.get(one.name, ""),
            "log": str(one.log),
        }
        for one in found
    ]
    if as_json:
        as_document({"processes": rows})
    else:
        as_table("stack", rows)
    states = {one.state for one in found}
    if states == {"ready"}:
        return 0
    return Unreachable.exit_code if states <= {"stopped"} else OmsError.exit_code


def logs(
    service: Annotated[str, typer.Argument(help="A process of the stack, as `oms status` names it.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as new lines come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show the log of one process."""
    if follow and as_json:
        raise WrongUsage("--follow never ends, so it makes no JSON document")
    log = _log_of(service, state)
    try:
        last = log.read_text(errors="replace").splitlines()[-lines:] if lines else []
    except FileNotFoundError:
        last = []
    if as_json:
        as_document({"service": service, "lines": last})
        return
    for line in last:
        typer.echo(line)
    if follow:
        for line in _new_lines(log):
            typer.echo(line, nl=False)


def _log_of(service: str, state: Path) -> Path:
    processes = _started_here(state).processes
    if service not in processes:
        raise WrongUsage(f"the stack has no process named {service}; there are {', '.join(sorted(processes))}")
    return Path(processes[service])


def _new_lines(log: Path) -> Iterator[str]:
    """What is written from now on, also after the file was put aside and begun anew."""
    position = log.stat().st_size if log.exists() else 0
    while True:
        if log.exists():
            if log.stat().st_size < position:
                position = 0
            with log.open(errors="replace") as file:
                file.seek(position)
                while line := file.readline():
                    yield line
                position = file.tell()
        time.sleep(LOOK_AGAIN_S)


def _started_here(state: Path) -> Description:
    stack = stack_in(state)
    if not stack.processes:
        raise Unreachable(f"{state / 'stack.json'} names no processes: `oms up` did not start this stack")
    return stack


def _servers(description: Description) -> dict[str, str]:
    """Where Kafka and PostgreSQL listen, without the password."""
    postgres = urlsplit(description.postgres)
    return {"kafka": description.kafka, "postgres": postgres.netloc.rpartition("@")[2]}


def _announce(state: Path, description: Description, as_json: bool) -> None:
    if as_json:
        as_document({"state": str(state), "services": description.services, "kafka": description.kafka})
        return
    addresses = {
        **description.services,
        "gateway": description.gateway_url,
        "carrier": description.carrier_url,
        "mailbox": description.mailbox_url,
        **_servers(description),
    }
    as_table("stack", [{"name": name, "address": url} for name, url in addresses.items() if url])

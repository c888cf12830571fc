"""`oms audit`: one order's facts in all services, in causal order."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from oms.audit import Step, audit
from oms.client import Client
from oms.options import DEFAULT_STATE, AsJson, OrderNumber, State
from oms.output import as_document, cell, console, printable

DEEPEST = 12
"""Levels shown by indentation; deeper ones stay at the last."""
TOLD_ELSEWHERE = ("order_number", "content", "lines", "address", "payment", "proposed", "facts", "asked")
"""Fields that stand beside the fact or would fill the screen; `--json` has them all."""


def register(app: typer.Typer) -> None:
    app.command("audit")(audit_order)


def audit_order(number: OrderNumber, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Show all that happened to one order: causes before effects, with who did it and why."""
    with Client.of(state) as client:
        steps = audit(client, number)
    if as_json:
        as_document(document_of(number, steps))
    else:
        console().print(table_of(number, steps))


def document_of(number: str, steps: Sequence[Step]) -> dict[str, Any]:
    """The steps for a program."""
    rows = [{**asdict(step), "recorded_at": step.recorded_at.isoformat()} for step in steps]
    return {"order_number": number, "steps": rows}


def table_of(number: str, steps: Sequence[Step]) -> Table:
    """The steps as a table, indented by what led to what."""
    table = Table(
        title=Text(f"audit of {printable(number)}", style="bold"), title_justify="left", box=box.SIMPLE_HEAD
    )
    table.add_column("time")
    table.add_column("service")
    table.add_column("what")
    table.add_column("with", overflow="fold")
    table.add_column("actor")
    table.add_column("reason", overflow="fold")
    for step in steps:
        indent = "  " * min(step.depth, DEEPEST) + ("└ " if step.depth else "")
        table.add_row(
            f"{step.recorded_at:%m-%d %H:%M:%S}.{step.recorded_at.microsecond // 1000:03}",
            step.service,
            Text(indent + printable(step.type), style="dim" if step.kind == "command" else ""),
            cell(_details(step.payload)),
            cell(step.actor),
            cell(step.reason),
        )
    return table


def _details(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in payload.items()
        if name not in TOLD_ELSEWHERE and not isinstance(value, Mapping | list)
    }

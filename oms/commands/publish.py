"""`oms publish`: orders from a file to the intake."""

from pathlib import Path
from typing import Annotated

import typer

from oms.client import Client
from oms.options import DEFAULT_STATE, AsJson, State
from oms.orders_file import COLUMNS, Fault, Statement, read_orders
from oms.output import as_document, counted, printable, say

HELP = f"""Publish the orders of a file to the intake; a second publish of the same file doubles nothing.

FILE.ndjson has one channel.order-received.v1 a line. FILE.csv has one row for each line of an order, with the
columns {", ".join(COLUMNS)}. Amounts are minor units, times RFC 3339. What is wrong is reported with its line
number, and everything else is published; of a CSV nothing is, if a row does not say which order it belongs to."""


def register(app: typer.Typer) -> None:
    app.command("publish", help=HELP)(publish_file)


def publish_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Orders as .ndjson or .csv.")],
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> int:
    """0 when everything was published, 1 when something was wrong."""
    from oms.publish import publish  # here because Kafka's libraries take a second that other commands do not need

    found = list(read_orders(file))
    statements = [one for one in found if isinstance(one, Statement)]
    faults = [one for one in found if isinstance(one, Fault)]
    with Client.of(state) as client:
        published, refused = publish(client.stack, statements) if statements else (0, [])
    faults = sorted([*faults, *refused], key=lambda fault: fault.line)
    if as_json:
        rows = [{"line": fault.line, "explanation": fault.explanation} for fault in faults]
        as_document({"published": published, "faults": rows})
    else:
        for fault in faults:
            say(f"{file.name}:{fault.line}: {printable(fault.explanation)}")
        say(counted(published, "order") + " published" + (f", {counted(len(faults), 'fault')}" if faults else ""))
    return 1 if faults else 0

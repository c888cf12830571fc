"""The options that every command has."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_STATE = Path(__file__).resolve().parents[1] / ".state"

State = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="OMS_STATE",
        help="The stack's state directory.",
        show_default=".state",
        file_okay=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
OrderNumber = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the order for good.")]

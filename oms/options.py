"""The options that every command has."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_STATE = Path(__file__).resolve().parents[1] / ".state"


def in_a_directory(state: Path | None) -> Path | None:
    """The state directory as it was given.

    Raises:
        BadParameter: it can't be a directory, for something above it is none.
    """
    try:
        above = (
            next((one for one in state.expanduser().absolute().parents if one.exists()), None) if state else None
        )
    except OSError as error:
        raise typer.BadParameter(f"{state}: {error.strerror}") from None
    if above is not None and not above.is_dir():
        raise typer.BadParameter(f"{state} can't be a directory: {above} is a file")
    return state


State = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="OMS_STATE",
        help="The stack's state directory.",
        show_default=".state",
        file_okay=False,
        callback=in_a_directory,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")]
OrderNumber = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the order for good.")]

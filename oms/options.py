"""The options that every command has."""

import re
import uuid
from pathlib import Path
from typing import Annotated

import typer

from shared.events.http_api import IDEMPOTENCY_KEY

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


def new_key() -> str:
    """A key that nobody has used."""
    return f"oms-{uuid.uuid4()}"


def visible(key: str) -> str:
    """The key as it was given.

    Raises:
        BadParameter: it can't be one.
    """
    if not re.fullmatch(IDEMPOTENCY_KEY, key):
        raise typer.BadParameter("a key is 1 to 200 visible characters")
    return key


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
Key = Annotated[
    str,
    typer.Option(
        "--key",
        default_factory=new_key,
        show_default="a new one",
        callback=visible,
        help="The same key never does it twice: to repeat what failed, give the key that was named.",
    ),
]
OrderNumber = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the order for good.")]

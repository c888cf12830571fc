"""`oms`: every command, and how failures end."""

import logging
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.errors import StackError
from oms.commands import audit, orders, parked, publish, stack, stock, verify
from oms.demo import command as demo
from oms.errors import OmsError, Stopped, WrongUsage
from shared.eventsourcing.garbage import collect_rarely

ROOT = Path(__file__).resolve().parents[1]

app = typer.Typer(
    name="oms",
    help="Orderstream's operator command line.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        typer.echo(f"{project['name']} {project['version']}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(WrongUsage.exit_code)


for group in (stack, publish, orders, stock, parked, audit, verify, demo):
    group.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line.

    Returns the exit code: 0 done, 1 refused, failed or something found, 2 wrong usage, 3 no stack to be reached,
    130 stopped by Ctrl-C.
    """
    # The broker's library reports on its own what we say in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    collect_rarely()
    try:
        ended = app(args=None if arguments is None else list(arguments), prog_name="oms", standalone_mode=False)
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:  # a user gets one line, whatever it was
        if os.environ.get("OMS_DEBUG"):
            raise
        line, code = _failure(error)
        typer.echo(f"oms: {' '.join(line.split())}", err=True)
        return code
    if ended == Stopped.exit_code:  # Typer has taken the KeyboardInterrupt
        typer.echo("oms: stopped", err=True)
    return ended if isinstance(ended, int) else 0


def _failure(error: BaseException) -> tuple[str, int]:
    match error:
        case typer.Abort() | KeyboardInterrupt():
            return "stopped", Stopped.exit_code
        case typer.TyperException():
            return error.format_message(), 2
        case OmsError():
            return str(error), error.exit_code
        case StackError():
            return str(error), 1
        case PermissionError(filename=str(path)):
            return f"no permission to use {path}", 1
        case _:
            return f"unexpected {type(error).__name__}: {error} (OMS_DEBUG=1 shows where)", 1

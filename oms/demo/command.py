"""The `demo` command."""

from pathlib import Path
from typing import Annotated

import typer

from oms.options import AsJson, in_a_directory


def register(app: typer.Typer) -> None:
    """Add `demo` to the command line."""
    app.command()(demo)


def demo(
    orders: Annotated[int, typer.Option(min=1, max=150_000, help="How many real baskets to place.")] = 1_000,
    seed: Annotated[
        int, typer.Option(help="What all faults and mischief come from; the same seed, the same run.")
    ] = 1,
    rate: Annotated[int, typer.Option(min=1, help="Orders published a second at most.")] = 100,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            envvar="OMS_STATE",
            help="Where the stack keeps its state; by default a new directory.",
            file_okay=False,
            callback=in_a_directory,
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the state directory for a look.")] = False,
    as_json: AsJson = False,
) -> int:
    """Start the whole stack, place real orders, follow each to its end, check everything, and stop."""
    from oms.demo.run import Demo, run_demo  # here because its libraries take a second that others do not need

    return run_demo(Demo(orders=orders, seed=seed, rate=rate, state=state, keep=keep, as_json=as_json))

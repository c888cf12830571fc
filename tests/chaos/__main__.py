"""`python -m tests.chaos`: a load on the real stack while everything breaks, and what came of it."""

import logging
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from channels.publishing import NotAcknowledged
from deploy.local.errors import StackError
from oms.errors import OmsError
from oms.options import DEFAULT_STATE
from oms.output import say
from shared.eventsourcing.garbage import collect_rarely
from tests.chaos.bounds import Bounds
from tests.chaos.plan import Pace
from tests.chaos.run import Look, discard, run
from tests.chaos.traffic import Load

BOUNDS = Bounds()
LINES = 10
"""That tell how far a run is where there is no terminal to draw a bar on."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def chaos(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long the load and the troubles last.")] = 5.0,
    rate: Annotated[float, typer.Option(min=1, help="Orders a second.")] = 50.0,
    seed: Annotated[int, typer.Option(help="What the load and the troubles come from.")] = 1,
    most_behind: Annotated[
        float, typer.Option(min=0, max=1, help="Part of the orders that may be behind when the troubles end.")
    ] = BOUNDS.most_behind,
    heal_within: Annotated[
        float, typer.Option(min=1, help="Seconds after the troubles until nothing may be on its way any more.")
    ] = BOUNDS.heal_within_s,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the state directory for a look.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON document.")] = False,
) -> int:
    """Break the whole stack under load, mend it, and check every promise; 0 only if all hold within the bounds."""
    DEFAULT_STATE.mkdir(exist_ok=True)
    state = Path(tempfile.mkdtemp(prefix="chaos-", dir=DEFAULT_STATE))
    load = Load(seed=seed, rate=rate, seconds=minutes * 60)
    say("starting the stack")
    with _bar(load) as shown:
        bar = shown.add_task("load", total=load.orders)
        told = 0

        def progress(look: Look) -> None:
            nonlocal told
            accepted = len(look.published.accepted)
            shown.update(bar, completed=accepted, description=_in_words(look))
            if not shown.console.is_terminal and accepted * LINES >= load.orders * (told + 1):
                told += 1
                say(f"{accepted:,} of {load.orders:,} orders; {_in_words(look)}")

        bounds = Bounds(most_behind=most_behind, heal_within_s=heal_within)
        report = run(load, Pace(), state, bounds, progress)
    report.print(as_json=as_json)
    if report.good and not keep:
        discard(state)
    else:
        say(f"data and logs are kept in {state}")
    return 0 if report.good else 1


def main() -> int:
    """Carry out the command line; returns the exit code."""
    # The broker's library reports on its own what is broken on purpose.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    collect_rarely()
    try:
        ended = app(standalone_mode=False)
    except (StackError, OmsError, NotAcknowledged) as error:
        say(f"chaos: {error}")
        return 1
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except typer.TyperException as error:
        say(f"chaos: {error.format_message()}")
        return 2
    return ended if isinstance(ended, int) else 0


def _bar(load: Load) -> Progress:
    columns = (BarColumn(), TextColumn(f"{{task.completed}}/{load.orders}"), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True))


def _in_words(look: Look) -> str:
    counts = "  ".join(f"{status} {number}" for status, number in sorted(look.statuses.items()) if number)
    return f"{look.troubles} troubles  {counts}"


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: every measure in one run, beside the machine's own ceilings."""

import argparse
import asyncio
import logging
import sys

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.append import measure_append
from benchmarks.bare_loop import measure_bare_loop
from benchmarks.hot_sku import measure_hot_sku
from benchmarks.measure import Measure
from benchmarks.peers.compare import measure_peers
from benchmarks.placement import measure_latency, measure_rate
from benchmarks.road import Unsound, scratch_database, stack_for_benchmarks
from deploy.local.description import Description
from deploy.local.errors import StackError
from oms.errors import OmsError

HOPS = 5
"""Batches that an order goes through: taken, reserved, answered, authorised, confirmed."""


def main() -> int:
    """Run the measures and print them; 1 when a run was not sound."""
    argparse.ArgumentParser(prog="benchmarks", description=__doc__).parse_args()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a new topic has no leader for a moment
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        with stack_for_benchmarks() as description:
            measures = asyncio.run(_measure(description, console))
    except (Unsound, OmsError, StackError) as error:
        console.print(f"benchmarks: {error}", style="red")
        return 1
    console.print(_table(measures))
    return 0


async def _measure(description: Description, console: Console) -> list[Measure]:
    def say(line: str) -> None:
        console.print(line, style="dim")

    measures: list[Measure] = []
    async with scratch_database(description) as database:
        say("a bare loop: consume, store two rows, publish, commit")
        bare = await measure_bare_loop(description.kafka, database)
        measures += bare
        say("the append beside a raw COPY")
        measures += await measure_append(database)
    say("the placement saga, prepaid")
    saga = await measure_rate(description, card=False)
    measures.append(saga)
    share = tuple(rate * HOPS / bare[0].median for rate in saga.runs)
    measures.append(Measure(name="hops of the saga over the bare loop's", unit="of the ceiling", runs=share))
    say("the placement saga, by card")
    measures.append(await measure_rate(description, card=True))
    say("latency at a steady rate")
    measures += await measure_latency(description)
    say("one hot SKU")
    measures.append(await measure_hot_sku(description))
    measures += await measure_peers(description, say, saga)
    return measures


def _table(measures: list[Measure]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="orderstream benchmarks", title_justify="left")
    for column in ("measure", "median", "least to most", "note"):
        table.add_column(column)
    for measure in measures:
        table.add_row(*measure.row())
    return table


if __name__ == "__main__":
    sys.exit(main())

"""`make bench-scale`: what the saga costs with many orders stored beside what it costs when there are none.

The history comes in by the intake and goes through the services' own appends, so that every table, index, view and
topic holds what it would hold. Then a second stack is started, with nothing stored, and the two take turns: the
history takes so long to load that the machine's pace is another one afterwards.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from benchmarks.machine import machine, servers
from benchmarks.measure import Findings, Measure
from benchmarks.orders import messages
from benchmarks.placement import ORDERS, WARM_UP, confirm, saga_rates, warm_up
from benchmarks.processor import memory_of
from benchmarks.report import Report
from benchmarks.road import Road, Unsound, road, watch
from benchmarks.stored import insist_on_the_databases
from deploy.local.errors import StackError
from deploy.local.topics import SERVICES
from oms.errors import OmsError
from shared.eventsourcing.garbage import collect_rarely

BATCH = 2_500
"""Orders that are on their way at the same time while the history is loaded."""
LOOKS = 10
"""How often on the way the rate and the memory are looked at."""
PAIRS = 5
"""Runs of each stack, in turns."""
WHOLE = 50_000
"""With so many orders `oms verify` reads all of it; with more the databases are asked instead."""
MB_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Look:
    """How many orders are stored, and the resident memory of each service in MB then."""

    stored: int
    memory: dict[str, float]


@dataclass(frozen=True, slots=True)
class Pair:
    """Orders/s of a stack with nothing stored, and of the one with the history right after."""

    empty: float
    full: float


def main() -> int:
    """Load, measure beside an empty stack; 1 when a run was not sound."""
    arguments = _arguments()
    collect_rarely()  # as the services do
    console = Console(width=None if sys.stdout.isatty() else 140)
    verified = "read whole by oms verify" if arguments.verify == "whole" else "checked in the databases"
    try:
        with road() as running:
            configuration = machine() | asyncio.run(servers(running.description))
            configuration |= {"history": f"{arguments.orders:,} confirmed orders of 3 lines, {verified}"}
            configuration |= {"rate": f"{WARM_UP} to warm up, then {PAIRS} runs of {ORDERS:,} each, in turns"}
            looks = uvloop.run(_history(running, console, arguments.orders))
            with road() as fresh:
                pairs = uvloop.run(_turns(fresh, running, console))
            looks.append(Look(looks[-1].stored + WARM_UP + PAIRS * ORDERS, memory_of(running.stack.state)))
            console.print("verifying", style="dim")
            uvloop.run(_insist(running, looks[-1].stored, whole=arguments.verify == "whole"))
            findings = _findings(pairs, looks)
    except (Unsound, OmsError, StackError) as error:
        console.print(f"benchmarks: {error}", style="red")
        return 1
    report = Report(configuration=configuration, findings=findings)
    console.print(*report.tables())
    if arguments.json:
        report.write_json(arguments.json)
    console.print(f"page: {report.write_page('scale')}", soft_wrap=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000, help="orders of history (default %(default)s)")
    parser.add_argument(
        "--verify",
        choices=("whole", "databases"),
        help=f"`oms verify` reads every entry; by default up to {WHOLE:,} orders, as it takes hours for a million",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there as well")
    arguments = parser.parse_args()
    if arguments.orders < LOOKS:
        parser.error(f"--orders is at least {LOOKS}")
    arguments.verify = arguments.verify or ("whole" if arguments.orders <= WHOLE else "databases")
    return arguments


async def _history(road: Road, console: Console, orders: int) -> list[Look]:
    console.print("loading the history through the intake", style="dim")
    return await _load(road, console, orders)


async def _turns(fresh: Road, full: Road, console: Console) -> list[Pair]:
    """Both stacks in turns, each once the other has nothing left to do."""
    console.print("the saga with nothing stored and with the history, in turns", style="dim")
    pairs = []
    for each in (fresh, full):
        await warm_up(each)
        await each.usage()
    for _ in range(PAIRS):
        rates: list[float] = []
        for each in (fresh, full):
            rates += await saga_rates(each, card=False, runs=1)
            await each.usage()
        pairs.append(Pair(*rates))
    return pairs


async def _insist(road: Road, stored: int, *, whole: bool) -> None:
    if whole:
        await road.insist_on_verify()
    else:
        await insist_on_the_databases(road.description, orders=stored)


async def _load(road: Road, console: Console, orders: int) -> list[Look]:
    """Let orders come in, some at a time, and look at the memory on the way."""
    looks: list[Look] = []
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=orders)
        done = 0
        async with watch(road.description) as seen:
            while done < orders:
                batch = messages(min(BATCH, orders - done))
                await confirm(road, seen, batch)
                done += len(batch)
                progress.update(bar, completed=done)
                if done >= orders * len(looks) // LOOKS:
                    looks.append(Look(done, memory_of(road.stack.state)))
                    most = max(looks[-1].memory.values())
                    progress.update(bar, description=f"largest service {most:.0f} MB")
                    if not console.is_terminal:
                        console.print(f"{done:>9,} of {orders:,}; largest service {most:.0f} MB")
    return looks


def _findings(pairs: list[Pair], looks: list[Look]) -> Findings:
    empty, full = tuple(one.empty for one in pairs), tuple(one.full for one in pairs)
    ratios = tuple(one.full / one.empty for one in pairs)
    measures = [
        Measure(name="placement saga, nothing stored", unit="orders/s", runs=empty),
        Measure(name=f"placement saga, {looks[-2].stored:,} orders stored", unit="orders/s", runs=full),
        Measure(name="rate with the history over the rate without", unit="times", runs=ratios, target="0.9"),
    ]
    for of in SERVICES:
        way = ", ".join(f"{look.memory[of]:.0f}" for look in looks)
        measures.append(
            Measure(
                name=f"resident memory of {of}",
                unit="MB",
                runs=(looks[-1].memory[of],),
                target=f"flat, under {MB_AT_MOST}",
                note=f"from {looks[0].stored:,} to {looks[-1].stored:,} orders: {way}",
            )
        )
    return Findings(measures=tuple(measures))


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: every measure in one run, beside the machine's own ceilings."""

import argparse
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import append, bare_loop, hot_sku, http_orders, load, placement, rebuild, twins, whole_life
from benchmarks.machine import machine, servers
from benchmarks.measure import Findings, Measure
from benchmarks.peers import compare
from benchmarks.report import Report
from benchmarks.road import Road, Unsound, road
from deploy.local.errors import StackError
from oms.errors import OmsError
from shared.eventsourcing.garbage import collect_rarely


@dataclass(frozen=True, slots=True)
class Piece:
    """A measure by its name: what it does, in words, and the function that does it."""

    name: str
    configuration: str
    measure: Callable[[Road], Awaitable[Findings]]


PIECES = (
    Piece("bare", bare_loop.CONFIGURATION, bare_loop.measure_bare_loop),
    Piece("append", append.CONFIGURATION, append.measure_append),
    Piece("saga", placement.CONFIGURATION, placement.measure_prepaid),
    Piece("card", placement.CARD_CONFIGURATION, placement.measure_card),
    Piece("load", load.CONFIGURATION, load.measure_load),
    Piece("life", whole_life.CONFIGURATION, whole_life.measure_whole_life),
    Piece("hot", hot_sku.CONFIGURATION, hot_sku.measure_hot_sku),
    Piece("http", http_orders.CONFIGURATION, http_orders.measure_http),
    Piece("rebuild", rebuild.CONFIGURATION, rebuild.measure_rebuild),
    Piece("twins", twins.CONFIGURATION, twins.measure_twins),
    Piece("peers", compare.CONFIGURATION, compare.measure_peers),
)


def main() -> int:
    """Run the measures and print them; 1 when a run was not sound."""
    arguments = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a new topic has no leader for a moment
    collect_rarely()  # as the services do
    console = Console(width=None if sys.stdout.isatty() else 140)
    configuration = machine()
    try:
        with road() as running:
            configuration |= uvloop.run(servers(running.description))
            findings = uvloop.run(_measure(running, arguments.only, console))
    except (Unsound, OmsError, StackError) as error:
        console.print(f"benchmarks: {error}", style="red")
        return 1
    configuration |= {piece.name: piece.configuration for piece in arguments.only}
    report = Report(configuration=configuration, findings=findings)
    console.print(*report.tables())
    if arguments.json:
        report.write_json(arguments.json)
    console.print(f"page: {report.write_page('bench')}", soft_wrap=True)
    return 0


def _arguments() -> argparse.Namespace:
    names = ", ".join(piece.name for piece in PIECES)
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", type=_pieces, default=PIECES, help=f"some of {names}, joined by commas")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there as well")
    return parser.parse_args()


def _pieces(names: str) -> Sequence[Piece]:
    wanted = [name for name in names.split(",") if name]
    if unknown := set(wanted) - {piece.name for piece in PIECES}:
        raise argparse.ArgumentTypeError(f"there is no measure {', '.join(sorted(unknown))}")
    return [piece for piece in PIECES if piece.name in wanted]


async def _measure(running: Road, pieces: Sequence[Piece], console: Console) -> Findings:
    findings = Findings()
    for number, piece in enumerate(pieces, start=1):
        console.print(f"[{number}/{len(pieces)}] {piece.name}: {piece.configuration}", style="dim", markup=False)
        began = time.monotonic()
        found = await piece.measure(running)
        for measure in found.measures:
            console.print(f"      {measure.name}: {measure.figure} ({measure.spread or measure.note})")
        console.print(f"      took {time.monotonic() - began:.0f} s", style="dim")
        findings += found
    began = time.monotonic()
    console.print("verifying every promise, without which nothing is reported", style="dim")
    await running.insist_on_verify()
    console.print(f"      took {time.monotonic() - began:.0f} s", style="dim")
    return findings + _hops(findings) + compare.ratios(findings)


def _hops(findings: Findings) -> Findings:
    """The saga beside the ceiling of its hops, where both were measured."""
    names = (bare_loop.NAME, placement.PREPAID, placement.HOPS)
    match [findings.named(name) for name in names]:
        case [Measure() as bare, Measure() as saga, Measure() as hops]:
            runs = tuple(rate * hops.median / bare.median for rate in saga.runs)
            name, note = "hops of the saga over the bare loop's", f"{hops.median:.2f} messages an order"
            ratio = Measure(name=name, unit="of the ceiling", runs=runs, target="0.5", note=note)
            return Findings(measures=(ratio,))
        case _:
            return Findings()


if __name__ == "__main__":
    sys.exit(main())

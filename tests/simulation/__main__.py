"""`make simulate SEED=… | SEEDS=… FROM=…`: runs worlds, and tells of the first that breaks a promise."""

import argparse
import hashlib
import multiprocessing
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.many import Ran, run_seeds
from tests.simulation.running import FAULTS, ORDERS, narrate, plan, run, shrink

LINES = 20
"""Where there is no terminal for a bar, so many lines tell how far it is."""


def main() -> int:
    """Run what was asked for; 1 when a world breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, help="replay one world and tell its whole story")
    which.add_argument("--seeds", type=int, default=500, help="run so many worlds (500)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count(), help="processes (one a core)")
    parser.add_argument("--orders", type=int, default=ORDERS, help=f"orders in each world ({ORDERS})")
    parser.add_argument("--faults", type=int, default=FAULTS, help=f"faults in each world ({FAULTS})")
    parser.add_argument("--digest", action="store_true", help="tell only the SHA-256 of the world's story")
    parser.add_argument("--whole", action="store_true", help="do not look for a smaller world that fails as well")
    asked = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    if asked.seed is None:
        return _many(console, asked)
    outcome = run(plan(asked.seed, asked.orders, asked.faults))
    if asked.digest:
        console.print(outcome.trace.digest())
        return 0
    if outcome.findings and not asked.whole:
        outcome = shrink(outcome, report=lambda line: console.print(f"[dim]{line}[/]"))
    for line in narrate(outcome):
        console.print(line, markup=False)
    digest = hashlib.sha256(outcome.trace.digest().encode()).hexdigest()[:16]
    days = outcome.virtual_s / 86_400
    console.print(f"{outcome.entries} entries, {days:.1f} virtual days, {outcome.cpu_s:.2f} s, story {digest}")
    return 1 if outcome.findings else 0


def _many(console: Console, asked: argparse.Namespace) -> int:
    began, used, held = time.monotonic(), 0.0, set[int]()
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    seeds = range(asked.first, asked.first + asked.seeds)
    failed = None
    try:
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("worlds", total=asked.seeds)
            for one in run_seeds(seeds, asked.jobs, asked.orders, asked.faults):
                if one.findings:
                    failed = one
                    break
                held.add(one.seed)
                used += one.cpu_s
                progress.update(bar, advance=1, description=f"{len(held) / used:.1f} worlds/s a core")
                if not console.is_terminal and len(held) * LINES % asked.seeds < LINES:
                    console.print(f"{len(held):,} of {asked.seeds:,} worlds hold")
    except KeyboardInterrupt:
        missing = next((seed for seed in seeds if seed not in held), seeds.stop)
        console.print(f"stopped after {len(held)} worlds, which hold; FROM={missing} goes on")
        return 130
    if failed is not None:
        return _tell(console, asked, failed)
    rate, rate_of_core = len(held) / (time.monotonic() - began), len(held) / used
    console.print(f"{len(held)} worlds hold: {rate:.1f} a second, {rate_of_core:.1f} a second of one core")
    return 0


def _tell(console: Console, asked: argparse.Namespace, failed: Ran) -> int:
    """The smallest world that breaks a promise as this one does, and how to see it again."""
    console.print(f"seed {failed.seed} breaks a promise: {failed.findings[0]}", markup=False)
    smallest = shrink(
        run(plan(failed.seed, asked.orders, asked.faults)), report=lambda line: console.print(f"[dim]{line}[/]")
    )
    for line in narrate(smallest):
        console.print(line, markup=False)
    sizes = f"--orders {asked.orders} --faults {asked.faults}"
    console.print(f"Replay it: python -m tests.simulation --seed {failed.seed} {sizes}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

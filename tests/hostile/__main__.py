"""`python -m tests.hostile --inputs N --seed S`: hostile inputs, until one breaks a promise."""

import argparse
import logging
import multiprocessing
import resource
import sys
import time
from collections import Counter

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.hostile.fuzzing import Outcome, chunks_of, run_chunk, run_chunks

MEBIBYTE = 1024 * 1024


def main() -> int:
    """Run what was asked for; 1 when an input breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="so many inputs (100000)")
    parser.add_argument("--seed", type=int, default=0, help="which inputs they are (0)")
    parser.add_argument("--input", type=int, help="replay the input with this number alone")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the number of the first input (0)")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count(), help="processes (one a core)")
    asked = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    if asked.input is not None:
        outcome = run_chunk(asked.seed, asked.input, 1)
        return _told(console, outcome.outcomes, outcome)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began, outcomes, inputs = time.monotonic(), Counter[str](), 0
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("inputs", total=asked.inputs)
        for outcome in run_chunks(asked.seed, chunks_of(asked.inputs, asked.first), asked.jobs):
            outcomes += outcome.outcomes
            inputs += outcome.inputs
            pace = inputs / (time.monotonic() - began)
            progress.update(bar, advance=outcome.inputs, description=f"{pace:,.0f} inputs/s")
            if outcome.findings:
                break
    if not outcome.findings:
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MEBIBYTE
        took = time.monotonic() - began
        console.print(f"{inputs:,} inputs in {took:.0f} s, {inputs / took:,.0f} a second; {most:.0f} MiB at most")
    return _told(console, outcomes, outcome)


def _told(console: Console, outcomes: Counter[str], last: Outcome) -> int:
    for name, count in outcomes.most_common():
        console.print(f"{count:>10,}  {name}")
    for finding in last.findings[:10]:
        console.print(str(finding), markup=False)
    return 1 if last.findings else 0


if __name__ == "__main__":
    sys.exit(main())

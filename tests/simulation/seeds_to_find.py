"""Worlds until each planted bug is found; `python -m tests.simulation.seeds_to_find` keeps the table."""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.planted_bugs import BUGS, PlantedBug
from tests.simulation.running import plan, run

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"
BEGIN, END = "<!-- seeds to find: begin -->", "<!-- seeds to find: end -->"
MOST = 200


@dataclass(frozen=True, slots=True)
class Found:
    """How a bug was found."""

    bug: str
    seeds: int
    """Worlds run until one showed it; 0: none did."""
    rule: str


def find(bug: PlantedBug, most: int = MOST) -> Found:
    """Run worlds with a bug in them until one breaks a promise that the bug breaks."""
    for seed in range(most):
        for finding in run(plan(seed), bug.plant).findings:
            if finding.rule in bug.breaks:
                return Found(bug.name, seed + 1, finding.rule)
    return Found(bug.name, 0, "not found")


def row(found: Found) -> str:
    """A bug's line in the table."""
    wrong = next(bug.wrong for bug in BUGS if bug.name == found.bug)
    return f"| {found.bug} | {wrong} | {found.seeds or 'not found'} | {found.rule} |"


def keep(found: Found) -> str:
    """Put a bug's line into the page; returns the whole table."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    kept, _, tail = rest.partition(END)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in kept.strip().splitlines()[2:]}
    rows[found.bug] = row(found)
    lines = ["| planted bug | what is wrong | worlds until found | rule that found it |", "|---|---|---|---|"]
    told = "\n".join(lines + [rows[bug.name] for bug in BUGS if bug.name in rows])
    PAGE.write_text(f"{head}{BEGIN}\n{told}\n{END}{tail}")
    return told


def main() -> int:
    """Find bugs, keep each in the page as soon as it is found, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bugs", nargs="*", help="names of bugs; all if none is named")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args()
    told, missed = "", 0
    with ProcessPoolExecutor(asked.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(find, bug) for bug in BUGS if not asked.bugs or bug.name in asked.bugs]
        for one in waiting:
            told = keep(one.result())
            missed += not one.result().seeds
    sys.stdout.write(told + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Worlds until each planted bug is found; `python -m tests.simulation.seeds_to_find` keeps the table."""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.bugs import BUGS, PlantedBug
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
    seed: int
    rule: str


def find(bug: PlantedBug, first: int = 0, most: int = MOST) -> Found:
    """Run worlds with a bug in them until one shows it."""
    for tried, seed in enumerate(range(first, first + most), start=1):
        outcome = run(plan(seed), bug.plant)
        if outcome.findings:
            return Found(bug.name, tried, seed, outcome.findings[0].rule)
    return Found(bug.name, 0, -1, "not found")


def table(found: list[Found]) -> str:
    """The table as the page keeps it."""
    wrong = {bug.name: bug.wrong for bug in BUGS}
    rows = ["| planted bug | what is wrong | worlds until found | rule that found it |", "|---|---|---|---|"]
    rows += [f"| {one.bug} | {wrong[one.bug]} | {one.seeds or 'not found'} | {one.rule} |" for one in found]
    return "\n".join(rows)


def main() -> int:
    """Find every bug, print the table and keep it in the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    jobs: int = parser.parse_args().jobs
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(find, bug) for bug in BUGS]
        found = []
        for one in waiting:
            found.append(one.result())
            sys.stderr.write(f"{found[-1]}\n")
    told = table(found)
    sys.stdout.write(told + "\n")
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{told}\n{END}{tail}")
    return 0 if all(one.seeds for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())

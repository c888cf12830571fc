"""The measures that `make bench` knows."""

import subprocess
import sys
from pathlib import Path

from benchmarks.__main__ import PIECES

ROOT = Path(__file__).resolve().parents[3]


def test_a_measure_that_is_not_there_is_refused_with_those_that_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "saga,sgaa"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 2
    assert "there is no measure sgaa" in done.stderr.splitlines()[-1]


def test_every_measure_is_in_the_readme_by_the_name_that_runs_it_alone() -> None:
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in readme.splitlines() if line.startswith("| ")]

    assert {name.strip() for row in rows[1:] for name in row.split(",")} == {piece.name for piece in PIECES}

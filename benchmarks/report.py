"""What is shown of the findings: tables for the terminal, a JSON document for programs, a page for people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from rich import box
from rich.table import Table

from benchmarks.measure import Findings, figure
from benchmarks.page import page
from oms.options import DEFAULT_STATE

FOLDER = DEFAULT_STATE / "benchmarks"
"""Nothing in it is kept under version control."""
MEASURES = ("measure", "median", "least to most", "target", "note")
LOADS = ("offered/s", "achieved/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms")
BUDGET = ("process", "its own", "PostgreSQL for it", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured, and on what."""

    configuration: Mapping[str, str]
    findings: Findings

    def tables(self) -> list[Table]:
        """Everything as tables of text."""
        return [_table(title, columns, rows) for title, columns, rows in self._sections()]

    def document(self) -> dict[str, Any]:
        """Everything for programs: rates in the units that are named, latencies in ms, budgets in microseconds."""
        measures = [asdict(one) | {"median": one.median if one.runs else None} for one in self.findings.measures]
        return {
            "configuration": dict(self.configuration),
            "measures": measures,
            "load": [asdict(step) for step in self.findings.steps],
            "processor_us_per_order": [asdict(one) | {"total": one.total} for one in self.findings.budgets],
        }

    def write_json(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(self.document(), option=orjson.OPT_INDENT_2))

    def write_page(self, name: str) -> Path:
        """Write the page, which needs nothing but a browser, with the JSON document beside it."""
        stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
        written = FOLDER / f"{name}-{stamp}.html"
        self.write_json(written.with_suffix(".json"))
        written.write_text(page(self.configuration, self._sections(), self.findings.steps), encoding="utf-8")
        return written

    def _sections(self) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
        found = self.findings
        sections: list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = [
            ("measures", MEASURES, [measure.row() for measure in found.measures])
        ]
        if found.steps:
            rows = [tuple(map(figure, (one.offered, one.achieved, *one.latency.values()))) for one in found.steps]
            sections.append(("latency by load, prepaid orders, intake to confirmed", LOADS, rows))
        for budget in found.budgets:
            title = f"{budget.name}: processor time an order, µs, over {budget.orders:,} orders"
            sections.append((title, BUDGET, list(budget.rows())))
        return sections


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 or columns is MEASURES else "right")
    for row in rows:
        table.add_row(*row)
    return table

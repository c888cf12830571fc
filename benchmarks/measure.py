"""A measure: several runs, their median and spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What was measured, in which unit, and each run's figure; without runs it was not, and the note says why."""

    name: str
    unit: str
    runs: tuple[float, ...]
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.runs)

    def row(self) -> tuple[str, str, str, str]:
        """Name, median, spread, note."""
        if not self.runs:
            return self.name, "", "", self.note
        spread = f"{_figure(min(self.runs))} to {_figure(max(self.runs))}"
        return self.name, f"{_figure(self.median)} {self.unit}", spread, self.note


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which the given share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"

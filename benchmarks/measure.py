"""What a measure finds: rates and times of several runs, processor time by process, latency by load."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What was measured, in which unit, and each run's figure."""

    name: str
    unit: str
    runs: tuple[float, ...]
    target: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.runs)

    @property
    def figure(self) -> str:
        """The median with its unit."""
        return f"{figure(self.median)} {self.unit}" if self.runs else "not measured"

    @property
    def spread(self) -> str:
        """The least and the most of the runs."""
        match len(self.runs):
            case 0:
                return ""
            case 1:
                return "one run"
            case _:
                return f"{figure(min(self.runs))} to {figure(max(self.runs))}"

    def row(self) -> tuple[str, str, str, str, str]:
        """Name, median, spread, target, note."""
        return self.name, self.figure, self.spread, self.target, self.note


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Processor time for one order, in microseconds, by process; `backends` is PostgreSQL's share for it."""

    name: str
    orders: int
    own: Mapping[str, float]
    backends: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.own.values()) + sum(self.backends.values())

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Process, its own time, PostgreSQL's for it, both; the sum last."""
        names = [*self.own, *(name for name in self.backends if name not in self.own)]
        parts = [(name, self.own.get(name, 0.0), self.backends.get(name, 0.0)) for name in names]
        parts.append(("all", sum(self.own.values()), sum(self.backends.values())))
        return [(name, f"{own:,.0f}", f"{behind:,.0f}", f"{own + behind:,.0f}") for name, own, behind in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An offered load in orders/s, what of it was achieved, and the percentiles of the latency in ms."""

    offered: float
    achieved: float
    latency: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that a measure found."""

    measures: tuple[Measure, ...] = ()
    budgets: tuple[Budget, ...] = ()
    steps: tuple[Step, ...] = field(default=())

    def __add__(self, other: "Findings") -> "Findings":
        return Findings(
            measures=self.measures + other.measures,
            budgets=self.budgets + other.budgets,
            steps=self.steps + other.steps,
        )

    def named(self, name: str) -> Measure | None:
        """The measure of that name, if it was made."""
        return next((measure for measure in self.measures if measure.name == name), None)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which the given share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The usual ones by name."""
    return {name: percentile(values, share) for name, share in PERCENTILES.items()}


def figure(value: float) -> str:
    """A number as people read it: no more digits than it is worth."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"

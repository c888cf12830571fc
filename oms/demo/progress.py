"""The progress bar: orders by status as they move."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

WIDTH = 48
COLOURS = {
    "completed": "green",
    "delivered": "green",
    "shipping": "cyan",
    "confirmed": "blue",
    "held": "yellow",
    "backordered": "magenta",
    "awaiting_payment": "yellow",
    "cancelled": "red",
}


class Progress:
    """A bar of orders by status on standard error; a line a second where that is no terminal."""

    def __init__(self, expected: int, *, visible: bool) -> None:
        self._expected = expected
        self._console = Console(stderr=True, quiet=not visible)
        self._live = Live(console=self._console, refresh_per_second=4, transient=False)
        self._lines_shown: set[int] = set()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, counts: Mapping[str, int]) -> None:
        """Draw how many orders have which status."""
        if self._console.is_terminal:
            self._live.update(self._bar(counts))
            return
        ended = sum(counts.get(status, 0) for status in ("completed", "cancelled", "held"))
        tenth = ended * 10 // max(1, self._expected)
        if tenth not in self._lines_shown:
            self._lines_shown.add(tenth)
            words = f": {_in_words(counts)}" if counts else ""
            self._console.print(Text(f"{ended:>7} of {self._expected}{words}"), soft_wrap=True)

    def _bar(self, counts: Mapping[str, int]) -> Table:
        bar = Text()
        for status, number in sorted(counts.items(), key=lambda item: _place(item[0])):
            bar.append("█" * round(number * WIDTH / self._expected), style=COLOURS.get(status, "white"))
        table = Table.grid(padding=(0, 1))
        table.add_row(bar, Text(f"{sum(counts.values())}/{self._expected}"))
        table.add_row(Text(_in_words(counts)))
        return table


def _place(status: str) -> int:
    order = list(COLOURS)
    return order.index(status) if status in order else len(order)


def _in_words(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: _place(item[0]))
    return "  ".join(f"{status} {number}" for status, number in ordered if number)

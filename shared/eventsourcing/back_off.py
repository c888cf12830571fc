"""How long to wait before a party that has not answered is asked once more."""

from dataclasses import dataclass
from datetime import timedelta

MOST_DOUBLINGS = 30
"""They pass any cap; a larger power would overflow a timedelta."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Waits that double from the first to the longest."""

    first: timedelta
    longest: timedelta

    def after(self, asked: int) -> timedelta:
        """The wait after so many questions, the first of them included."""
        doubled: timedelta = self.first * (1 << min(asked - 1, MOST_DOUBLINGS))
        return min(doubled, self.longest)

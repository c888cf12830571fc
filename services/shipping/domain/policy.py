"""How this installation ships: who confirms the warehouse's work, and how long the carrier may be silent."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Warehouse = Literal["automatic", "manual"]
"""Whether the service confirms picking, packing and hand-over itself, or people do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits and durations; data, so that an installation and a test can choose their own."""

    warehouse: Warehouse = "automatic"
    picking_takes: timedelta = timedelta(0)
    """How long the automatic warehouse picks; zero confirms at once."""
    answer_within: timedelta = timedelta(minutes=10)
    """A question without any answer for so long is asked again; longer than the longest back-off."""
    first_back_off: timedelta = timedelta(seconds=1)
    """The wait after the first unknown outcome; it doubles with each one."""
    longest_back_off: timedelta = timedelta(minutes=5)

    def back_off(self, asked: int) -> timedelta:
        """How long to wait before asking once more what was asked so often already."""
        # Thirty doublings pass any cap; a larger power would overflow a timedelta.
        doubled: timedelta = self.first_back_off * (1 << min(asked - 1, 30))
        return min(doubled, self.longest_back_off)

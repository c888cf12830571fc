"""How patiently the mail server is asked."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Waits between the offers of one notice: doubled each time and capped; a silent server is asked for good."""

    first_back_off: timedelta = timedelta(seconds=2)
    """The wait after the first unknown outcome; it doubles with each one."""
    longest_back_off: timedelta = timedelta(minutes=10)

    def back_off(self, asked: int) -> timedelta:
        """How long to wait before asking once more what was asked so often already."""
        # Thirty doublings pass any cap; a larger power would overflow a timedelta.
        doubled: timedelta = self.first_back_off * (1 << min(asked - 1, 30))
        return min(doubled, self.longest_back_off)

"""How patiently the mail server is asked."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Waits between the offers of one notice: doubled each time and capped; a silent server is asked for good."""

    first_wait: timedelta = timedelta(seconds=2)
    longest_wait: timedelta = timedelta(minutes=10)

    def wait_after(self, asked: int) -> timedelta:
        """The wait after offer number `asked`, counted from 1."""
        # Thirty doublings pass any cap; a larger power would overflow a timedelta.
        return min(self.first_wait * (1 << min(asked - 1, 30)), self.longest_wait)

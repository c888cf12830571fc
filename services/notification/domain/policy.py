"""How patiently the mail server is asked."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Waits between the offers of one notice: doubled each time, capped, and given up after days of them."""

    first_wait: timedelta = timedelta(seconds=2)
    longest_wait: timedelta = timedelta(minutes=10)
    give_up_after: timedelta = timedelta(days=3)
    """The waits of a notice that is given up add up to this at least."""

    def wait_after(self, asked: int) -> timedelta:
        """The wait after offer number `asked`, counted from 1."""
        # Thirty doublings pass any cap; a larger power would overflow a timedelta.
        return min(self.first_wait * (1 << min(asked - 1, 30)), self.longest_wait)

    def gives_up(self, asked: int) -> bool:
        """Whether the waits before offer number `asked` have added up to enough."""
        waited = sum((self.wait_after(offer) for offer in range(1, asked)), timedelta())
        return waited >= self.give_up_after

"""How long the payment service waits."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Durations that operations may want to change."""

    first_back_off: timedelta = timedelta(seconds=1)
    """The wait after the first unknown outcome; it doubles with each one."""
    longest_back_off: timedelta = timedelta(minutes=5)
    renew_before: timedelta = timedelta(hours=24)
    """How long before its expiry an authorisation is renewed; one that lives shorter: at half of its life."""
    never_expires: timedelta = timedelta(days=36_500)
    """The lifetime of what needs no gateway: money that the channel took, and payments of nothing."""

    def back_off(self, asked: int) -> timedelta:
        """How long to wait before asking once more what was asked so often already."""
        # Thirty doublings pass any cap; a larger power would overflow a timedelta.
        doubled: timedelta = self.first_back_off * (1 << min(asked - 1, 30))
        return min(doubled, self.longest_back_off)

    def renewal_time(self, now: datetime, expires_at: datetime) -> datetime:
        """When to renew an authorisation."""
        early = expires_at - self.renew_before
        return early if early > now else now + max((expires_at - now) / 2, timedelta())

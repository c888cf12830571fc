"""How long the payment service waits."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Durations that operations may want to change."""

    ask_again_after: timedelta = timedelta(seconds=1)
    """How long after the first unknown outcome the gateway is asked again; doubled after each further one."""
    ask_again_at_most: timedelta = timedelta(minutes=5)
    """The longest wait before the gateway is asked again."""
    renew_before: timedelta = timedelta(hours=24)
    """How long before its expiry an authorisation is renewed; one that lives shorter: at half of its life."""
    never_expires: timedelta = timedelta(days=36_500)
    """The lifetime of what needs no gateway: money that the channel took, and payments of nothing."""

    def back_off(self, asked: int) -> timedelta:
        """How long to wait after the gateway was asked so often without a clear answer."""
        doublings = min(asked - 1, _MOST_DOUBLINGS)
        return min(self.ask_again_after * (1 << doublings), self.ask_again_at_most)

    def renewal_time(self, now: datetime, expires_at: datetime) -> datetime:
        """When to renew an authorisation."""
        early = expires_at - self.renew_before
        return early if early > now else now + max((expires_at - now) / 2, timedelta())

"""How long the payment service waits."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.eventsourcing.back_off import BackOff


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Durations that fit most gateways; a test chooses its own."""

    back_off: BackOff = BackOff(first=timedelta(seconds=1), longest=timedelta(minutes=5))
    """After an unknown outcome."""
    renew_before: timedelta = timedelta(hours=24)
    """How long before its expiry an authorisation is renewed; one that lives shorter: at half of its life."""
    never_expires: timedelta = timedelta(days=36_500)
    """The lifetime of what needs no gateway: money that the channel took, and payments of nothing."""

    def renewal_time(self, now: datetime, expires_at: datetime) -> datetime:
        """When to renew an authorisation."""
        early = expires_at - self.renew_before
        return early if early > now else now + max((expires_at - now) / 2, timedelta())

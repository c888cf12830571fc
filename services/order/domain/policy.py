"""Durations and limits of the placement, in one place."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long each wait may last, and how often it is tried again."""

    reserve_within: timedelta = timedelta(minutes=10)
    backorder_within: timedelta = timedelta(days=30)
    authorise_within: timedelta = timedelta(minutes=30)
    payment_window: timedelta = timedelta(hours=48)
    """How long a customer may pay again after the first decline, unless the reservation runs out sooner."""
    ship_within: timedelta = timedelta(days=3)
    """From the request, or from the day the customer asked for, until the parcel leaves."""
    deliver_within: timedelta = timedelta(days=30)
    compensate_within: timedelta = timedelta(minutes=15)
    recall_within: timedelta = timedelta(minutes=15)
    capture_within: timedelta = timedelta(hours=1)
    capture_attempts: int = 5
    capture_backoff: timedelta = timedelta(minutes=1)
    """Before the second attempt; doubled before each further one."""
    grams_per_unit: int = 400
    """The contract states no weights."""
    heaviest_grams: int = 1_000_000

    def reservation_expires_at(self, now: datetime, allow_backorder: bool) -> datetime:
        """Late enough that a reservation never runs out before the waits of the placement do."""
        waits = self.reserve_within + 2 * self.authorise_within + self.payment_window
        return now + waits + (self.backorder_within if allow_backorder else timedelta())

    @property
    def shortest_window(self) -> timedelta:
        """A customer is not told of a shorter time to pay again than this."""
        return self.payment_window / 24

    def window_until(self, now: datetime, reservation_expires_at: datetime | None) -> datetime | None:
        """The end of a window that opens now; None where the reservation leaves no time worth telling of.

        Also a payment of the last minute is answered before the reservation runs out.
        """
        until = now + self.payment_window
        if reservation_expires_at is None:
            return until
        until = min(until, reservation_expires_at - self.authorise_within)
        return until if until - now >= self.shortest_window else None

    def weight_grams(self, units: int) -> int:
        """What a fulfilment of so many units is taken to weigh."""
        return min(max(1, self.grams_per_unit * units), self.heaviest_grams)

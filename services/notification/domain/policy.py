"""How patiently the mail server is asked."""

from dataclasses import dataclass
from datetime import timedelta

from shared.eventsourcing.back_off import BackOff


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Waits between the offers of one notice; a silent server is asked for good."""

    back_off: BackOff = BackOff(first=timedelta(seconds=2), longest=timedelta(minutes=10))
    """After an unknown outcome."""

"""How this installation ships: who confirms the warehouse's work, and how long the carrier may be silent."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.eventsourcing.back_off import BackOff

Warehouse = Literal["automatic", "manual"]
"""Whether the service confirms picking, packing and hand-over itself, or people do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an installation sets, the warehouse and its picking, and durations that fit most carriers."""

    warehouse: Warehouse = "automatic"
    picking_takes: timedelta = timedelta(0)
    """How long the automatic warehouse picks; zero confirms at once."""
    answer_within: timedelta = timedelta(minutes=10)
    """A question without any answer for so long is asked again; longer than the longest back-off."""
    back_off: BackOff = BackOff(first=timedelta(seconds=1), longest=timedelta(minutes=5))
    """After an unknown outcome."""

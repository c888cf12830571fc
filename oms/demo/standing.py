"""Where all orders stand, and whether one of them still moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from oms.client import Client
from oms.demo.outcome import ENDED


@dataclass(frozen=True, slots=True)
class Standing:
    """How many orders have which status, and how many are on a hold, be it an alarm; no order that ended is."""

    statuses: Mapping[str, int]
    on_hold: int

    @classmethod
    def of(cls, client: Client) -> Self:
        """Ask the order service."""
        summary = client.get("order", "/orders/summary")
        return cls(summary["statuses"], summary["on_hold"])

    @property
    def orders(self) -> int:
        """How many there are."""
        return sum(self.statuses.values())

    @property
    def at_rest(self) -> bool:
        """Every order ended or stands on a hold."""
        return self.on_hold >= self._open

    @property
    def waits_for_goods(self) -> bool:
        """Every order that is not at rest waits for stock."""
        return self.on_hold + self.statuses.get("backordered", 0) >= self._open

    @property
    def _open(self) -> int:
        return self.orders - sum(self.statuses.get(status, 0) for status in ENDED)

"""The carrier as the service needs it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.events.shipping import CarrierQuote
from shared.events.values import Address
from shared.eventsourcing.partners import Refused, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """A label that is paid for; the amount is minor units."""

    label_id: str
    tracking_number: str
    amount: int
    currency: str
    promised_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """The label is voided, or its parcel handed over; perhaps it was so before."""


class Carrier(Protocol):
    """What the shipping service asks of a carrier; weights are grams.

    Every call is safe to repeat under its key, and none raises for trouble on the way: that is `Unknown`.
    """

    async def quotes(
        self, *, origin: Address, destination: Address, weight_grams: int
    ) -> tuple[CarrierQuote, ...] | Refused | Unknown: ...

    async def buy_label(
        self,
        key: str,
        *,
        service: str,
        reference: str,
        origin: Address,
        destination: Address,
        weight_grams: int,
    ) -> Sold | Refused | Unknown: ...

    async def void(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        """Refused: the parcel was handed over."""
        ...

    async def hand_over(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        """Refused: the label was voided."""
        ...

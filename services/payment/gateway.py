"""The payment gateway as the service needs it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.eventsourcing.partners import Refused, Unknown


@dataclass(frozen=True, slots=True)
class Authorised:
    """The amount is set aside until it expires."""

    authorisation_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Captured:
    """The amount was collected."""

    capture_id: str


@dataclass(frozen=True, slots=True)
class Voided:
    """What was uncaptured was let go, in minor units."""

    amount: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """The authorisation stands longer."""

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refunded:
    """The amount was paid back."""


Outcome = Authorised | Captured | Voided | Renewed | Refunded | Refused | Unknown


class Gateway(Protocol):
    """What the payment service asks of a gateway; amounts are minor units.

    Every call is safe to repeat under its key, and none raises for trouble on the way: that is `Unknown`.
    """

    async def authorise(
        self, key: str, *, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused | Unknown: ...

    async def capture(
        self, key: str, *, authorisation_id: str, amount: int, currency: str
    ) -> Captured | Refused | Unknown: ...

    async def void(self, key: str, *, authorisation_id: str) -> Voided | Refused | Unknown: ...

    async def renew(self, key: str, *, authorisation_id: str) -> Renewed | Refused | Unknown: ...

    async def refund(
        self, key: str, *, capture_id: str, amount: int, currency: str
    ) -> Refunded | Refused | Unknown: ...

    async def query(self, key: str) -> Outcome:
        """What came of the first request under a key; unknown as well where none was ever decided."""
        ...

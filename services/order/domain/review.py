"""What a review is asked and what it answers; the rules themselves are data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from services.order.domain.customer import Customer
from shared.events.order import HoldReason
from shared.events.values import OrderContent, Shortage

Occasion = Literal["order", "shortage", "payment_anomaly"]
"""What a review is about: an order placed or replaced, one that is refused its stock, or its payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """All that the rules may look at."""

    occasion: Occasion
    order: OrderContent
    customer: Customer | None = None
    """Known when an order is placed or replaced."""
    open_credit: int = 0
    """What the customer's other open orders add up to, in minor units of the credit limit's currency."""
    shortages: tuple[Shortage, ...] = ()
    anomaly: str = ""
    """What the payment service found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A reason to hold the order until a person has looked."""

    reason: HoldReason
    owner: str
    explanation: str


Review = Callable[[ReviewFacts], tuple[Finding, ...]]
"""The rules as one pure function."""


def no_findings(_: ReviewFacts) -> tuple[Finding, ...]:
    """The review without rules."""
    return ()

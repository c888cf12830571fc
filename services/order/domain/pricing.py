"""What the customer pays for each fulfilment, and for what is not there."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.events.apportionment import value_of_units
from shared.events.order import PricedFulfilment
from shared.events.values import FulfilmentPlan, OrderContent, PaymentMethod, Shortage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """The order's total, cut into what is delivered and what is not."""

    fulfilments: tuple[PricedFulfilment, ...]
    dropped: tuple[Shortage, ...]
    dropped_amount: int
    """In minor units."""


def price(content: OrderContent, plans: Sequence[FulfilmentPlan]) -> Pricing:
    """Price the planned fulfilments; the units of a line are counted off in the order of the fulfilments.

    Raises:
        LookupError: a plan names a line that the order does not have.
        ValueError: the plans take more units of a line than the order has.
    """
    lines = {line.line_id: line for line in content.lines}
    counted = dict.fromkeys(lines, 0)
    priced = []
    for plan in plans:
        amount = 0
        for part in plan.lines:
            line, first = lines[part.line_id], counted[part.line_id]
            counted[part.line_id] = first + part.quantity
            amount += value_of_units(line.value, line.quantity, first, first + part.quantity)
        priced.append(
            PricedFulfilment(
                fulfilment_id=plan.fulfilment_id, location=plan.location, lines=plan.lines, amount=amount
            )
        )
    return Pricing(
        fulfilments=tuple(priced),
        dropped=tuple(
            Shortage(line_id=line.line_id, sku=line.sku, missing=line.quantity - counted[line.line_id])
            for line in content.lines
            if counted[line.line_id] < line.quantity
        ),
        dropped_amount=content.total - sum(one.amount for one in priced),
    )


def costs_the_same(content: OrderContent, other: OrderContent) -> bool:
    """Whether two contents are paid in the same way, line by line."""
    return _charges(content) == _charges(other)


def _charges(content: OrderContent) -> tuple[str, PaymentMethod, dict[str, int]]:
    return content.currency, content.payment, {line.line_id: line.value for line in content.lines}

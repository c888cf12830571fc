"""A customer as the order service knows one: blocked or not, and the credit that open orders use."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.events.order import (
    CreditFreed,
    CreditLimitSet,
    CreditUsed,
    CustomerBlocked,
    CustomerUnblocked,
)
from shared.events.payload import Event
from shared.eventsourcing.decider import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The state of one customer's stream."""

    blocked: bool = False
    credit_limit: int | None = None
    """In minor units of `currency`; None: no limit."""
    currency: str = ""
    open_orders: Mapping[str, int] = field(default_factory=dict)
    """Order number to what it counts against the limit, in minor units of `currency`."""

    def open_credit(self, without: str = "") -> int:
        """What the open orders add up to, one of them left out."""
        return sum(self.open_orders.values()) - self.open_orders.get(without, 0)


def evolve(state: Customer, event: Event) -> Customer:
    """The customer after a fact."""
    match event:
        case CustomerBlocked():
            return replace(state, blocked=True)
        case CustomerUnblocked():
            return replace(state, blocked=False)
        case CreditLimitSet():
            counting = state.open_orders if event.currency == state.currency else {}
            return replace(state, credit_limit=event.limit, currency=event.currency, open_orders=counting)
        case CreditUsed():
            return replace(state, open_orders={**state.open_orders, event.order_number: event.amount})
        case CreditFreed():
            left = {number: amount for number, amount in state.open_orders.items() if number != event.order_number}
            return replace(state, open_orders=left)
        case _:
            return state


CUSTOMER: Category[Customer] = Category("customer", Customer, Customer(), evolve)

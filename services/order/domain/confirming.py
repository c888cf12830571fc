"""The promise to the customer, once the stock is reserved and the payment authorised."""

from typing import Literal

from services.order.domain.case import Case
from services.order.domain.keeping import keep
from services.order.domain.placement import Authorised, Authorising, Placement
from shared.events.order import OrderConfirmed, PricedFulfilment
from shared.events.values import FulfilmentPlan, OrderContent
from shared.eventsourcing.decider import Decision


def confirm(case: Case, content: OrderContent, fulfilments: tuple[PricedFulfilment, ...]) -> Decision:
    """Promise the order to the customer; shipping has its fulfilments once their stock is kept."""
    confirmed = OrderConfirmed(
        order_number=case.number,
        amount=sum(one.amount for one in fulfilments),
        currency=content.currency,
        fulfilments=tuple(
            FulfilmentPlan(fulfilment_id=one.fulfilment_id, location=one.location, lines=one.lines)
            for one in fulfilments
        ),
        paid_by=_paid_otherwise(case.placement, content),
    )
    return Decision(case.of_order(confirmed)) + keep(case)


def _paid_otherwise(placement: Placement, content: OrderContent) -> Literal["card", "prepaid"] | None:
    match placement:
        case Authorising(payment=payment) | Authorised(payment=payment) if payment.kind != content.payment.kind:
            return payment.kind
        case _:
            return None

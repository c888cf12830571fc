"""Taking an order from a channel: each message restates the whole order, and the newest statement wins."""

from collections.abc import Mapping
from typing import Any

from services.order.domain.case import Case
from services.order.domain.compensating import undo
from services.order.domain.content import digest, frozen
from services.order.domain.customer import CUSTOMER, Customer
from services.order.domain.holds import hold, hold_for, open_holds, release
from services.order.domain.messages import FreeCredit, TakeChannelOrder
from services.order.domain.order import (
    Approved,
    Cancelled,
    Cancelling,
    Completed,
    Confirmed,
    InReview,
    Known,
    NoOrder,
)
from services.order.domain.reserving import has_what_it_asks_for
from services.order.domain.review import Finding, ReviewFacts
from shared.events.channel import ChannelOrderRejected, RejectionCode
from shared.events.order import (
    CreditFreed,
    CreditUsed,
    OrderApproved,
    OrderPlaced,
    OrderReaffirmed,
    OrderReplaced,
    RestatementHeld,
    RestatementIgnored,
)
from shared.events.values import OrderContent
from shared.eventsourcing.decider import NOTHING, Decision, Recorded, Reminder, Reply

KEPT_WHEN_REPLACED = frozenset({"manual", "payment_anomaly"})
"""Holds that another content does not answer; all others are opened again if they still apply."""


def take(case: Case, customer: Customer, message: TakeChannelOrder) -> Decision:
    """Place the order, or let a restatement of it stand, wait or go."""
    content = frozen(message.order)
    if isinstance(case.order, NoOrder):
        return _place(case, customer, content)
    known = case.order.dossier
    if (known.channel, known.channel_order_id) != (content.channel, content.channel_order_id):
        return _reject(
            case,
            message,
            "number_collision",
            f"The number {case.number} is that of order {known.channel_order_id} of channel {known.channel}.",
        )
    same = known.digest == digest(content)
    if content.channel_updated_at < known.channel_updated_at:
        return _ignore(case, case.order, content)
    if content.channel_updated_at == known.channel_updated_at:
        if same:
            return _answer(case, "unchanged")
        return _reject(
            case,
            message,
            "conflicting_restatement",
            f"Order {content.channel_order_id} was stated before with the same channel_updated_at"
            f" ({content.channel_updated_at.isoformat()}) and another content.",
        )
    if same:
        reaffirmed = OrderReaffirmed(order_number=case.number, channel_updated_at=content.channel_updated_at)
        return Decision(case.of_order(reaffirmed)) + _answer(case, "unchanged")
    return _change(case, case.order, customer, message, content)


def free_credit(case: Case, customer_id: str) -> Reminder:
    """Tell the customer's stream that the order no longer counts."""
    return Reminder(case.context.now, FreeCredit(customer_id=customer_id, order_number=case.number))


def _change(
    case: Case, order: Known, customer: Customer, message: TakeChannelOrder, content: OrderContent
) -> Decision:
    match order:
        case InReview() | Approved():
            return _replace(case, order, customer, content)
        case Confirmed() | Cancelling(confirmed=True):
            explanation = "The channel changed the order after it was confirmed; the change is not carried out."
            held = case.of_order(RestatementHeld(order_number=case.number, proposed=content))
            return Decision(held + hold(case, "changed_after_confirmation", explanation)) + _answer(case, "held")
        case Cancelling() | Cancelled() | Completed():
            explanation = f"The order is {order.status}; a change of it is not carried out any more."
            return _reject(case, message, "order_ended", explanation)


def _place(case: Case, customer: Customer, content: OrderContent) -> Decision:
    credit = _use_credit(case, customer, content)
    placed = OrderPlaced(order_number=case.number, content=content, counts_as_credit=bool(credit))
    findings = _findings(case, customer, content)
    reply = Reply("created", _body(case, "placed"))
    return Decision((*case.of_order(placed), *credit, *_outcome(case, findings, 0)), reply=reply)


def _replace(case: Case, order: InReview | Approved, customer: Customer, content: OrderContent) -> Decision:
    """The new content stands; what was asked for the old one is undone first.

    An order that would ask for the same again keeps its stock, its payment and its place in the queue instead.
    """
    moved = order.dossier.customer_id != content.customer.id
    freed = () if moved else _free_credit(case, customer, order.dossier.customer_id)
    credit = _use_credit(case, customer, content)
    replaced = OrderReplaced(order_number=case.number, content=content, counts_as_credit=bool(credit))
    kept = [one for one in open_holds(order) if one.reason in KEPT_WHEN_REPLACED]
    released = tuple(recorded for one in open_holds(order) if one not in kept for recorded in release(case, one))
    findings = _findings(case, customer, content)
    outcome = () if kept and not findings else _outcome(case, findings, order.dossier.holds_opened)
    stays = not kept and not findings and has_what_it_asks_for(case, content)
    undone = NOTHING if stays else undo(case)
    decision = undone + Decision((*case.of_order(replaced), *freed, *credit, *released, *outcome))
    if moved and order.dossier.counts_as_credit:
        decision += Decision(reminders=(free_credit(case, order.dossier.customer_id),))
    return decision + _answer(case, "replaced")


def _findings(case: Case, customer: Customer, content: OrderContent) -> tuple[Finding, ...]:
    return case.review(
        ReviewFacts(
            occasion="order",
            order=content,
            customer=customer,
            open_credit=customer.open_credit(without=case.number),
        )
    )


def _outcome(case: Case, findings: tuple[Finding, ...], opened_before: int) -> tuple[Recorded, ...]:
    if findings:
        return hold_for(case, findings, opened_before)
    return case.of_order(OrderApproved(order_number=case.number, automatic=True))


def _use_credit(case: Case, customer: Customer, content: OrderContent) -> tuple[Recorded, ...]:
    if customer.credit_limit is None or customer.currency != content.currency or content.total == 0:
        return ()
    used = CreditUsed(
        customer_id=content.customer.id,
        order_number=case.number,
        amount=content.total,
        currency=content.currency,
    )
    return (Recorded(CUSTOMER.stream(content.customer.id), used),)


def _free_credit(case: Case, customer: Customer, customer_id: str) -> tuple[Recorded, ...]:
    amount = customer.open_orders.get(case.number)
    if amount is None:
        return ()
    freed = CreditFreed(
        customer_id=customer_id, order_number=case.number, amount=amount, currency=customer.currency
    )
    return (Recorded(CUSTOMER.stream(customer_id), freed),)


def _ignore(case: Case, order: Known, content: OrderContent) -> Decision:
    ignored = RestatementIgnored(
        order_number=case.number,
        channel_updated_at=content.channel_updated_at,
        current_updated_at=order.dossier.channel_updated_at,
    )
    return Decision(case.of_order(ignored)) + _answer(case, "ignored")


def _reject(case: Case, message: TakeChannelOrder, code: RejectionCode, explanation: str) -> Decision:
    """Give the bytes back on the rejected topic, or answer the caller who waits for it."""
    reply = Reply("refused", {"code": code, "detail": explanation, "order_number": case.number})
    if not message.original_base64:
        return Decision(reply=reply)
    rejected = ChannelOrderRejected(
        code=code,
        explanation=explanation,
        channel=message.order.channel,
        channel_order_id=message.order.channel_order_id,
        source=message.source,
        headers=message.headers,
        original=message.original_base64,
    )
    return Decision(case.of_order(rejected), reply=reply)


def _answer(case: Case, outcome: str) -> Decision:
    return Decision(reply=Reply("accepted", _body(case, outcome)))


def _body(case: Case, outcome: str) -> Mapping[str, Any]:
    return {"order_number": case.number, "outcome": outcome}

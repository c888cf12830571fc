"""The first step: the order's stock."""

from datetime import datetime
from typing import assert_never

from services.order.domain.case import Case
from services.order.domain.compensating import cancel, undo
from services.order.domain.holds import hold, hold_for, release_for, stands_still
from services.order.domain.keeping import reservation_lost
from services.order.domain.messages import DeadlinePassed
from services.order.domain.order import Approved, content_of
from services.order.domain.paying import pay
from services.order.domain.placement import (
    Authorised,
    Authorising,
    AwaitingPayment,
    Backordered,
    Idle,
    Recalling,
    Reserved,
    Reserving,
    Shipping,
    Undoing,
)
from services.order.domain.pricing import costs_the_same, price
from services.order.domain.review import ReviewFacts
from shared.events.inventory import (
    ReleaseStock,
    ReservationExpired,
    ReservationRefused,
    ReserveStock,
    StockBackordered,
    StockReserved,
)
from shared.events.order import (
    BackorderEnded,
    LinesDropped,
    OrderBackordered,
    ReservationRequested,
    StockMissing,
    StockSecured,
)
from shared.events.values import OrderContent, RequestedLine
from shared.eventsourcing.decider import NOTHING, Decision, Reminder


def reserve(case: Case, order: Approved, placement: Idle) -> Decision:
    """Ask for all lines; the reservation outlasts the waits that follow it."""
    expires_at = case.policy.reservation_expires_at(case.context.now, order.content.allow_backorder)
    requested = ReservationRequested(order_number=case.number, expires_at=expires_at)
    ask = _ask(case, order.content, expires_at)
    return Decision(case.of_placement(requested), (ask,), (_deadline(case, placement.step + 1),))


def stock_reserved(case: Case, message: StockReserved) -> Decision:
    """Go on to the payment of what is there."""
    content, placement = content_of(case.order), case.placement
    assert isinstance(placement, Reserving | Backordered)
    if message.expires_at != placement.expires_at:
        return _instead(case, content, message, placement.expires_at)
    pricing = price(content, message.fulfilments)
    events = release_for(case, "reservation_overdue")
    if pricing.dropped:
        events += case.of_order(
            LinesDropped(
                order_number=case.number,
                dropped=pricing.dropped,
                amount=pricing.dropped_amount,
                currency=content.currency,
                cause="shortage",
            )
        )
    if stands_still(case.order):
        secured = StockSecured(order_number=case.number, fulfilments=pricing.fulfilments)
        return Decision(events + case.of_placement(secured))
    return Decision(events) + pay(case, content, pricing.fulfilments, content.payment)


def stock_backordered(case: Case, message: StockBackordered) -> Decision:
    """Wait for the stock that is missing."""
    placement = case.placement
    assert isinstance(placement, Reserving)
    if message.expires_at not in (None, placement.expires_at):
        # Without a fulfilment to name, the release would be one of the whole order, and hit a newer reservation.
        content = content_of(case.order)
        return _instead(case, content, message, placement.expires_at) if message.fulfilments else NOTHING
    backordered = OrderBackordered(order_number=case.number, waiting=message.waiting)
    at = case.context.now + case.policy.backorder_within
    return Decision(
        release_for(case, "reservation_overdue") + case.of_placement(backordered),
        reminders=(Reminder(at, DeadlinePassed(order_number=case.number, step=placement.step + 1)),),
    )


def reservation_refused(case: Case, message: ReservationRefused) -> Decision:
    """Nothing is there: the review may want a person to look, else the order ends."""
    assert isinstance(case.placement, Reserving | Backordered)
    if message.expires_at not in (None, case.placement.expires_at):
        return NOTHING
    missing = StockMissing(order_number=case.number, shortages=message.shortages)
    events = release_for(case, "reservation_overdue") + case.of_placement(missing)
    assert isinstance(case.order, Approved)
    facts = ReviewFacts(occasion="shortage", order=case.order.content, shortages=message.shortages)
    findings = case.review(facts)
    if findings:
        return Decision(events + hold_for(case, findings, case.order.dossier.holds_opened))
    return Decision(events) + cancel(case, "shortage")


def reservation_expired(case: Case, message: ReservationExpired) -> Decision:
    """Without its stock an order can't go on; a confirmed one asks for the same units again."""
    match case.order, case.placement:
        case Approved(), _:
            return cancel(case, "reservation_expired")
        case _, Shipping(delivery=delivery) | Recalling(delivery=delivery) if delivery.at_hand:
            return reservation_lost(case, message, delivery)
        case _:
            return NOTHING


def has_what_it_asks_for(case: Case, content: OrderContent) -> bool:
    """Whether another content asks for no other stock than was asked for already, and for no other payment."""
    match case.placement:
        case Reserving() | Backordered():
            return _same_stock(case, content)
        case Reserved() | Authorising() | AwaitingPayment() | Authorised():
            return _same_stock(case, content) and costs_the_same(content_of(case.order), content)
        case Idle() | Undoing() | Shipping() | Recalling():
            return False
        case _:
            assert_never(case.placement)


def reservation_overdue(case: Case) -> Decision:
    """Ask again, and let a person look."""
    placement = case.placement
    assert isinstance(placement, Reserving)
    explanation = "Inventory has not answered whether the stock is there; it is asked again."
    return Decision(
        hold(case, "reservation_overdue", explanation),
        (_ask(case, content_of(case.order), placement.expires_at),),
        (_deadline(case, placement.step),),
    )


def backorder_overdue(case: Case) -> Decision:
    """The stock did not arrive in time: an order that takes a part goes on with what there is, any other ends."""
    if content_of(case.order).allow_partial:
        return Decision(case.of_order(BackorderEnded(order_number=case.number))) + undo(case)
    return cancel(case, "shortage")


def _same_stock(case: Case, content: OrderContent) -> bool:
    until = case.context.now
    return _ask(case, content_of(case.order), until) == _ask(case, content, until)


def _instead(
    case: Case, content: OrderContent, late: StockReserved | StockBackordered, expires_at: datetime
) -> Decision:
    """A late answer to an earlier request, maybe of another content: give it back by name, and ask again."""
    skus = [part.sku for plan in late.fulfilments for part in plan.lines]
    if isinstance(late, StockBackordered):
        skus += [shortage.sku for shortage in late.waiting]
    release = ReleaseStock(
        order_number=case.number,
        skus=tuple(dict.fromkeys(skus)),
        fulfilments=tuple(plan.fulfilment_id for plan in late.fulfilments),
    )
    return Decision(commands=(release, _ask(case, content, expires_at)))


def _ask(case: Case, content: OrderContent, expires_at: datetime) -> ReserveStock:
    return ReserveStock(
        order_number=case.number,
        lines=tuple(
            RequestedLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in content.lines
        ),
        country=content.shipping_address.country,
        region=content.shipping_address.region,
        allow_partial=content.allow_partial,
        allow_backorder=content.allow_backorder,
        priority=content.priority,
        expires_at=expires_at,
    )


def _deadline(case: Case, step: int) -> Reminder:
    return Reminder(
        case.context.now + case.policy.reserve_within, DeadlinePassed(order_number=case.number, step=step)
    )

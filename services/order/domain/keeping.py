"""Between confirmation and shipping: nothing leaves before inventory has said that its units stay reserved."""

from collections.abc import Iterable
from dataclasses import replace

from services.order.domain.case import Case
from services.order.domain.delivering import align
from services.order.domain.delivery import Delivery
from services.order.domain.holds import hold, release_for
from services.order.domain.messages import KeepOverdue
from services.order.domain.order import Confirmed
from services.order.domain.placement import Authorising, Recalling, Reserving, Shipping, delivery_of
from shared.events.inventory import KeepReservation, ReservationExpired, ReservationKept
from shared.events.order import KeepRequested, StockKept, StockMissing
from shared.events.values import FulfilmentPlan, Shortage
from shared.eventsourcing.decider import NOTHING, Decision, Reminder

MOST_NAMED = 10
"""SKUs that a hold's explanation names; it counts the others."""


def keep(case: Case) -> Decision:
    """Ask for the reservation to be kept, as the order is confirmed."""
    requested = Decision(case.of_placement(KeepRequested(order_number=case.number)))
    match case.placement:
        case Reserving() | Authorising():
            # The deadline of the wait that ends here is still to come, and serves for this one (`not_kept_yet`).
            return requested + Decision(commands=(KeepReservation(order_number=case.number),))
        case _:
            return requested + _ask(case, (), ask=1)


def reservation_kept(case: Case, message: ReservationKept) -> Decision:
    """What has not left may leave; a shortage that was held for a person is none any more."""
    delivery = delivery_of(case.placement)
    if delivery.stock == "kept":
        return NOTHING
    answered = Decision(release_for(case, "reservation_overdue"))
    match case.order, case.placement:
        case Confirmed() as order, Shipping() as placement if delivery.stock != "missing":
            requested = align(case, order, replace(placement, delivery=replace(delivery, stock="kept")))
            if requested.reminders:  # a shipment is requested, and that says as well that the stock is kept
                return answered + requested
    found = release_for(case, "shortage") if delivery.stock == "missing" else ()
    return answered + Decision(case.of_placement(StockKept(order_number=case.number)) + found)


def not_kept_yet(case: Case) -> Decision:
    """Ask again, and wait by a deadline of one's own; who is asked to take again has one already."""
    delivery = delivery_of(case.placement)
    return _ask(case, (), delivery.asks) if delivery.stock == "keeping" else NOTHING


def reservation_lost(case: Case, message: ReservationExpired, delivery: Delivery) -> Decision:
    """Ask for the same units again; if they are not to be had, a person decides what becomes of the order.

    That a reservation ran out may be told twice: when its time is over, and to who keeps it after that.
    """
    match delivery.stock:
        case "kept" | "keeping":
            return _take_again(case, delivery)
        case "taking" if message.shortages:
            missing = StockMissing(order_number=case.number, shortages=message.shortages)
            explanation = (
                "The reservation ran out as the order was confirmed. Nothing leaves; a release asks for the same "
                f"units again. Where they were reserved there are missing: {_named(message.shortages)}."
            )
            answered = release_for(case, "reservation_overdue") + case.of_placement(missing)
            return Decision(answered + hold(case, "shortage", explanation))
        case _:
            return NOTHING


def shortage_released(case: Case) -> Decision:
    """Nobody holds the order for its shortage any more: try again to reserve what is missing."""
    match case.placement:
        case Shipping(delivery=delivery) | Recalling(delivery=delivery) if delivery.stock == "missing":
            return _take_again(case, delivery)
        case _:
            return NOTHING


def keep_overdue(case: Case, message: KeepOverdue) -> Decision:
    """Ask again, as often as it takes, and let a person look."""
    delivery = delivery_of(case.placement)
    if delivery.stock not in ("keeping", "taking") or delivery.asks != message.ask or not delivery.at_hand:
        return NOTHING
    explanation = "Inventory has not answered whether the stock stays reserved; it is asked again."
    plans = _plans(delivery) if delivery.stock == "taking" else ()
    return Decision(hold(case, "reservation_overdue", explanation)) + _ask(case, plans, message.ask)


def _take_again(case: Case, delivery: Delivery) -> Decision:
    plans = _plans(delivery)
    if not plans:
        return NOTHING
    requested = KeepRequested(order_number=case.number, again=True)
    return Decision(case.of_placement(requested)) + _ask(case, plans, delivery.asks + 1)


def _ask(case: Case, plans: tuple[FulfilmentPlan, ...], ask: int) -> Decision:
    overdue = KeepOverdue(order_number=case.number, ask=ask)
    return Decision(
        commands=(KeepReservation(order_number=case.number, fulfilments=plans),),
        reminders=(Reminder(case.context.now + case.policy.reserve_within, overdue),),
    )


def _plans(delivery: Delivery) -> tuple[FulfilmentPlan, ...]:
    """What has not left, as it was reserved."""
    return tuple(
        FulfilmentPlan(fulfilment_id=one.fulfilment_id, location=one.location, lines=one.lines)
        for one in delivery.at_hand
    )


def _named(shortages: Iterable[Shortage]) -> str:
    missing: dict[str, int] = {}
    for shortage in shortages:
        missing[shortage.sku] = missing.get(shortage.sku, 0) + shortage.missing
    named = [f"{units} of {sku}" for sku, units in list(missing.items())[:MOST_NAMED]]
    more = [f"{len(missing) - MOST_NAMED} more SKUs"] if len(missing) > MOST_NAMED else []
    return ", ".join(named + more)

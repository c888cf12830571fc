"""Giving back what an order has reserved, because it was asked for or because its time is over."""

from collections.abc import Iterable

from services.inventory.domain.messages import ExpireReservation, ReleaseReserved
from services.inventory.domain.policy import Policy
from services.inventory.domain.reservation import RESERVATION, Live, Unreserved, Waiting, units_by_sku
from services.inventory.domain.stock import STOCK, located, settled
from shared.events.inventory import (
    BackorderWithdrawn,
    ReleaseStock,
    ReservationExpired,
    ReservationReleased,
    StockDeallocated,
)
from shared.events.payload import Event
from shared.events.values import FulfilmentPlan
from shared.eventsourcing.decider import NOTHING, Context, Decision, Recorded, Reminder, States


def release(policy: Policy, states: States, message: ReleaseStock, context: Context) -> Decision:
    """Give back all that has not left, or the named fulfilments; answers also when nothing is reserved."""
    return _release(policy, states, message, message.skus, context)


def release_reserved(policy: Policy, states: States, message: ReleaseReserved, context: Context) -> Decision:
    """A release again, with every SKU named."""
    return _release(policy, states, message.release, message.skus, context)


def expire(policy: Policy, states: States, message: ExpireReservation, context: Context) -> Decision:
    """The reservation was not kept in time; what has been shipped stays shipped."""
    reservation = states.of(RESERVATION, message.order_number)
    if isinstance(reservation, Unreserved) or reservation.kept or reservation.expires_at != message.expires_at:
        return NOTHING
    freed = _freed(policy, states, message.order_number, reservation, reservation.fulfilments, context)
    return freed + _recorded(message.order_number, ReservationExpired(order_number=message.order_number))


def _release(
    policy: Policy, states: States, release: ReleaseStock, named: tuple[str, ...], context: Context
) -> Decision:
    reservation = states.of(RESERVATION, release.order_number)
    if isinstance(reservation, Unreserved):
        return _recorded(release.order_number, _answer(release, (), reservation.shipped))
    going = tuple(
        plan
        for plan in reservation.fulfilments
        if not release.fulfilments or plan.fulfilment_id in release.fulfilments or isinstance(reservation, Waiting)
    )
    unnamed = [sku for sku in _skus(reservation, going) if sku not in named]
    if unnamed:
        again = ReleaseReserved(release=release, skus=(*named, *unnamed))
        return Decision(reminders=(Reminder(context.now, again),))
    freed = _freed(policy, states, release.order_number, reservation, going, context)
    return freed + _recorded(release.order_number, _answer(release, going, reservation.shipped))


def _answer(
    release: ReleaseStock, going: Iterable[FulfilmentPlan], shipped: tuple[str, ...]
) -> ReservationReleased:
    """Names what goes now, and of what was asked for, what had gone before."""
    released = [plan.fulfilment_id for plan in going]
    before = [name for name in release.fulfilments if name not in shipped and name not in released]
    return ReservationReleased(order_number=release.order_number, fulfilments=(*released, *before))


def _skus(reservation: Live, going: Iterable[FulfilmentPlan]) -> Iterable[str]:
    """The SKUs of some fulfilments, and those that the order waits for, each once."""
    skus = dict.fromkeys(line.sku for plan in going for line in plan.lines)
    if isinstance(reservation, Waiting):
        skus.update(dict.fromkeys(shortage.sku for shortage in reservation.waiting))
    return skus


def _freed(
    policy: Policy,
    states: States,
    order_number: str,
    reservation: Live,
    going: tuple[FulfilmentPlan, ...],
    context: Context,
) -> Decision:
    """Every SKU gets its units back: those of the reservation, and those that were on their way to it."""
    held = units_by_sku(going)
    freed = []
    for sku in _skus(reservation, going):
        item = states.of(STOCK, sku)
        units = held.get(sku, {})
        arriving = item.filled.get(order_number, {})
        for location, quantity in arriving.items():
            units[location] = units.get(location, 0) + quantity
        waits_for = item.waits(order_number)
        changes: list[Event] = []
        if waits_for or arriving:
            changes.append(BackorderWithdrawn(sku=sku, order_number=order_number, quantity=waits_for))
        if units:
            changes.append(StockDeallocated(sku=sku, order_number=order_number, allocations=located(units)))
        freed.append(settled(policy, item, sku, changes, context.now))
    return sum(freed, NOTHING)


def _recorded(order_number: str, event: Event) -> Decision:
    return Decision(events=(Recorded(RESERVATION.stream(order_number), event),))

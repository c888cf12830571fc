"""Reserving stock for an order: all or nothing, unless it takes a part or waits for the rest."""

from collections.abc import Iterable, Mapping

from services.inventory.domain.messages import ExpireReservation
from services.inventory.domain.policy import Policy
from services.inventory.domain.reservation import (
    RESERVATION,
    Live,
    Reserved,
    Unreserved,
    Waiting,
    share_out,
    units_by_sku,
)
from services.inventory.domain.sourcing import Sourcing, source
from services.inventory.domain.stock import STOCK, located, settled
from shared.events.inventory import (
    BackorderQueued,
    KeepReservation,
    ReservationExpired,
    ReservationKept,
    ReservationRefused,
    ReserveStock,
    StockAllocated,
    StockBackordered,
    StockReserved,
)
from shared.events.payload import Event
from shared.events.values import FulfilmentPlan, RequestedLine, Shortage
from shared.eventsourcing.decider import NOTHING, Context, Decision, Recorded, Reminder, States


def reserve(policy: Policy, states: States, message: ReserveStock, context: Context) -> Decision:
    """Reserve an order's lines. Asked again, it answers with what stands; once goods have left, not at all.

    Repeated after its reservation has run out it reserves nothing: units under other names than those an order
    may be about to ship are of no use to it.
    """
    reservation = states.of(RESERVATION, message.order_number)
    if reservation.shipped:
        return NOTHING
    if not isinstance(reservation, Unreserved):
        return _recorded(message.order_number, what_stands(reservation, message.order_number))
    if reservation.expired_at == message.expires_at:
        return _recorded(message.order_number, ReservationExpired(order_number=message.order_number))
    demand: dict[str, int] = {}
    for line in message.lines:
        demand[line.sku] = demand.get(line.sku, 0) + line.quantity
    if any(wanted > policy.most_units for wanted in demand.values()):
        return _recorded(message.order_number, _refusal_of_all(message))
    sourcing = _sourced(policy, states, message, demand)
    parts, missing = share_out(message.lines, sourcing.units)
    fulfilments = _numbered(message.order_number, sourcing.locations, parts, reservation)
    answer = _answer(message, fulfilments, missing)
    if isinstance(answer, ReservationRefused):
        return _recorded(message.order_number, answer)
    waits = _sum_by_sku(missing) if isinstance(answer, StockBackordered) else {}
    held_at = tuple([plan.location for plan in fulfilments])
    booked = [
        settled(policy, states.of(STOCK, sku), sku, changes, context.now)
        for sku, units in sourcing.units.items()
        for changes in [_changes(message, sku, units, waits.get(sku, 0), held_at, context)]
    ]
    expiry = ExpireReservation(
        order_number=message.order_number, skus=tuple(demand), expires_at=message.expires_at
    )
    return sum(booked, NOTHING) + Decision(
        events=(Recorded(RESERVATION.stream(message.order_number), answer),),
        reminders=(Reminder(message.expires_at, expiry),),
    )


def keep(policy: Policy, states: States, message: KeepReservation, context: Context) -> Decision:
    """Keep the reservation from expiring; a repeated request is answered again.

    One that has ended is reserved anew if the message says what it held. If it does not, and the reservation had
    expired, the caller is told so again.
    """
    reservation = states.of(RESERVATION, message.order_number)
    match reservation:
        case Waiting() | Reserved():
            return _recorded(message.order_number, ReservationKept(order_number=message.order_number))
        case Unreserved() if message.fulfilments:
            return _taken_again(policy, states, message, reservation, context)
        case Unreserved(ended="expired"):
            return _recorded(message.order_number, ReservationExpired(order_number=message.order_number))
        case Unreserved():
            return NOTHING


def what_stands(reservation: Live, order_number: str) -> StockReserved | StockBackordered:
    """The fact that answers for a reservation as it is."""
    match reservation:
        case Waiting():
            return StockBackordered(
                order_number=order_number,
                waiting=reservation.waiting,
                fulfilments=reservation.fulfilments,
                expires_at=reservation.expires_at,
            )
        case Reserved():
            return StockReserved(
                order_number=order_number,
                fulfilments=reservation.fulfilments,
                short=reservation.short,
                expires_at=reservation.expires_at,
            )


def _taken_again(
    policy: Policy, states: States, message: KeepReservation, reservation: Unreserved, context: Context
) -> Decision:
    """Exactly the fulfilments that were reserved, where they were; all of them or none."""
    number = message.order_number
    plans = tuple(plan for plan in message.fulfilments if plan.fulfilment_id not in reservation.shipped)
    wanted = units_by_sku(plans)
    if missing := _missing(states, plans):
        return _recorded(number, ReservationExpired(order_number=number, shortages=missing))
    booked = [
        settled(policy, states.of(STOCK, sku), sku, (taken,), context.now)
        for sku, units in wanted.items()
        for taken in [StockAllocated(sku=sku, order_number=number, allocations=located(units))]
    ]
    reserved = StockReserved(order_number=number, fulfilments=plans, expires_at=context.now)
    answer = _recorded(number, reserved) if plans else NOTHING
    return sum(booked, NOTHING) + answer + _recorded(number, ReservationKept(order_number=number))


def _missing(states: States, plans: Iterable[FulfilmentPlan]) -> tuple[Shortage, ...]:
    """What some fulfilments need and their locations can't give, a location at a time."""
    lines: dict[str, list[RequestedLine]] = {}
    for plan in plans:
        lines.setdefault(plan.location, []).extend(plan.lines)
    missing: list[Shortage] = []
    for location, wanted in lines.items():
        there = {line.sku: {location: states.of(STOCK, line.sku).to_promise().get(location, 0)} for line in wanted}
        missing += share_out(wanted, there)[1]
    return tuple(missing)


def _sourced(policy: Policy, states: States, message: ReserveStock, demand: Mapping[str, int]) -> Sourcing:
    """Sources of what there is, be it all or not."""
    stock = {sku: states.of(STOCK, sku).to_promise() for sku in demand}
    obtainable = {sku: min(wanted, sum(stock[sku].values())) for sku, wanted in demand.items()}

    def distance(location: str) -> int:
        return policy.distance(location, message.country, message.region)

    return source(obtainable, stock, distance, policy.most_splits)


def _numbered(
    order_number: str,
    locations: Iterable[str],
    parts: Mapping[str, list[RequestedLine]],
    reservation: Unreserved,
) -> tuple[FulfilmentPlan, ...]:
    return tuple(
        [
            FulfilmentPlan(
                fulfilment_id=f"{order_number}-F{number}", location=location, lines=tuple(parts[location])
            )
            for number, location in enumerate(
                (location for location in locations if location in parts), start=reservation.numbered + 1
            )
        ]
    )


def _answer(
    message: ReserveStock, fulfilments: tuple[FulfilmentPlan, ...], missing: tuple[Shortage, ...]
) -> StockReserved | StockBackordered | ReservationRefused:
    if missing and message.allow_backorder:
        return StockBackordered(
            order_number=message.order_number,
            waiting=missing,
            fulfilments=fulfilments,
            expires_at=message.expires_at,
        )
    if not fulfilments or (missing and not message.allow_partial):
        return _refusal(message, missing)
    return StockReserved(
        order_number=message.order_number,
        fulfilments=fulfilments,
        short=missing,
        expires_at=message.expires_at,
    )


def _refusal_of_all(message: ReserveStock) -> ReservationRefused:
    shortages = [Shortage(line_id=line.line_id, sku=line.sku, missing=line.quantity) for line in message.lines]
    return _refusal(message, tuple(shortages))


def _refusal(message: ReserveStock, missing: tuple[Shortage, ...]) -> ReservationRefused:
    return ReservationRefused(order_number=message.order_number, shortages=missing, expires_at=message.expires_at)


def _changes(
    message: ReserveStock,
    sku: str,
    units: Mapping[str, int],
    waits_for: int,
    held_at: tuple[str, ...],
    context: Context,
) -> list[Event]:
    """What an order takes of one SKU, and what it waits for there."""
    changes: list[Event] = []
    if units:
        changes.append(StockAllocated(sku=sku, order_number=message.order_number, allocations=located(units)))
    if waits_for:
        changes.append(
            BackorderQueued(
                sku=sku,
                order_number=message.order_number,
                quantity=waits_for,
                priority=message.priority,
                queued_at=context.now,
                country=message.country,
                region=message.region,
                held_at=held_at,
            )
        )
    return changes


def _sum_by_sku(shortages: Iterable[Shortage]) -> dict[str, int]:
    missing: dict[str, int] = {}
    for shortage in shortages:
        missing[shortage.sku] = missing.get(shortage.sku, 0) + shortage.missing
    return missing


def _recorded(order_number: str, event: Event) -> Decision:
    return Decision(events=(Recorded(RESERVATION.stream(order_number), event),))

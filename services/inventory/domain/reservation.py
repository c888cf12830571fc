"""What of the stock belongs to one order: its fulfilments, what it waits for, and when it ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.events.inventory import (
    FulfilmentShipped,
    ReservationExpired,
    ReservationKept,
    ReservationRefused,
    ReservationReleased,
    StockBackordered,
    StockReserved,
)
from shared.events.payload import Event
from shared.events.values import FulfilmentPlan, RequestedLine, Shortage
from shared.eventsourcing.decider import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreserved:
    """Nothing is reserved for the order, and it waits for nothing."""

    status: Literal["unreserved"] = "unreserved"
    ended: Literal["", "refused", "released", "expired", "shipped"] = ""
    """How its last reservation ended; empty when there was none."""
    numbered: int = 0
    """The number of the order's latest fulfilment; numbers are never used again."""
    shipped: tuple[str, ...] = ()
    """The fulfilments that have left."""
    expired_at: datetime | None = None
    """Until when a reservation that ran out had been asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A part is reserved, the rest is queued on its SKUs. Its fulfilments may still grow: none is shipped yet."""

    status: Literal["waiting"] = "waiting"
    fulfilments: tuple[FulfilmentPlan, ...]
    waiting: tuple[Shortage, ...]
    expires_at: datetime
    kept: bool
    numbered: int
    shipped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """All that can be reserved is, in fulfilments that have not left yet."""

    status: Literal["reserved"] = "reserved"
    fulfilments: tuple[FulfilmentPlan, ...]
    short: tuple[Shortage, ...]
    expires_at: datetime
    kept: bool
    numbered: int
    shipped: tuple[str, ...]


Live = Waiting | Reserved
Reservation = Unreserved | Waiting | Reserved


def fulfilment_number(fulfilment_id: str) -> int:
    """The n of `<order number>-F<n>`; 0 for an id that is none of ours."""
    number = fulfilment_id.rpartition("-F")[2]
    return int(number) if number.isdecimal() else 0


def share_out(
    lines: Iterable[RequestedLine], units: Mapping[str, Mapping[str, int]]
) -> tuple[dict[str, list[RequestedLine]], tuple[Shortage, ...]]:
    """Each line's part of its SKU's units, by location, and what is missing; earlier lines are served first."""
    left = {sku: dict(by_location) for sku, by_location in units.items()}
    parts: dict[str, list[RequestedLine]] = {}
    missing = []
    for line in lines:
        wanted = line.quantity
        by_location = left[line.sku]
        for location, available in by_location.items():
            taken = min(wanted, available)
            if taken:
                by_location[location] -= taken
                wanted -= taken
                part = line if taken == line.quantity else line.model_copy(update={"quantity": taken})
                parts.setdefault(location, []).append(part)
        if wanted:
            missing.append(Shortage(line_id=line.line_id, sku=line.sku, missing=wanted))
    return parts, tuple(missing)


def units_by_sku(fulfilments: Iterable[FulfilmentPlan]) -> dict[str, dict[str, int]]:
    """The units of some fulfilments, by SKU and location."""
    units: dict[str, dict[str, int]] = {}
    for plan in fulfilments:
        for line in plan.lines:
            by_location = units.setdefault(line.sku, {})
            by_location[plan.location] = by_location.get(plan.location, 0) + line.quantity
    return units


def evolve(reservation: Reservation, event: Event) -> Reservation:
    """One fact more; the facts of others change nothing."""
    match event:
        case StockReserved():
            return Reserved(
                fulfilments=event.fulfilments,
                short=event.short,
                expires_at=event.expires_at,
                kept=_kept(reservation),
                numbered=_numbered(reservation, event.fulfilments),
                shipped=reservation.shipped,
            )
        case StockBackordered(expires_at=datetime() as expires_at):
            return Waiting(
                fulfilments=event.fulfilments,
                waiting=event.waiting,
                expires_at=expires_at,
                kept=_kept(reservation),
                numbered=_numbered(reservation, event.fulfilments),
                shipped=reservation.shipped,
            )
        case ReservationRefused():
            return _ended(reservation, "refused")
        case ReservationKept():
            return reservation if isinstance(reservation, Unreserved) else replace(reservation, kept=True)
        case ReservationReleased():
            return _released(reservation, event.fulfilments)
        case ReservationExpired():
            return _expired(reservation)
        case FulfilmentShipped():
            return _shipped(reservation, event.fulfilment_id)
        case _:
            return reservation


RESERVATION: Category[Reservation] = Category(
    name="reservation", state_type=Reservation, initial=Unreserved(), evolve=evolve
)


def _kept(reservation: Reservation) -> bool:
    return not isinstance(reservation, Unreserved) and reservation.kept


def _numbered(reservation: Reservation, fulfilments: Iterable[FulfilmentPlan]) -> int:
    return max([reservation.numbered, *(fulfilment_number(plan.fulfilment_id) for plan in fulfilments)])


def _ended(reservation: Reservation, how: Literal["refused", "released", "expired", "shipped"]) -> Unreserved:
    return Unreserved(ended=how, numbered=reservation.numbered, shipped=reservation.shipped)


def _expired(reservation: Reservation) -> Unreserved:
    before = reservation.expired_at if isinstance(reservation, Unreserved) else reservation.expires_at
    return replace(_ended(reservation, "expired"), expired_at=before)


def _released(reservation: Reservation, fulfilments: tuple[str, ...]) -> Reservation:
    """Named fulfilments go; a reservation that waits goes as a whole."""
    match reservation:
        case Unreserved():
            return reservation
        case Waiting():
            return _ended(reservation, "released")
        case Reserved():
            left = tuple(plan for plan in reservation.fulfilments if plan.fulfilment_id not in fulfilments)
            return replace(reservation, fulfilments=left) if left else _ended(reservation, "released")


def _shipped(reservation: Reservation, fulfilment_id: str) -> Reservation:
    shipped = (*reservation.shipped, fulfilment_id)
    if isinstance(reservation, Unreserved):
        return replace(reservation, shipped=shipped)
    left = tuple(plan for plan in reservation.fulfilments if plan.fulfilment_id != fulfilment_id)
    after = replace(reservation, fulfilments=left, shipped=shipped)
    return after if left or isinstance(after, Waiting) else _ended(after, "shipped")

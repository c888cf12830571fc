"""What can be asked of stock: each SKU at its locations, and what each order holds of it.

Facts of one SKU lie in the lanes of many orders and may come here in any order, so rows only add and take away.
"""

from collections.abc import Sequence
from datetime import datetime

from services.inventory.domain.reservation import units_by_sku
from shared.events.inventory import (
    BackorderFilled,
    BackorderQueued,
    BackorderWithdrawn,
    FulfilmentShipped,
    LocatedQuantity,
    ReservationExpired,
    ReservationKept,
    ReservationRefused,
    ReservationReleased,
    StockAdjusted,
    StockAllocated,
    StockBackordered,
    StockDeallocated,
    StockLevelsSet,
    StockReceived,
    StockReserved,
    StockShipped,
    StockTransferred,
)
from shared.events.payload import Event
from shared.events.values import FulfilmentPlan
from shared.eventsourcing.views import Fact, Row, View

LIVE = ("reserved", "backordered")
"""The statuses of a reservation that holds or awaits stock; the others are refused, released, expired, shipped."""

_NEW: Row = {"locations": {}, "waiting": {}, "safety_stock": 0, "reorder_point": 0}


def _stock(key: str, row: Row | None, fact: Fact) -> Row | None:
    changed = _changed(row or {**_NEW, "sku": key}, fact.event)
    on_hand = sum(shelf["on_hand"] for shelf in changed["locations"].values())
    reserved = sum(shelf["reserved"] for shelf in changed["locations"].values())
    free = [shelf["available"] - changed["safety_stock"] for shelf in changed["locations"].values()]
    to_promise = sum(units for units in free if units > 0)
    return {
        **changed,
        "on_hand": on_hand,
        "reserved": reserved,
        "available": on_hand - reserved,
        "to_promise": to_promise,
        "status": "low" if to_promise < changed["reorder_point"] else "enough",
        "changed_at": fact.recorded_at.isoformat(),
    }


def _changed(row: Row, event: Event) -> Row:
    match event:
        case StockReceived():
            return _moved(row, event.location, on_hand=event.quantity)
        case StockAdjusted():
            return _moved(row, event.location, on_hand=event.change)
        case StockTransferred():
            moved = _moved(row, event.origin, on_hand=-event.quantity)
            return _moved(moved, event.destination, on_hand=event.quantity)
        case StockAllocated():
            return _allocated(row, event.allocations, 1)
        case StockDeallocated():
            return _allocated(row, event.allocations, -1)
        case StockShipped():
            return _moved(row, event.location, on_hand=-event.quantity, reserved=-event.quantity)
        case StockLevelsSet():
            return {**row, "safety_stock": event.safety_stock, "reorder_point": event.reorder_point}
        case BackorderQueued():
            return _waits(row, event.order_number, event.quantity)
        case BackorderFilled():
            units = sum(part.quantity for part in event.allocations)
            return _allocated(_waits(row, event.order_number, -units), event.allocations, 1)
        case BackorderWithdrawn():
            return _waits(row, event.order_number, -event.quantity)
        case _:
            return row


def _moved(row: Row, location: str, *, on_hand: int = 0, reserved: int = 0) -> Row:
    before = row["locations"].get(location, {"on_hand": 0, "reserved": 0})
    shelf = {"on_hand": before["on_hand"] + on_hand, "reserved": before["reserved"] + reserved}
    shelf["available"] = shelf["on_hand"] - shelf["reserved"]
    return {**row, "locations": {**row["locations"], location: shelf}}


def _allocated(row: Row, allocations: Sequence[LocatedQuantity], sign: int) -> Row:
    for part in allocations:
        row = _moved(row, part.location, reserved=sign * part.quantity)
    return row


def _waits(row: Row, order_number: str, change: int) -> Row:
    """An order that waits for nothing any more leaves the row; one met too early stands below zero till then."""
    waiting = dict(row["waiting"])
    units = waiting.pop(order_number, 0) + change
    return {**row, "waiting": {**waiting, order_number: units} if units else waiting}


def _reservation(key: str, row: Row | None, fact: Fact) -> Row | None:
    """Facts of one order lie in its own lane, so they come in their order."""
    held = row or {"order_number": key, "status": "", "kept": False, "fulfilments": {}, "waiting": [], "short": []}
    return {**held, **_since(held, fact.event), "changed_at": fact.recorded_at.isoformat()}


def _since(held: Row, event: Event) -> Row:
    match event:
        case StockReserved():
            return {
                **_held(held, event.fulfilments, event.expires_at),
                "status": "reserved",
                "waiting": [],
                "short": [shortage.model_dump() for shortage in event.short],
            }
        case StockBackordered():
            return {
                **_held(held, event.fulfilments, event.expires_at),
                "status": "backordered",
                "waiting": [shortage.model_dump() for shortage in event.waiting],
                "short": [],
            }
        case ReservationRefused():
            return {"status": "refused", "short": [shortage.model_dump() for shortage in event.shortages]}
        case ReservationKept():
            return {"kept": True}
        case ReservationReleased():
            return _left(held, "released", None if held["status"] == "backordered" else event.fulfilments)
        case ReservationExpired():
            return _left(held, "expired", None)
        case FulfilmentShipped():
            return _left(held, "shipped", (event.fulfilment_id,))
        case _:
            return {}


def _held(held: Row, plans: Sequence[FulfilmentPlan], expires_at: datetime | None) -> Row:
    """What is reserved now, beside what was shipped or released before."""
    before = {name: one for name, one in held["fulfilments"].items() if one["status"] != "reserved"}
    now = {
        plan.fulfilment_id: {
            "location": plan.location,
            "status": "reserved",
            "units": sum(line.quantity for line in plan.lines),
            "skus": {sku: sum(units.values()) for sku, units in units_by_sku((plan,)).items()},
        }
        for plan in plans
    }
    return {
        "fulfilments": {**before, **now},
        "kept": held["kept"] and held["status"] in LIVE,
        "expires_at": expires_at.isoformat() if expires_at else None,
    }


def _left(held: Row, how: str, named: Sequence[str] | None) -> Row:
    """Fulfilments (None: all) are no longer reserved; when none is left, the reservation has ended that way."""
    fulfilments = {
        name: {**one, "status": how} if one["status"] == "reserved" and (named is None or name in named) else one
        for name, one in held["fulfilments"].items()
    }
    waits = held["status"] == "backordered" and named is not None
    if waits or any(one["status"] == "reserved" for one in fulfilments.values()):
        return {"fulfilments": fulfilments}
    ended = held["status"] in ("", *LIVE)
    return {"fulfilments": fulfilments, "waiting": [], "status": how if ended else held["status"]}


STOCK = View(
    name="stock",
    version=2,
    handles=(
        StockReceived,
        StockAdjusted,
        StockTransferred,
        StockAllocated,
        StockDeallocated,
        StockShipped,
        StockLevelsSet,
        BackorderQueued,
        BackorderFilled,
        BackorderWithdrawn,
    ),
    keys=lambda event: (event.sku,),
    project=_stock,
)

RESERVATIONS = View(
    name="reservations",
    version=2,
    handles=(
        StockReserved,
        StockBackordered,
        ReservationRefused,
        ReservationKept,
        ReservationReleased,
        ReservationExpired,
        FulfilmentShipped,
    ),
    keys=lambda event: (event.order_number,),
    project=_reservation,
)

VIEWS: tuple[View, ...] = (STOCK, RESERVATIONS)

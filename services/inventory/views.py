"""What can be asked of stock: each SKU at its locations, and what each order holds of it.

Facts of one SKU lie in the lanes of many orders and may come in any order here, so rows only ever add and take away.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.events.inventory import (
    BackorderFilled,
    BackorderQueued,
    BackorderWithdrawn,
    FulfilmentShipped,
    LocatedQuantity,
    LowStockReported,
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
from shared.events.values import FulfilmentPlan
from shared.eventsourcing.views import Fact, Row, View

_NEW: Row = {"locations": {}, "waiting": {}, "safety_stock": 0, "reorder_point": 0}


def _stock(key: str, row: Row | None, fact: Fact) -> Row | None:
    changed = _changed(row or {**_NEW, "sku": key}, fact)
    on_hand = sum(shelf["on_hand"] for shelf in changed["locations"].values())
    reserved = sum(shelf["reserved"] for shelf in changed["locations"].values())
    available = on_hand - reserved
    return {
        **changed,
        "on_hand": on_hand,
        "reserved": reserved,
        "available": available,
        "status": "low" if available < changed["reorder_point"] else "enough",
        "changed_at": fact.recorded_at.isoformat(),
    }


def _changed(row: Row, fact: Fact) -> Row:
    event = fact.event
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
            return _waits(row, event.order_number, fact.version, event.quantity)
        case BackorderFilled():
            filled = _waits(row, event.order_number, fact.version, event.still_waiting)
            return _allocated(filled, event.allocations, 1)
        case BackorderWithdrawn():
            return _waits(row, event.order_number, fact.version, 0)
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


def _waits(row: Row, order_number: str, version: int, units: int) -> Row:
    """How many units an order waits for, by the latest fact that says so."""
    known = row["waiting"].get(order_number, {"version": 0})
    if version <= known["version"]:
        return row
    return {**row, "waiting": {**row["waiting"], order_number: {"version": version, "units": units}}}


def _reservation(key: str, row: Row | None, fact: Fact) -> Row | None:
    held = {**(row or {"order_number": key, "fulfilments": {}}), "changed_at": fact.recorded_at.isoformat()}
    event = fact.event
    match event:
        case StockReserved():
            return {**held, "status": "reserved", "fulfilments": _plans(held, event.fulfilments), "waiting": []}
        case StockBackordered():
            waiting = [shortage.model_dump() for shortage in event.waiting]
            return {
                **held,
                "status": "backordered",
                "fulfilments": _plans(held, event.fulfilments),
                "waiting": waiting,
            }
        case ReservationRefused():
            return {**held, "status": "refused"}
        case ReservationKept():
            return {**held, "kept": True}
        case ReservationReleased():
            gone = {
                name: {**held["fulfilments"].get(name, {}), "status": "released"} for name in event.fulfilments
            }
            fulfilments = {**held["fulfilments"], **gone}
            left = any(one["status"] != "released" for one in fulfilments.values())
            return {**held, "fulfilments": fulfilments, "status": held["status"] if left else "released"}
        case ReservationExpired():
            return {**held, "status": "expired"}
        case FulfilmentShipped():
            shipped = {**held["fulfilments"].get(event.fulfilment_id, {}), "status": "shipped"}
            return {**held, "fulfilments": {**held["fulfilments"], event.fulfilment_id: shipped}}
        case _:
            return held


def _plans(held: Row, plans: Sequence[FulfilmentPlan]) -> Mapping[str, Any]:
    """What is reserved now, beside what was shipped or released before."""
    before = {name: one for name, one in held["fulfilments"].items() if one["status"] != "reserved"}
    now = {
        plan.fulfilment_id: {
            "location": plan.location,
            "status": "reserved",
            "units": sum(line.quantity for line in plan.lines),
        }
        for plan in plans
        if plan.fulfilment_id not in before
    }
    return {**before, **now}


STOCK = View(
    name="stock",
    version=1,
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
        LowStockReported,
    ),
    keys=lambda event: (event.sku,),
    project=_stock,
)

RESERVATIONS = View(
    name="reservations",
    version=1,
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

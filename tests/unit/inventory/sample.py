"""What the inventory tests speak of: an order of a few lines, and the facts around it."""

from datetime import datetime, timedelta

from services.inventory.domain.messages import ExpireReservation, HandOverBackorder
from services.inventory.domain.model import model
from shared.events.inventory import (
    BackorderFilled,
    BackorderQueued,
    LocatedQuantity,
    ReleaseStock,
    ReserveStock,
    StockAllocated,
    StockBackordered,
    StockDeallocated,
    StockReceived,
    StockReserved,
    StockShipped,
)
from shared.events.shipping import ShipmentDispatched
from shared.events.values import FulfilmentPlan, RequestedLine, Shortage
from shared.eventsourcing.decider import Recorded, Reminder
from shared.eventsourcing.testing import NOON, Scenario

EAST, CENTRAL, WEST = "WH-EAST", "WH-CENTRAL", "WH-WEST"
DEADLINE = NOON + timedelta(minutes=30)


def inventory(**on_hand: dict[str, int]) -> Scenario:
    """The service with units of some SKUs on hand: `inventory(A={EAST: 5})`."""
    scenario = Scenario(model())
    for sku, locations in on_hand.items():
        for location, quantity in locations.items():
            scenario = scenario.given(f"stock-{sku}", StockReceived(sku=sku, location=location, quantity=quantity))
    return scenario


def line(line_id: str, sku: str, quantity: int) -> RequestedLine:
    return RequestedLine(line_id=line_id, sku=sku, quantity=quantity)


def reserve(
    *lines: RequestedLine,
    order: str = "O1",
    region: str = "NY",
    country: str = "US",
    partial: bool = False,
    backorder: bool = False,
    priority: int = 0,
    expires_at: datetime = DEADLINE,
) -> ReserveStock:
    return ReserveStock(
        order_number=order,
        lines=lines,
        country=country,
        region=region,
        allow_partial=partial,
        allow_backorder=backorder,
        priority=priority,
        expires_at=expires_at,
    )


def release(*skus: str, order: str = "O1", fulfilments: tuple[str, ...] = ()) -> ReleaseStock:
    return ReleaseStock(order_number=order, skus=skus, fulfilments=fulfilments)


def dispatched(fulfilment_id: str, location: str, *lines: RequestedLine, order: str = "O1") -> ShipmentDispatched:
    return ShipmentDispatched(
        order_number=order,
        fulfilment_id=fulfilment_id,
        location=location,
        lines=lines,
        carrier_service="ground",
        tracking_number="T1",
        estimated_delivery=None,
    )


def expiry(*skus: str, order: str = "O1", at: datetime = DEADLINE) -> ExpireReservation:
    return ExpireReservation(order_number=order, skus=skus, expires_at=at)


def plan(fulfilment_id: str, location: str, *lines: RequestedLine) -> FulfilmentPlan:
    return FulfilmentPlan(fulfilment_id=fulfilment_id, location=location, lines=lines)


def missing(line_id: str, sku: str, quantity: int) -> Shortage:
    return Shortage(line_id=line_id, sku=sku, missing=quantity)


def units(**by_location: int) -> tuple[LocatedQuantity, ...]:
    """`units(EAST=2)`: two units in WH-EAST."""
    return tuple(
        LocatedQuantity(location=f"WH-{location}", quantity=quantity) for location, quantity in by_location.items()
    )


def allocated(sku: str, order: str = "O1", **by_location: int) -> Recorded:
    return Recorded(f"stock-{sku}", StockAllocated(sku=sku, order_number=order, allocations=units(**by_location)))


def deallocated(sku: str, order: str = "O1", **by_location: int) -> Recorded:
    return Recorded(
        f"stock-{sku}", StockDeallocated(sku=sku, order_number=order, allocations=units(**by_location))
    )


def shipped(sku: str, location: str, quantity: int, order: str = "O1") -> Recorded:
    return Recorded(
        f"stock-{sku}", StockShipped(sku=sku, order_number=order, location=location, quantity=quantity)
    )


def queued(
    sku: str,
    quantity: int,
    order: str = "O1",
    priority: int = 0,
    at: datetime = NOON,
    held_at: tuple[str, ...] = (),
) -> Recorded:
    return Recorded(
        f"stock-{sku}",
        BackorderQueued(
            sku=sku,
            order_number=order,
            quantity=quantity,
            priority=priority,
            queued_at=at,
            country="US",
            region="NY",
            held_at=held_at,
        ),
    )


def filled(sku: str, order: str, still_waiting: int, **by_location: int) -> Recorded:
    return Recorded(
        f"stock-{sku}",
        BackorderFilled(
            sku=sku, order_number=order, allocations=units(**by_location), still_waiting=still_waiting
        ),
    )


def reserved(
    *plans: FulfilmentPlan,
    order: str = "O1",
    short: tuple[Shortage, ...] = (),
    expires_at: datetime = DEADLINE,
) -> Recorded:
    return Recorded(
        f"reservation-{order}",
        StockReserved(order_number=order, fulfilments=plans, short=short, expires_at=expires_at),
    )


def backordered(*plans: FulfilmentPlan, waiting: tuple[Shortage, ...], order: str = "O1") -> Recorded:
    return Recorded(
        f"reservation-{order}",
        StockBackordered(order_number=order, waiting=waiting, fulfilments=plans, expires_at=DEADLINE),
    )


def expires(*skus: str, order: str = "O1") -> Reminder:
    return Reminder(DEADLINE, expiry(*skus, order=order))


def hands_over(sku: str, order: str, at: datetime = NOON) -> Reminder:
    return Reminder(at, HandOverBackorder(order_number=order, sku=sku), order)

"""Facts and requests of the inventory service."""

from typing import Literal

from shared.events.payload import (
    Change,
    Command,
    Count,
    CountryCode,
    Event,
    FulfilmentId,
    Instant,
    Location,
    OrderNumber,
    Priority,
    Quantity,
    Sku,
    Text,
    Value,
)
from shared.events.values import FulfilmentPlan, RequestedLine, Shortage


class LocatedQuantity(Value):
    """Units at one location."""

    location: Location
    quantity: Quantity


class StockReceived(Event, name="inventory.stock-received", version=1):
    """Units arrived and are on hand."""

    sku: Sku
    location: Location
    quantity: Quantity


class StockAdjusted(Event, name="inventory.stock-adjusted", version=1):
    """On hand was corrected by a person or a count."""

    sku: Sku
    location: Location
    change: Change
    """Units added (positive) or taken away (negative)."""
    cause: Literal["count", "damage", "loss", "found", "correction"]
    """What the correction goes back to."""


class StockTransferred(Event, name="inventory.stock-transferred", version=1):
    """Units moved between two locations."""

    sku: Sku
    origin: Location
    destination: Location
    quantity: Quantity


class StockChangeRefused(Event, name="inventory.stock-change-refused", version=1):
    """A change would have left less on hand than is reserved."""

    sku: Sku
    location: Location
    change: Change
    explanation: Text


class StockLevelsSet(Event, name="inventory.stock-levels-set", version=1):
    """The SKU's safety stock (kept back at each location) and its reorder point (over all locations)."""

    sku: Sku
    safety_stock: Count
    reorder_point: Count


class StockAllocated(Event, name="inventory.stock-allocated", version=1):
    """Units of one SKU were reserved for an order."""

    sku: Sku
    order_number: OrderNumber
    allocations: tuple[LocatedQuantity, ...]
    """How many from where."""


class StockDeallocated(Event, name="inventory.stock-deallocated", version=1):
    """Reserved units of one SKU became available again."""

    sku: Sku
    order_number: OrderNumber
    allocations: tuple[LocatedQuantity, ...]
    """How many and where."""


class StockShipped(Event, name="inventory.stock-shipped", version=1):
    """Reserved units of one SKU left a location."""

    sku: Sku
    order_number: OrderNumber
    location: Location
    quantity: Quantity


class BackorderQueued(Event, name="inventory.backorder-queued", version=1):
    """Units of one SKU are owed to an order and wait for stock."""

    sku: Sku
    order_number: OrderNumber
    quantity: Quantity
    priority: Priority
    queued_at: Instant
    country: CountryCode | None = None
    """Country of the delivery address."""
    region: str = ""
    """Region of the delivery address; empty when unknown."""
    held_at: tuple[Location, ...] = ()
    """The locations where goods are reserved for the order already."""


class BackorderFilled(Event, name="inventory.backorder-filled", version=1):
    """Units that arrived were reserved for an order that waited."""

    sku: Sku
    order_number: OrderNumber
    allocations: tuple[LocatedQuantity, ...]
    """How many from where."""
    still_waiting: Count


class BackorderHandedOver(Event, name="inventory.backorder-handed-over", version=1):
    """Units that were filled for a waiting order now belong to its reservation."""

    sku: Sku
    order_number: OrderNumber
    allocations: tuple[LocatedQuantity, ...]
    """How many and where."""


class BackorderWithdrawn(Event, name="inventory.backorder-withdrawn", version=1):
    """An order no longer waits for units of this SKU; what was filled and not yet handed over is deallocated."""

    sku: Sku
    order_number: OrderNumber
    quantity: Count = 0
    """Units that it still waited for."""


class LowStockReported(Event, name="inventory.low-stock-reported", version=1):
    """Available to promise fell below the reorder point."""

    sku: Sku
    available: Count
    """What can be promised: on hand minus reserved minus safety stock of each location, over all locations."""
    reorder_point: Count


class StockReserved(Event, name="inventory.stock-reserved", version=1):
    """The order's units are reserved, in fulfilments; `short` is what was not there and is not waited for."""

    order_number: OrderNumber
    fulfilments: tuple[FulfilmentPlan, ...]
    """What is reserved, by location."""
    short: tuple[Shortage, ...] = ()
    """What was not there and is not waited for."""
    expires_at: Instant
    """When the reservation ends unless it is kept."""


class StockBackordered(Event, name="inventory.stock-backordered", version=1):
    """Part of the order is reserved, the rest waits for stock; stated again as units arrive."""

    order_number: OrderNumber
    waiting: tuple[Shortage, ...]
    """What still waits."""
    fulfilments: tuple[FulfilmentPlan, ...] = ()
    """What is reserved so far; they may grow, and are not to be shipped before the stock is reserved."""
    expires_at: Instant | None = None


class ReservationRefused(Event, name="inventory.reservation-refused", version=1):
    """Nothing is reserved for the order."""

    order_number: OrderNumber
    shortages: tuple[Shortage, ...]
    """What was missing."""
    expires_at: Instant | None = None
    """As the request stated it, which tells the answer to an earlier request apart."""


class ReservationKept(Event, name="inventory.reservation-kept", version=1):
    """The reservation no longer expires."""

    order_number: OrderNumber


class ReservationReleased(Event, name="inventory.reservation-released", version=1):
    """Whatever was reserved for the order, or waited for it, no longer is."""

    order_number: OrderNumber
    fulfilments: tuple[FulfilmentId, ...]
    """The released fulfilments."""


class ReservationExpired(Event, name="inventory.reservation-expired", version=1):
    """The reservation was not used in time and its units are available again."""

    order_number: OrderNumber
    shortages: tuple[Shortage, ...] = ()
    """What was missing when it was asked for again; nothing of it is reserved."""


class FulfilmentShipped(Event, name="inventory.fulfilment-shipped", version=1):
    """The units of one fulfilment left stock."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class ReserveStock(Command, name="inventory.reserve-stock", version=1):
    """Reserve all the lines, all or nothing unless partial or backorder is allowed."""

    order_number: OrderNumber
    lines: tuple[RequestedLine, ...]
    """What is wanted."""
    country: CountryCode
    region: str = ""
    """Region of the delivery address; empty when unknown."""
    allow_partial: bool = False
    """Reserve what there is and report the rest as short."""
    allow_backorder: bool = False
    """Wait for what is missing."""
    priority: Priority = 0
    expires_at: Instant
    """A reservation that is not kept by then expires."""


class KeepReservation(Command, name="inventory.keep-reservation", version=1):
    """The order is confirmed: its reservation no longer expires."""

    order_number: OrderNumber
    fulfilments: tuple[FulfilmentPlan, ...] = ()
    """What is taken again, all or nothing, should the reservation have ended; empty: it is only kept."""


class ReleaseStock(Command, name="inventory.release-stock", version=1):
    """Give back what is reserved for the order, or only the named fulfilments; waiting backorders end with it."""

    order_number: OrderNumber
    skus: tuple[Sku, ...]
    """Every SKU of the order."""
    fulfilments: tuple[FulfilmentId, ...] = ()
    """Empty: all that has not left."""


class ReceiveStock(Command, name="inventory.receive-stock", version=1):
    """Units arrived."""

    sku: Sku
    location: Location
    quantity: Quantity


class AdjustStock(Command, name="inventory.adjust-stock", version=1):
    """Correct on hand by a difference."""

    sku: Sku
    location: Location
    change: Change
    cause: Literal["damage", "loss", "found", "correction"]
    """What the correction goes back to."""


class CountStock(Command, name="inventory.count-stock", version=1):
    """State what a stock count found."""

    sku: Sku
    location: Location
    counted: Count


class TransferStock(Command, name="inventory.transfer-stock", version=1):
    """Move units between two locations."""

    sku: Sku
    origin: Location
    destination: Location
    quantity: Quantity


class SetStockLevels(Command, name="inventory.set-stock-levels", version=1):
    """Set the safety stock and the reorder point."""

    sku: Sku
    safety_stock: Count
    reorder_point: Count

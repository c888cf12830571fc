"""Facts and requests of the inventory service."""

from typing import Literal

from shared.events.payload import Command, Count, CountryCode, Event, Instant, Name, Quantity, Text, Value
from shared.events.values import FulfilmentPlan, RequestedLine, Shortage


class LocatedQuantity(Value):
    """Units at one location."""

    location: Name
    quantity: Quantity


class StockReceived(Event, name="inventory.stock-received", version=1):
    """Units arrived and are on hand."""

    sku: Name
    location: Name
    quantity: Quantity


class StockAdjusted(Event, name="inventory.stock-adjusted", version=1):
    """On hand was corrected by a person or a count."""

    sku: Name
    location: Name
    change: int
    """Units added (positive) or taken away (negative)."""
    cause: Literal["count", "damage", "loss", "found", "correction"]


class StockTransferred(Event, name="inventory.stock-transferred", version=1):
    """Units moved between two locations."""

    sku: Name
    origin: Name
    destination: Name
    quantity: Quantity


class StockChangeRefused(Event, name="inventory.stock-change-refused", version=1):
    """A change would have left less on hand than is reserved."""

    sku: Name
    location: Name
    change: int
    explanation: Text


class StockLevelsSet(Event, name="inventory.stock-levels-set", version=1):
    """The SKU's safety stock (kept back at each location) and its reorder point (over all locations)."""

    sku: Name
    safety_stock: Count
    reorder_point: Count


class StockAllocated(Event, name="inventory.stock-allocated", version=1):
    """Units of one SKU were reserved for an order."""

    sku: Name
    order_number: Name
    allocations: tuple[LocatedQuantity, ...]


class StockDeallocated(Event, name="inventory.stock-deallocated", version=1):
    """Reserved units of one SKU became available again."""

    sku: Name
    order_number: Name
    allocations: tuple[LocatedQuantity, ...]


class StockShipped(Event, name="inventory.stock-shipped", version=1):
    """Reserved units of one SKU left a location."""

    sku: Name
    order_number: Name
    location: Name
    quantity: Quantity


class BackorderQueued(Event, name="inventory.backorder-queued", version=1):
    """Units of one SKU are owed to an order and wait for stock."""

    sku: Name
    order_number: Name
    quantity: Quantity
    priority: int
    queued_at: Instant


class BackorderFilled(Event, name="inventory.backorder-filled", version=1):
    """Units that arrived were reserved for an order that waited."""

    sku: Name
    order_number: Name
    allocations: tuple[LocatedQuantity, ...]
    still_waiting: Count


class BackorderHandedOver(Event, name="inventory.backorder-handed-over", version=1):
    """Units that were filled for a waiting order now belong to its reservation."""

    sku: Name
    order_number: Name
    allocations: tuple[LocatedQuantity, ...]


class BackorderWithdrawn(Event, name="inventory.backorder-withdrawn", version=1):
    """An order no longer waits for units of this SKU; what was filled and not yet handed over is deallocated."""

    sku: Name
    order_number: Name


class LowStockReported(Event, name="inventory.low-stock-reported", version=1):
    """Available to promise fell below the reorder point."""

    sku: Name
    available: Count
    """On hand minus reserved, over all locations."""
    reorder_point: Count


class StockReserved(Event, name="inventory.stock-reserved", version=1):
    """The order's units are reserved, in fulfilments; `short` is what was not there and is not waited for."""

    order_number: Name
    fulfilments: tuple[FulfilmentPlan, ...]
    short: tuple[Shortage, ...] = ()
    expires_at: Instant


class StockBackordered(Event, name="inventory.stock-backordered", version=1):
    """Part of the order is reserved, the rest waits for stock; stated again as units arrive."""

    order_number: Name
    waiting: tuple[Shortage, ...]
    """What still waits."""
    fulfilments: tuple[FulfilmentPlan, ...] = ()
    """What is reserved so far; they may grow, and are not to be shipped before the stock is reserved."""
    expires_at: Instant | None = None


class ReservationRefused(Event, name="inventory.reservation-refused", version=1):
    """Nothing is reserved for the order."""

    order_number: Name
    shortages: tuple[Shortage, ...]


class ReservationKept(Event, name="inventory.reservation-kept", version=1):
    """The reservation no longer expires."""

    order_number: Name


class ReservationReleased(Event, name="inventory.reservation-released", version=1):
    """Whatever was reserved for the order, or waited for it, no longer is."""

    order_number: Name
    fulfilments: tuple[Name, ...]
    """The released fulfilments."""


class ReservationExpired(Event, name="inventory.reservation-expired", version=1):
    """The reservation was not used in time and its units are available again."""

    order_number: Name


class FulfilmentShipped(Event, name="inventory.fulfilment-shipped", version=1):
    """The units of one fulfilment left stock."""

    order_number: Name
    fulfilment_id: Name


class ReserveStock(Command, name="inventory.reserve-stock", version=1):
    """Reserve all the lines, all or nothing unless partial or backorder is allowed."""

    order_number: Name
    lines: tuple[RequestedLine, ...]
    country: CountryCode
    region: str = ""
    allow_partial: bool = False
    allow_backorder: bool = False
    priority: int = 0
    expires_at: Instant
    """A reservation that is not kept by then expires."""


class KeepReservation(Command, name="inventory.keep-reservation", version=1):
    """The order is confirmed: its reservation no longer expires."""

    order_number: Name


class ReleaseStock(Command, name="inventory.release-stock", version=1):
    """Give back what is reserved for the order, or only the named fulfilments; waiting backorders end with it."""

    order_number: Name
    skus: tuple[Name, ...]
    """Every SKU of the order."""
    fulfilments: tuple[Name, ...] = ()
    """Empty: all that has not left."""


class ReceiveStock(Command, name="inventory.receive-stock", version=1):
    """Units arrived."""

    sku: Name
    location: Name
    quantity: Quantity


class AdjustStock(Command, name="inventory.adjust-stock", version=1):
    """Correct on hand by a difference."""

    sku: Name
    location: Name
    change: int
    cause: Literal["damage", "loss", "found", "correction"]


class CountStock(Command, name="inventory.count-stock", version=1):
    """State what a stock count found."""

    sku: Name
    location: Name
    counted: Count


class TransferStock(Command, name="inventory.transfer-stock", version=1):
    """Move units between two locations."""

    sku: Name
    origin: Name
    destination: Name
    quantity: Quantity


class SetStockLevels(Command, name="inventory.set-stock-levels", version=1):
    """Set the safety stock and the reorder point."""

    sku: Name
    safety_stock: Count
    reorder_point: Count

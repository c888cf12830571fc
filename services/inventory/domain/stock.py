"""One SKU at all its locations: what is on hand, what of it is reserved, and which orders wait for more."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from services.inventory.domain.messages import HandOverBackorder
from services.inventory.domain.policy import Policy
from services.inventory.domain.sourcing import top_up
from shared.events.inventory import (
    BackorderFilled,
    BackorderHandedOver,
    BackorderQueued,
    BackorderWithdrawn,
    LocatedQuantity,
    LowStockReported,
    StockAdjusted,
    StockAllocated,
    StockDeallocated,
    StockLevelsSet,
    StockReceived,
    StockShipped,
    StockTransferred,
)
from shared.events.payload import Event
from shared.eventsourcing.decider import Category, Decision, Recorded, Reminder


@dataclass(frozen=True, slots=True)
class Shelf:
    """The units of one SKU at one location; 0 <= reserved <= on hand."""

    on_hand: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backorder:
    """Units that an order waits for."""

    order_number: str
    quantity: int
    priority: int
    queued_at: datetime
    country: str | None = None
    region: str = ""
    held_at: tuple[str, ...] = ()
    """The locations where goods are reserved for the order already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockItem:
    """One SKU. It does not know for whom its units are reserved, so it does not grow with the orders."""

    shelves: dict[str, Shelf] = field(default_factory=dict)
    safety_stock: int = 0
    """Units kept back at each location."""
    reorder_point: int = 0
    low: bool = False
    """Low stock was reported and has not ended since."""
    queue: tuple[Backorder, ...] = ()
    """Who waits, in the order of service."""
    filled: dict[str, dict[str, int]] = field(default_factory=dict)
    """Units reserved for orders that waited (order number, location), until their reservations have taken them."""

    def shelf(self, location: str) -> Shelf:
        """The units at a location, none if it never had any."""
        return self.shelves.get(location, EMPTY)

    def available(self) -> int:
        """On hand minus reserved, over all locations."""
        return sum(shelf.on_hand - shelf.reserved for shelf in self.shelves.values())

    def to_promise(self) -> dict[str, int]:
        """What may be reserved at each location: what is available beyond the safety stock."""
        return {
            location: free
            for location, shelf in self.shelves.items()
            if (free := shelf.on_hand - shelf.reserved - self.safety_stock) > 0
        }

    def promisable(self) -> int:
        """What may be reserved, over all locations."""
        return sum(self.to_promise().values())

    def waits(self, order_number: str) -> int:
        """The units that an order waits for."""
        return sum(waiting.quantity for waiting in self.queue if waiting.order_number == order_number)


EMPTY = Shelf()


def settled(policy: Policy, item: StockItem, sku: str, changes: Sequence[Event], now: datetime) -> Decision:
    """Changes to a SKU with what follows: orders that wait are served, and low stock is reported.

    Every rule that changes a stock stream ends here, so that units never lie idle while an order waits for them.
    """
    after = item
    for change in changes:
        after = evolve(after, change)
    events = list(changes)
    fills = _fills(policy, after, sku) if after.queue else ()
    for fill in fills:
        after = evolve(after, fill)
        events.append(fill)
    if not after.low and after.reorder_point and (promisable := after.promisable()) < after.reorder_point:
        events.append(LowStockReported(sku=sku, available=promisable, reorder_point=after.reorder_point))
    stream = STOCK.stream(sku)
    return Decision(
        events=tuple([Recorded(stream, event) for event in events]),
        reminders=tuple(
            [
                Reminder(now, HandOverBackorder(order_number=fill.order_number, sku=sku), fill.order_number)
                for fill in fills
            ]
        ),
    )


def located(units: Mapping[str, int]) -> tuple[LocatedQuantity, ...]:
    """Units by location, as events state them."""
    return tuple([LocatedQuantity(location=location, quantity=quantity) for location, quantity in units.items()])


def evolve(item: StockItem, event: Event) -> StockItem:
    """One fact more; the facts of others change nothing."""
    match event:
        case StockAllocated():
            return _changed(item, event.allocations, reserved=1)
        case StockShipped():
            shelf = item.shelf(event.location)
            return _at(item, event.location, shelf.on_hand - event.quantity, shelf.reserved - event.quantity)
        case StockDeallocated():
            return _changed(item, event.allocations, reserved=-1)
        case StockReceived():
            return _moved(item, event.location, event.quantity)
        case StockAdjusted():
            return _moved(item, event.location, event.change)
        case StockTransferred():
            return _moved(_moved(item, event.origin, -event.quantity), event.destination, event.quantity)
        case StockLevelsSet():
            levels = replace(item, safety_stock=event.safety_stock, reorder_point=event.reorder_point)
            return _with_shelves(levels, levels.shelves)
        case LowStockReported():
            return replace(item, low=True)
        case BackorderQueued() | BackorderFilled() | BackorderHandedOver() | BackorderWithdrawn():
            return _waited(item, event)
        case _:
            return item


STOCK: Category[StockItem] = Category(name="stock", state_type=StockItem, initial=StockItem(), evolve=evolve)


def _fills(policy: Policy, item: StockItem, sku: str) -> list[BackorderFilled]:
    """What the waiting orders get of what is there, each in its turn; the last of them perhaps not all."""
    free = item.to_promise()
    fills = []
    for waiting in item.queue:
        obtainable = min(waiting.quantity, sum(free.values()))
        if not obtainable:
            break
        distance = partial(policy.distance, country=waiting.country, region=waiting.region)
        units = top_up(obtainable, free, waiting.held_at, distance, policy.most_splits)
        for location, quantity in units.items():
            free[location] -= quantity
        fills.append(
            BackorderFilled(
                sku=sku,
                order_number=waiting.order_number,
                allocations=located(units),
                still_waiting=waiting.quantity - obtainable,
            )
        )
    return fills


def _waited(
    item: StockItem, event: BackorderQueued | BackorderFilled | BackorderHandedOver | BackorderWithdrawn
) -> StockItem:
    match event:
        case BackorderQueued():
            waiting = Backorder(
                order_number=event.order_number,
                quantity=event.quantity,
                priority=event.priority,
                queued_at=event.queued_at,
                country=event.country,
                region=event.region,
                held_at=event.held_at,
            )
            place = bisect_right(item.queue, _turn(waiting), key=_turn)
            return replace(item, queue=(*item.queue[:place], waiting, *item.queue[place:]))
        case BackorderFilled():
            filled = dict(item.filled.get(event.order_number, {}))
            for part in event.allocations:
                filled[part.location] = filled.get(part.location, 0) + part.quantity
            return replace(
                _changed(item, event.allocations, reserved=1),
                queue=_waits_for(item.queue, event.order_number, event.still_waiting, tuple(filled)),
                filled={**item.filled, event.order_number: filled},
            )
        case BackorderHandedOver():
            return replace(item, filled=_without(item.filled, event.order_number))
        case BackorderWithdrawn():
            return replace(
                item,
                queue=_waits_for(item.queue, event.order_number, 0),
                filled=_without(item.filled, event.order_number),
            )


def _turn(waiting: Backorder) -> tuple[int, datetime]:
    return -waiting.priority, waiting.queued_at


def _waits_for(
    queue: tuple[Backorder, ...], order_number: str, quantity: int, filled_at: tuple[str, ...] = ()
) -> tuple[Backorder, ...]:
    """The queue in which an order waits for so many units. Mostly it stands first, where slicing is cheap."""
    for place, waiting in enumerate(queue):
        if waiting.order_number == order_number:
            held_at = tuple(dict.fromkeys((*waiting.held_at, *filled_at)))
            kept = (replace(waiting, quantity=quantity, held_at=held_at),) if quantity else ()
            return queue[:place] + kept + queue[place + 1 :]
    return queue


def _without(filled: dict[str, dict[str, int]], order_number: str) -> dict[str, dict[str, int]]:
    return {order: units for order, units in filled.items() if order != order_number}


def _changed(item: StockItem, allocations: Sequence[LocatedQuantity], *, reserved: int) -> StockItem:
    shelves = dict(item.shelves)
    for part in allocations:
        shelf = shelves.get(part.location, EMPTY)
        shelves[part.location] = Shelf(shelf.on_hand, shelf.reserved + reserved * part.quantity)
    return _with_shelves(item, shelves)


def _moved(item: StockItem, location: str, units: int) -> StockItem:
    shelf = item.shelf(location)
    return _at(item, location, shelf.on_hand + units, shelf.reserved)


def _at(item: StockItem, location: str, on_hand: int, reserved: int) -> StockItem:
    return _with_shelves(item, {**item.shelves, location: Shelf(on_hand, reserved)})


def _with_shelves(item: StockItem, shelves: dict[str, Shelf]) -> StockItem:
    # Spelt out because every reservation comes through here, and dataclasses.replace() costs three times as much.
    after = StockItem(
        shelves=shelves,
        safety_stock=item.safety_stock,
        reorder_point=item.reorder_point,
        low=item.low,
        queue=item.queue,
        filled=item.filled,
    )
    return replace(after, low=False) if after.low and after.promisable() >= after.reorder_point else after

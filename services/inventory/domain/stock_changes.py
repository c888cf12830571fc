"""Changes that a person or a warehouse makes to one SKU. None may leave less on hand than is reserved."""

from collections.abc import Sequence

from services.inventory.domain.policy import Policy
from services.inventory.domain.stock import STOCK, StockItem, evolve, settled
from shared.events.inventory import (
    AdjustStock,
    CountStock,
    ReceiveStock,
    SetStockLevels,
    StockAdjusted,
    StockChangeRefused,
    StockLevelsSet,
    StockReceived,
    StockTransferred,
    TransferStock,
)
from shared.events.payload import Event
from shared.eventsourcing.decider import Context, Decision, Recorded, Reply, States

MOST_ON_HAND = 10**9
"""Units at one location: more could not be stated by any message."""


def receive(policy: Policy, states: States, message: ReceiveStock, context: Context) -> Decision:
    """Units arrived."""
    item = states.of(STOCK, message.sku)
    if fault := _fault(item, message.sku, message.location, message.quantity):
        return _refused(item, message.sku, message.location, message.quantity, fault)
    received = StockReceived(sku=message.sku, location=message.location, quantity=message.quantity)
    return _accepted(policy, item, message.sku, (received,), context)


def adjust(policy: Policy, states: States, message: AdjustStock, context: Context) -> Decision:
    """On hand is corrected by a difference."""
    item = states.of(STOCK, message.sku)
    if fault := _fault(item, message.sku, message.location, message.change):
        return _refused(item, message.sku, message.location, message.change, fault)
    if message.change == 0:
        return _accepted(policy, item, message.sku, (), context)
    adjusted = StockAdjusted(
        sku=message.sku, location=message.location, change=message.change, cause=message.cause
    )
    return _accepted(policy, item, message.sku, (adjusted,), context)


def count(policy: Policy, states: States, message: CountStock, context: Context) -> Decision:
    """A count found so many units: on hand is corrected by the difference."""
    item = states.of(STOCK, message.sku)
    change = message.counted - item.shelf(message.location).on_hand
    if fault := _fault(item, message.sku, message.location, change):
        return _refused(item, message.sku, message.location, change, fault)
    if change == 0:
        return _accepted(policy, item, message.sku, (), context)
    adjusted = StockAdjusted(sku=message.sku, location=message.location, change=change, cause="count")
    return _accepted(policy, item, message.sku, (adjusted,), context)


def transfer(policy: Policy, states: States, message: TransferStock, context: Context) -> Decision:
    """Units that nobody reserved move to another location."""
    item = states.of(STOCK, message.sku)
    if fault := _fault(item, message.sku, message.origin, -message.quantity):
        return _refused(item, message.sku, message.origin, -message.quantity, fault)
    if message.origin == message.destination:
        return _accepted(policy, item, message.sku, (), context)
    if fault := _fault(item, message.sku, message.destination, message.quantity):
        return _refused(item, message.sku, message.destination, message.quantity, fault)
    transferred = StockTransferred(
        sku=message.sku, origin=message.origin, destination=message.destination, quantity=message.quantity
    )
    return _accepted(policy, item, message.sku, (transferred,), context)


def set_levels(policy: Policy, states: States, message: SetStockLevels, context: Context) -> Decision:
    """Safety stock and reorder point; a lower safety stock may serve orders that wait."""
    item = states.of(STOCK, message.sku)
    if (item.safety_stock, item.reorder_point) == (message.safety_stock, message.reorder_point):
        return _accepted(policy, item, message.sku, (), context)
    levels = StockLevelsSet(
        sku=message.sku, safety_stock=message.safety_stock, reorder_point=message.reorder_point
    )
    return _accepted(policy, item, message.sku, (levels,), context)


def _accepted(policy: Policy, item: StockItem, sku: str, changes: Sequence[Event], context: Context) -> Decision:
    decision = settled(policy, item, sku, changes, context.now)
    after = item
    for recorded in decision.events:
        after = evolve(after, recorded.event)
    body = {
        "sku": sku,
        "on_hand": sum(shelf.on_hand for shelf in after.shelves.values()),
        "reserved": sum(shelf.reserved for shelf in after.shelves.values()),
        "available": after.available(),
    }
    return decision + Decision(reply=Reply("accepted", body))


def _fault(item: StockItem, sku: str, location: str, change: int) -> str:
    """Why on hand can't change by so many units; empty when it can."""
    shelf = item.shelf(location)
    if shelf.on_hand + change < shelf.reserved:
        return (
            f"{location} has {shelf.on_hand} of {sku} on hand, {shelf.reserved} of them reserved: "
            f"a change by {change} would leave less on hand than is reserved"
        )
    if shelf.on_hand + change > MOST_ON_HAND:
        return f"{location} has {shelf.on_hand} of {sku} on hand and can't hold more than {MOST_ON_HAND}"
    return ""


def _refused(item: StockItem, sku: str, location: str, change: int, explanation: str) -> Decision:
    refused = StockChangeRefused(sku=sku, location=location, change=change, explanation=explanation)
    body = {"sku": sku, "location": location, "explanation": explanation}
    # Only units that are reserved stand in the way of taking some away.
    reserved = {"reserved": item.shelf(location).reserved} if change < 0 else {}
    return Decision(events=(Recorded(STOCK.stream(sku), refused),), reply=Reply("refused", {**body, **reserved}))

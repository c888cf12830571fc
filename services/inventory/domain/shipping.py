"""Goods that have left: on hand and reserved go down together."""

from services.inventory.domain.messages import BookDispatch
from services.inventory.domain.policy import Policy
from services.inventory.domain.reservation import RESERVATION, Unreserved, units_by_sku
from services.inventory.domain.stock import STOCK, StockItem, located, settled
from shared.events.inventory import (
    FulfilmentShipped,
    StockAllocated,
    StockChangeRefused,
    StockDeallocated,
    StockShipped,
)
from shared.events.payload import Event
from shared.events.shipping import ShipmentDispatched
from shared.eventsourcing.decider import NOTHING, Context, Decision, Recorded, Reminder, States


def book_dispatched(policy: Policy, states: States, message: ShipmentDispatched, context: Context) -> Decision:
    """A parcel left; told twice, it has left once."""
    return _booked(policy, states, message, tuple(dict.fromkeys(line.sku for line in message.lines)), context)


def book_dispatch(policy: Policy, states: States, message: BookDispatch, context: Context) -> Decision:
    """A dispatch again, with every SKU of its fulfilment named."""
    return _booked(policy, states, message.dispatch, message.skus, context)


def _booked(
    policy: Policy, states: States, dispatch: ShipmentDispatched, named: tuple[str, ...], context: Context
) -> Decision:
    reservation = states.of(RESERVATION, dispatch.order_number)
    if dispatch.fulfilment_id in reservation.shipped:
        return NOTHING
    live = () if isinstance(reservation, Unreserved) else reservation.fulfilments
    planned = units_by_sku(plan for plan in live if plan.fulfilment_id == dispatch.fulfilment_id)
    unnamed = [sku for sku in planned if sku not in named]
    if unnamed:
        again = BookDispatch(dispatch=dispatch, skus=(*named, *unnamed))
        return Decision(reminders=(Reminder(context.now, again),))
    left: dict[str, int] = {}
    for line in dispatch.lines:
        left[line.sku] = left.get(line.sku, 0) + line.quantity
    booked = [
        settled(
            policy, item, sku, _changes(item, sku, dispatch, left.get(sku, 0), planned.get(sku, {})), context.now
        )
        for sku in named
        for item in [states.of(STOCK, sku)]
    ]
    shipped = FulfilmentShipped(order_number=dispatch.order_number, fulfilment_id=dispatch.fulfilment_id)
    return sum(booked, NOTHING) + Decision(events=(Recorded(RESERVATION.stream(dispatch.order_number), shipped),))


def _changes(
    item: StockItem, sku: str, dispatch: ShipmentDispatched, left: int, planned: dict[str, int]
) -> list[Event]:
    """What left of one SKU. What left without being reserved is taken from what nobody reserved, and what
    the books do not hold is reported for a count; what was reserved and did not leave becomes available again.
    A fulfilment is planned at one location: when it left from another, none of it was reserved there."""
    reserved = min(left, planned.get(dispatch.location, 0))
    spare = item.shelf(dispatch.location).on_hand - item.shelf(dispatch.location).reserved
    unreserved = min(left - reserved, spare)
    unknown = left - reserved - unreserved
    stayed = {location: units - reserved for location, units in planned.items() if units > reserved}
    changes: list[Event] = []
    if stayed:
        changes.append(StockDeallocated(sku=sku, order_number=dispatch.order_number, allocations=located(stayed)))
    if unreserved:
        taken = located({dispatch.location: unreserved})
        changes.append(StockAllocated(sku=sku, order_number=dispatch.order_number, allocations=taken))
    if reserved + unreserved:
        changes.append(
            StockShipped(
                sku=sku,
                order_number=dispatch.order_number,
                location=dispatch.location,
                quantity=reserved + unreserved,
            )
        )
    if unknown:
        explanation = (
            f"{unknown} of {sku} left {dispatch.location} in {dispatch.fulfilment_id} that were neither "
            "reserved for it nor free on hand: count the location"
        )
        changes.append(
            StockChangeRefused(sku=sku, location=dispatch.location, change=-unknown, explanation=explanation)
        )
    return changes

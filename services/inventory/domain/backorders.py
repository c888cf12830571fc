"""Units that arrived for an order that waits, on their way from their SKU to the order's reservation."""

from services.inventory.domain.messages import HandOverBackorder
from services.inventory.domain.reservation import RESERVATION, Waiting, share_out
from services.inventory.domain.stock import STOCK, located
from shared.events.inventory import BackorderHandedOver, StockBackordered, StockReserved
from shared.events.values import FulfilmentPlan, RequestedLine
from shared.eventsourcing.decider import NOTHING, Context, Decision, Recorded, States


def hand_over(states: States, message: HandOverBackorder, context: Context) -> Decision:
    """The reservation takes all that its SKU holds ready for it; a second call finds nothing there.

    A release or an expiry takes back what is ready, so units that are ready always belong to one who waits.
    """
    item = states.of(STOCK, message.sku)
    reservation = states.of(RESERVATION, message.order_number)
    units = item.filled.get(message.order_number)
    if not units or not isinstance(reservation, Waiting):
        return NOTHING
    handed_over = BackorderHandedOver(
        sku=message.sku, order_number=message.order_number, allocations=located(units)
    )
    answer = _grown(reservation, message, units)
    return Decision(
        events=(
            Recorded(STOCK.stream(message.sku), handed_over),
            Recorded(RESERVATION.stream(message.order_number), answer),
        )
    )


def _grown(
    reservation: Waiting, message: HandOverBackorder, units: dict[str, int]
) -> StockReserved | StockBackordered:
    """The reservation with these units: whole if nothing else is missing."""
    awaited = [
        RequestedLine(line_id=shortage.line_id, sku=shortage.sku, quantity=shortage.missing)
        for shortage in reservation.waiting
        if shortage.sku == message.sku
    ]
    parts, still_missing = share_out(awaited, {message.sku: units})
    others = tuple(shortage for shortage in reservation.waiting if shortage.sku != message.sku)
    waiting = others + still_missing
    fulfilments = _with_parts(reservation, message.order_number, parts)
    if waiting:
        return StockBackordered(
            order_number=message.order_number,
            waiting=waiting,
            fulfilments=fulfilments,
            expires_at=reservation.expires_at,
        )
    return StockReserved(
        order_number=message.order_number, fulfilments=fulfilments, expires_at=reservation.expires_at
    )


def _with_parts(
    reservation: Waiting, order_number: str, parts: dict[str, list[RequestedLine]]
) -> tuple[FulfilmentPlan, ...]:
    """Units join the fulfilment at their location, or begin a new one."""
    plans = {plan.location: plan for plan in reservation.fulfilments}
    number = reservation.numbered
    for location, lines in parts.items():
        plan = plans.get(location)
        if plan is None:
            number += 1
            plans[location] = FulfilmentPlan(
                fulfilment_id=f"{order_number}-F{number}", location=location, lines=tuple(lines)
            )
        else:
            plans[location] = plan.model_copy(update={"lines": _joined(plan.lines, lines)})
    return tuple(plans.values())


def _joined(lines: tuple[RequestedLine, ...], more: list[RequestedLine]) -> tuple[RequestedLine, ...]:
    joined = {line.line_id: line for line in lines}
    for line in more:
        present = joined.get(line.line_id)
        quantity = line.quantity + (present.quantity if present else 0)
        joined[line.line_id] = line.model_copy(update={"quantity": quantity})
    return tuple(joined.values())

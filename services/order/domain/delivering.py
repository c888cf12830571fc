"""From confirmation to the last delivery: each fulfilment goes its way, and waits while a hold is open."""

from typing import Literal

from services.order.domain.capturing import capture
from services.order.domain.case import Case
from services.order.domain.compensating import compensate
from services.order.domain.delivery import Fulfilment
from services.order.domain.holds import hold, release_on, stands_still
from services.order.domain.messages import FulfilmentOverdue
from services.order.domain.order import Cancelling, Completed, Confirmed
from services.order.domain.placement import Placement, Shipping, delivery_of
from shared.events.order import (
    FulfilmentProgressed,
    HoldReason,
    OrderCompleted,
)
from shared.events.payload import Command
from shared.events.shipping import (
    HoldShipment,
    LabelRefused,
    RequestShipment,
    ResumeShipment,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentExceptionRaised,
)
from shared.events.values import OrderContent
from shared.eventsourcing.decider import NOTHING, Decision, Recorded, Reminder

NOT_DONE_BY_LEAVING: tuple[HoldReason, ...] = ("capture_refused", "delivery_exception")
"""What a parcel that has left may still be held for: its money, and its way."""

_Status = Literal["requested", "held", "dispatched", "delivered"]


def align(case: Case, order: Confirmed, placement: Shipping) -> Decision:
    """Hold the shipments that have to stand still; request those that may leave, or resume them."""
    events: list[Recorded] = []
    commands: list[Command] = []
    reminders: list[Reminder] = []
    delivery = placement.delivery
    unsecured = delivery.cover in ("lapsed", "authorising") or delivery.stock != "kept"
    for one in delivery.at_hand:
        still = unsecured or stands_still(order, one.fulfilment_id)
        if still and one.status == "requested":
            events += case.of_placement(_progressed(case, one.fulfilment_id, "held"))
            commands.append(HoldShipment(order_number=case.number, fulfilment_id=one.fulfilment_id))
        elif not still and one.status != "requested":
            events += case.of_placement(_progressed(case, one.fulfilment_id, "requested"))
            ask = _request if one.status == "planned" else _resume
            commands.append(ask(case, order.content, one))
            reminders.append(_dispatch_deadline(case, order.content, one.fulfilment_id, one.waits + 1))
    return Decision(tuple(events), tuple(commands), tuple(reminders))


def redirect(case: Case, order: Confirmed, placement: Shipping) -> Decision:
    """Send the shipments that are under way to the corrected address; those that stand still get it later."""
    commands: list[Command] = []
    for one in placement.delivery.at_hand:
        if one.status == "requested":
            commands.append(HoldShipment(order_number=case.number, fulfilment_id=one.fulfilment_id))
            commands.append(_resume(case, order.content, one))
    return Decision(commands=tuple(commands))


def complete(case: Case, order: Confirmed, placement: Shipping) -> Decision:
    """End the order once everything is delivered and charged, and nothing uncaptured is left set aside."""
    delivery = placement.delivery
    if not delivery.done or delivery.cover == "voiding" or stands_still(order):
        return NOTHING
    if delivery.cover != "voided" and (delivery.captured < delivery.authorised or delivery.cover == "authorising"):
        return compensate(case, ("payment",))
    completed = OrderCompleted(
        order_number=case.number, charged=delivery.captured, currency=order.content.currency
    )
    return Decision(case.of_order(completed))


def dispatched(case: Case, message: ShipmentDispatched) -> Decision:
    """The parcel has left: from here on its money is collected, and nothing of it is taken back."""
    fulfilment = _at_hand(case.placement, message.fulfilment_id)
    if fulfilment is None:
        return NOTHING
    progressed = case.of_placement(_progressed(case, fulfilment.fulfilment_id, "dispatched"))
    left = Decision(
        progressed + release_on(case, fulfilment.fulfilment_id, besides=NOT_DONE_BY_LEAVING),
        reminders=(_delivery_deadline(case, fulfilment.fulfilment_id, fulfilment.waits + 1),),
    )
    return left + capture(case, fulfilment)


def delivered(case: Case, message: ShipmentDelivered) -> Decision:
    """The customer has the goods; a delivery that is reported first stands for the dispatch as well."""
    fulfilment = delivery_of(case.placement).find(message.fulfilment_id)
    if fulfilment is None or fulfilment.status in ("delivered", "cancelled"):
        return NOTHING
    progressed = case.of_placement(_progressed(case, fulfilment.fulfilment_id, "delivered"))
    arrived = Decision(progressed + release_on(case, fulfilment.fulfilment_id, besides=("capture_refused",)))
    return arrived + capture(case, fulfilment) if fulfilment.at_hand else arrived


def label_refused(case: Case, message: LabelRefused) -> Decision:
    """The carrier will not take the parcel: a person decides, and may correct the address."""
    fulfilment = _at_hand(case.placement, message.fulfilment_id)
    if fulfilment is None:
        return NOTHING
    explanation = f"The carrier refused the parcel: {message.explanation} ({message.refusal_code})"
    held = hold(case, "carrier_refused", explanation, fulfilment.fulfilment_id)
    if held and fulfilment.status != "held":
        held = case.of_placement(_progressed(case, fulfilment.fulfilment_id, "held")) + held
    return Decision(held)


def delivery_exception(case: Case, message: ShipmentExceptionRaised) -> Decision:
    """Something went wrong on the way: a person looks after the parcel until it is delivered.

    A parcel that was cancelled may be on its way nevertheless, also when the rest of the order is done.
    """
    fulfilment = delivery_of(case.placement).find(message.fulfilment_id)
    if fulfilment is None or fulfilment.status == "delivered" or isinstance(case.order, Completed):
        return NOTHING
    return Decision(hold(case, "delivery_exception", message.explanation, fulfilment.fulfilment_id))


def fulfilment_overdue(case: Case, message: FulfilmentOverdue) -> Decision:
    """Let a person look after a parcel that should have left, or arrived."""
    fulfilment = delivery_of(case.placement).find(message.fulfilment_id)
    if fulfilment is None or fulfilment.waits != message.wait:
        return NOTHING
    if fulfilment.status == "requested":
        explanation = "The parcel should have left by now."
    elif fulfilment.status == "dispatched":
        explanation = "The parcel should have arrived by now."
    else:
        return NOTHING
    return Decision(hold(case, "shipment_overdue", explanation, fulfilment.fulfilment_id))


def wait_again(case: Case, order: Confirmed | Cancelling, fulfilment: Fulfilment) -> Decision:
    """A person looked after an overdue parcel: the wait begins anew, and shipping is asked once more unless
    the parcel is being called back."""
    if fulfilment.status == "requested":
        wait = Decision(
            reminders=(_dispatch_deadline(case, order.content, fulfilment.fulfilment_id, fulfilment.waits),)
        )
        if isinstance(order, Cancelling):
            return wait
        return Decision(commands=(_request(case, order.content, fulfilment),)) + wait
    if fulfilment.status == "dispatched":
        return Decision(reminders=(_delivery_deadline(case, fulfilment.fulfilment_id, fulfilment.waits),))
    return NOTHING


def _request(case: Case, content: OrderContent, fulfilment: Fulfilment) -> RequestShipment:
    return RequestShipment(
        order_number=case.number,
        fulfilment_id=fulfilment.fulfilment_id,
        location=fulfilment.location,
        lines=fulfilment.lines,
        weight_grams=case.policy.weight_grams(sum(line.quantity for line in fulfilment.lines)),
        address=content.shipping_address,
        delivery=content.delivery,
        deliver_by=content.requested_delivery,
    )


def _resume(case: Case, content: OrderContent, fulfilment: Fulfilment) -> ResumeShipment:
    return ResumeShipment(
        order_number=case.number, fulfilment_id=fulfilment.fulfilment_id, address=content.shipping_address
    )


def _dispatch_deadline(case: Case, content: OrderContent, fulfilment_id: str, wait: int) -> Reminder:
    """When the parcel should have left: soon, or by the day the customer asked for."""
    at = case.context.now + case.policy.ship_within
    if content.requested_delivery is not None:
        at = max(at, content.requested_delivery)
    return Reminder(at, FulfilmentOverdue(order_number=case.number, fulfilment_id=fulfilment_id, wait=wait))


def _delivery_deadline(case: Case, fulfilment_id: str, wait: int) -> Reminder:
    overdue = FulfilmentOverdue(order_number=case.number, fulfilment_id=fulfilment_id, wait=wait)
    return Reminder(case.context.now + case.policy.deliver_within, overdue)


def _at_hand(placement: Placement, fulfilment_id: str) -> Fulfilment | None:
    fulfilment = delivery_of(placement).find(fulfilment_id)
    return fulfilment if fulfilment is not None and fulfilment.at_hand else None


def _progressed(case: Case, fulfilment_id: str, status: _Status) -> FulfilmentProgressed:
    return FulfilmentProgressed(order_number=case.number, fulfilment_id=fulfilment_id, status=status)

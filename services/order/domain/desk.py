"""What people decide about an order: holds, approval, cancellation, another payment."""

from services.order.domain.case import Case
from services.order.domain.compensating import cancel
from services.order.domain.holds import ALARMS, hold_for, open_holds, release
from services.order.domain.order import (
    Approved,
    Cancelled,
    Cancelling,
    Completed,
    Confirmed,
    Hold,
    InReview,
    NoOrder,
)
from services.order.domain.paying import pay, pay_for_the_rest
from services.order.domain.placement import AwaitingPayment, Idle, Shipping
from services.order.domain.review import Finding
from shared.events.order import (
    ApproveOrder,
    CancellationCause,
    CancellationRefused,
    CancelOrder,
    CommandRefused,
    OpenHold,
    OrderApproved,
    PayAgain,
    RejectOrder,
    ReleaseHold,
)
from shared.events.payload import Command
from shared.events.values import Address, OrderContent, PaymentMethod
from shared.eventsourcing.decider import Decision, Reply

NO_REASON = "A decision of a person needs a reason."
NO_ADDRESS = (
    "The hold {reason} stops nothing, so no address can be corrected by its release: hold the order, and correct"
    " the address by the release of that hold."
)


def release_hold(case: Case, message: ReleaseHold) -> Decision:
    """Release one hold by name; the last one of a review approves the order."""
    if isinstance(case.order, NoOrder):
        return not_found(case)
    found = [one for one in open_holds(case.order) if one.hold_id == message.hold_id]
    if not found:
        return _released_before(case, message, case.order.dossier.holds_opened)
    if not case.context.reason.strip():
        return refuse(case, message, NO_REASON)
    address = _corrected(case, message)
    if address is not None and found[0].reason in ALARMS:
        return refuse(case, message, NO_ADDRESS.format(reason=found[0].reason))
    released = release(case, found[0], address)
    answer = case.accepted("released")
    if isinstance(case.order, InReview) and _stopping(case) == found:
        approved = OrderApproved(order_number=case.number, automatic=False)
        return Decision(released + case.of_order(approved)) + answer
    return Decision(released) + answer


def open_hold(case: Case, message: OpenHold) -> Decision:
    """Stop work on the order by hand; the explanation is the reason."""
    match case.order:
        case NoOrder():
            return not_found(case)
        case Cancelling() | Cancelled() | Completed():
            return refuse(case, message, f"The order is {case.order.status}; there is nothing to hold.")
        case InReview(dossier=dossier) | Approved(dossier=dossier) | Confirmed(dossier=dossier):
            explanation = message.explanation.strip() or case.context.reason.strip()
    if not explanation:
        return refuse(case, message, NO_REASON)
    finding = Finding(reason="manual", owner=message.owner, explanation=explanation)
    opened = hold_for(case, [finding], dossier.holds_opened)
    body = {"order_number": case.number, "status": "held", "hold_id": f"H{dossier.holds_opened + 1}"}
    return Decision(opened, reply=Reply("accepted", body))


def approve(case: Case, message: ApproveOrder) -> Decision:
    """Release all holds that stop the whole order; an order in review is approved by it."""
    if refused := _not_to_be_decided(case, message):
        return refused
    released = tuple(event for one in _stopping(case) for event in release(case, one))
    if isinstance(case.order, InReview):
        approved = case.of_order(OrderApproved(order_number=case.number, automatic=False))
        return Decision(released + approved) + case.accepted("approved")
    return Decision(released) + case.accepted("released")


def reject(case: Case, message: RejectOrder) -> Decision:
    """Cancel an order that is in review, or stopped as a whole by a hold, unless all of it has left."""
    return _not_to_be_decided(case, message) or _cancel_unless_gone(case, "rejected")


def cancel_order(case: Case, message: CancelOrder) -> Decision:
    """Cancel what has not left."""
    match case.order:
        case NoOrder():
            return not_found(case)
        case Cancelling() | Cancelled():
            return case.accepted(case.order.status)
        case Completed():
            return refuse(case, message, "The order was delivered; it can't be cancelled any more.")
        case InReview() | Approved() | Confirmed():
            if not case.context.reason.strip():
                return refuse(case, message, NO_REASON)
    return _cancel_unless_gone(case, message.cause)


def pay_again(case: Case, message: PayAgain) -> Decision:
    """Try another payment method, while the window is open or an authorisation has lapsed."""
    match case.order, case.placement:
        case NoOrder(), _:
            return not_found(case)
        case _ if not complete_method(message.payment):
            return refuse(case, message, "A card needs a token, and a prepayment its reference.")
        case Approved(content=content), AwaitingPayment() as placement:
            if case.context.now >= placement.window_until:
                return refuse(
                    case, message, f"The time to pay again ended at {placement.window_until.isoformat()}."
                )
            # A hold keeps the order from being confirmed, not the customer from paying while there is time.
            paid = pay(case, content, placement.fulfilments, message.payment)
            return paid + case.accepted("authorising")
        case Confirmed(content=content), Shipping(delivery=delivery) as placement if delivery.cover == "lapsed":
            return _replace_lapsed(case, content, placement, message.payment)
        case _:
            return refuse(case, message, "The order is not waiting for a payment.")


def complete_method(payment: PaymentMethod) -> bool:
    """Whether a payment method holds what it is charged by."""
    return bool(payment.token.strip() if payment.kind == "card" else payment.reference.strip())


def not_found(case: Case) -> Decision:
    """The answer about an order that does not exist."""
    detail = f"There is no order {case.number}."
    return Decision(reply=Reply("not_found", {"order_number": case.number, "detail": detail}))


def refuse(case: Case, message: Command, explanation: str) -> Decision:
    """Keep who asked for what in vain, and say why."""
    refused = CommandRefused(order_number=case.number, command=message.wire_type, explanation=explanation)
    reply = Reply("refused", {"order_number": case.number, "detail": explanation})
    return Decision(case.of_order(refused), reply=reply)


def _not_to_be_decided(case: Case, message: ApproveOrder | RejectOrder) -> Decision | None:
    """The refusal of an approval or a rejection; None: the order waits for it."""
    match case.order:
        case NoOrder():
            return not_found(case)
        case Cancelling() | Cancelled() | Completed():
            explanation = f"The order is {case.order.status}; it can't be approved or rejected any more."
            return refuse(case, message, explanation)
        case Approved() | Confirmed() if not _stopping(case):
            explanation = f"The order is {case.order.status}, and no hold stops the whole of it."
            return refuse(case, message, explanation)
        case InReview() | Approved() | Confirmed():
            return None if case.context.reason.strip() else refuse(case, message, NO_REASON)


def _cancel_unless_gone(case: Case, cause: CancellationCause) -> Decision:
    if isinstance(case.placement, Shipping) and not case.placement.delivery.at_hand:
        gone = tuple(one.fulfilment_id for one in case.placement.delivery.fulfilments if one.left)
        refused = case.of_order(CancellationRefused(order_number=case.number, dispatched=gone))
        body = {
            "order_number": case.number,
            "detail": "Everything has left already.",
            "dispatched": list(gone),
        }
        return Decision(refused, reply=Reply("refused", body))
    status = "cancelled" if isinstance(case.placement, Idle) else "cancelling"
    return cancel(case, cause) + case.accepted(status)


def _replace_lapsed(case: Case, content: OrderContent, placement: Shipping, payment: PaymentMethod) -> Decision:
    lapsed = [one for one in open_holds(case.order) if one.reason == "authorisation_lapsed"]
    if any(one.reason != "authorisation_lapsed" for one in _stopping(case)):
        return refuse(
            case, PayAgain(order_number=case.number, payment=payment), "Another hold is open on the order."
        )
    released = tuple(event for one in lapsed for event in release(case, one))
    paid = pay_for_the_rest(case, content, placement, payment)
    return paid + Decision(released) + case.accepted("authorising")


def _stopping(case: Case) -> list[Hold]:
    return [one for one in open_holds(case.order) if one.reason not in ALARMS and not one.fulfilment_id]


def _released_before(case: Case, message: ReleaseHold, opened: int) -> Decision:
    if message.hold_id in {f"H{number}" for number in range(1, opened + 1)}:
        return case.accepted("released")
    detail = f"Order {case.number} has no hold {message.hold_id}."
    return Decision(reply=Reply("not_found", {"order_number": case.number, "detail": detail}))


def _corrected(case: Case, message: ReleaseHold) -> Address | None:
    changed = {
        name: value
        for name, value in (
            ("street", message.street.strip()),
            ("city", message.city.strip()),
            ("postal_code", message.postal_code.strip()),
        )
        if value
    }
    if not changed or isinstance(case.order, NoOrder | Cancelled | Completed):
        return None
    return case.order.content.shipping_address.model_copy(update=changed)

"""What people decide about an order: holds, approval, cancellation, another payment."""

from services.order.domain.case import Case
from services.order.domain.compensating import cancel
from services.order.domain.holds import ALARMS, hold_for, open_holds, release, stands_still
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


def release_hold(case: Case, message: ReleaseHold) -> Decision:
    """Release one hold by name; the last one of a review approves the order."""
    if isinstance(case.order, NoOrder):
        return not_found(case)
    found = [one for one in open_holds(case.order) if one.hold_id == message.hold_id]
    if not found:
        return _released_before(case, message, case.order.dossier.holds_opened)
    if not case.context.reason.strip():
        return refuse(case, message, NO_REASON)
    released = release(case, found[0], _corrected(case, message))
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
    """Approve an order in review, and release all that holds it."""
    match case.order:
        case NoOrder():
            return not_found(case)
        case InReview():
            if not case.context.reason.strip():
                return refuse(case, message, NO_REASON)
            released = tuple(event for one in open_holds(case.order) for event in release(case, one))
            approved = case.of_order(OrderApproved(order_number=case.number, automatic=False))
            return Decision(released + approved) + case.accepted("approved")
        case _:
            return refuse(case, message, f"The order is {case.order.status}, not in review.")


def reject(case: Case, message: RejectOrder) -> Decision:
    """Refuse an order in review."""
    match case.order:
        case NoOrder():
            return not_found(case)
        case InReview():
            if not case.context.reason.strip():
                return refuse(case, message, NO_REASON)
            return cancel(case, "rejected") + case.accepted(_cancelled_soon(case))
        case _:
            return refuse(case, message, f"The order is {case.order.status}, not in review.")


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
    if isinstance(case.placement, Shipping) and not case.placement.delivery.at_hand:
        gone = tuple(one.fulfilment_id for one in case.placement.delivery.fulfilments if one.left)
        refused = case.of_order(CancellationRefused(order_number=case.number, dispatched=gone))
        body = {
            "order_number": case.number,
            "detail": "Everything has left already.",
            "dispatched": list(gone),
        }
        return Decision(refused, reply=Reply("refused", body))
    return cancel(case, message.cause) + case.accepted(_cancelled_soon(case))


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
            if stands_still(case.order):
                return refuse(case, message, "A hold is open on the order; it has to be released first.")
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


def _cancelled_soon(case: Case) -> str:
    return "cancelled" if isinstance(case.placement, Idle) else "cancelling"

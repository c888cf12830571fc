"""Past the pivot: the money of a parcel that has left is collected, however often it takes."""

from services.order.domain.case import Case
from services.order.domain.delivery import Fulfilment
from services.order.domain.holds import hold, release_for
from services.order.domain.messages import CaptureDue, CaptureOverdue
from services.order.domain.order import content_of
from services.order.domain.placement import delivery_of
from shared.events.order import CaptureDelayed, FulfilmentCharged
from shared.events.payment import CapturePayment, CaptureRefused, PaymentCaptured
from shared.eventsourcing.decider import NOTHING, Decision, Reminder


def capture(case: Case, fulfilment: Fulfilment) -> Decision:
    """Collect the value of a fulfilment; what is worth nothing counts as charged."""
    currency = content_of(case.order).currency
    if fulfilment.amount == 0:
        charged = FulfilmentCharged(
            order_number=case.number, fulfilment_id=fulfilment.fulfilment_id, amount=0, currency=currency
        )
        return Decision(case.of_placement(charged))
    ask = CapturePayment(
        order_number=case.number,
        fulfilment_id=fulfilment.fulfilment_id,
        amount=fulfilment.amount,
        currency=currency,
    )
    overdue = CaptureOverdue(
        order_number=case.number, fulfilment_id=fulfilment.fulfilment_id, tries=fulfilment.tries
    )
    return Decision(commands=(ask,), reminders=(Reminder(case.context.now + case.policy.capture_within, overdue),))


def captured(case: Case, message: PaymentCaptured) -> Decision:
    """The money is there."""
    fulfilment = _uncharged(case, message.fulfilment_id)
    if fulfilment is None:
        return NOTHING
    charged = FulfilmentCharged(
        order_number=case.number,
        fulfilment_id=fulfilment.fulfilment_id,
        amount=message.amount,
        currency=message.currency,
    )
    released = release_for(case, "capture_refused", fulfilment.fulfilment_id)
    return Decision(case.of_placement(charged) + released)


def capture_refused(case: Case, message: CaptureRefused) -> Decision:
    """Try again later, each time later; in the end a person looks."""
    fulfilment = _uncharged(case, message.fulfilment_id)
    return NOTHING if fulfilment is None else _fail(case, fulfilment, message.refusal_code)


def capture_overdue(case: Case, message: CaptureOverdue) -> Decision:
    """No answer counts as a failure."""
    fulfilment = _uncharged(case, message.fulfilment_id)
    if fulfilment is None or fulfilment.tries != message.tries:
        return NOTHING
    return _fail(case, fulfilment, "no_answer")


def capture_due(case: Case, message: CaptureDue) -> Decision:
    """Try again."""
    fulfilment = _uncharged(case, message.fulfilment_id)
    if fulfilment is None or fulfilment.tries != message.tries:
        return NOTHING
    return capture(case, fulfilment)


def _fail(case: Case, fulfilment: Fulfilment, refusal_code: str) -> Decision:
    tries = fulfilment.tries + 1
    failed = case.of_placement(
        CaptureDelayed(
            order_number=case.number,
            fulfilment_id=fulfilment.fulfilment_id,
            tries=tries,
            refusal_code=refusal_code,
        )
    )
    if tries >= case.policy.capture_attempts:
        explanation = (
            f"The parcel has left, and its payment could not be collected {tries} times ({refusal_code})."
        )
        return Decision(failed + hold(case, "capture_refused", explanation, fulfilment.fulfilment_id))
    due = CaptureDue(order_number=case.number, fulfilment_id=fulfilment.fulfilment_id, tries=tries)
    at = case.context.now + case.policy.capture_backoff * 2 ** (tries - 1)
    return Decision(failed, reminders=(Reminder(at, due),))


def _uncharged(case: Case, fulfilment_id: str) -> Fulfilment | None:
    fulfilment = delivery_of(case.placement).find(fulfilment_id)
    if fulfilment is None or fulfilment.charged or not fulfilment.left:
        return None
    return fulfilment

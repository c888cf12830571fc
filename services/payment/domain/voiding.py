"""Letting go of an order's authorisations, also of those still under way, and what the gateway answers."""

from datetime import datetime

from services.payment.domain.asking import anomaly, ask_again_reminder, outcome_unknown
from services.payment.domain.letting_go import alive, letting_go, stands
from services.payment.domain.messages import VoidAnswered
from services.payment.domain.payment import Authorisation, Payment, Question, facts
from services.payment.domain.policy import Policy
from shared.events.payment import (
    AuthorisationVoided,
    PaymentVoided,
    VoidPayment,
    VoidRefused,
    VoidStarted,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision

NOTHING_LEFT = frozenset({"already_voided", "already_captured", "declined", "not_found"})
"""Refusals of a void which say that nothing is set aside there: it was let go, collected, or never was."""


def void(payment: Payment, command: VoidPayment, _: Context, __: Policy) -> Decision:
    """Let go of every attempt up to now; the answer comes when nothing of them is under way."""
    order_number = command.order_number
    if payment.void_owed and not any(stands(attempt) and not attempt.let_go for attempt in alive(payment)):
        return NOTHING
    if not any(stands(attempt) for attempt in alive(payment)):
        voided = PaymentVoided(order_number=order_number, amount=0, currency=payment.currency)
        return Decision(events=facts(order_number, voided))
    started = VoidStarted(order_number=order_number, attempt=payment.last_attempt)
    return Decision(events=facts(order_number, *letting_go(payment, order_number, started)))


def void_answered(payment: Payment, answer: VoidAnswered, context: Context, policy: Policy) -> Decision:
    """The gateway let go, or says that nothing is left; another refusal can't stand and is asked anew."""
    authorisation = payment.authorisation(answer.authorisation_id)
    if (
        authorisation is None
        or authorisation.void is None
        or authorisation.void.idempotency_key != answer.idempotency_key
    ):
        return NOTHING
    if answer.outcome == "unknown":
        return outcome_unknown(authorisation.void, answer, context, policy)
    expected = authorisation.uncaptured
    named = f"authorisation {authorisation.authorisation_id}"
    if answer.outcome == "voided":
        differs = answer.amount != expected
        surprise = f"the gateway let go of {answer.amount} instead of {expected} ({named})" if differs else ""
        return _voided(payment, authorisation, answer, surprise, let_go=answer.amount)
    surprise = f"the gateway refused to void {expected} with {answer.code or 'no code'} ({named})"
    if answer.code in NOTHING_LEFT:
        let_go = expected if answer.code == "already_voided" else 0
        captured = expected if answer.code == "already_captured" else 0
        return _voided(payment, authorisation, answer, surprise, let_go=let_go, captured_unrecorded=captured)
    ask_again_at = context.now + policy.back_off.after(authorisation.voids)
    return _refused(payment, authorisation.void, answer, surprise, ask_again_at)


def _voided(
    payment: Payment,
    authorisation: Authorisation,
    answer: VoidAnswered,
    surprise: str,
    *,
    let_go: int,
    captured_unrecorded: int = 0,
) -> Decision:
    """Nothing is set aside there any longer; what became of it is recorded as the gateway tells it."""
    voided = AuthorisationVoided(
        order_number=answer.order_number,
        attempt=authorisation.attempt,
        authorisation_id=authorisation.authorisation_id,
        amount=let_go,
        currency=authorisation.currency,
        expected=None if let_go == authorisation.uncaptured else authorisation.uncaptured,
        captured_unrecorded=captured_unrecorded,
    )
    events = letting_go(payment, answer.order_number, voided)
    if surprise:
        events += anomaly(payment, answer.order_number, surprise)
    return Decision(events=facts(answer.order_number, *events))


def _refused(
    payment: Payment, question: Question, answer: VoidAnswered, surprise: str, ask_again_at: datetime
) -> Decision:
    """A compensation does not fail: a person is told, and the void is asked again under a new key."""
    if question.waiting:
        return NOTHING
    refused = VoidRefused(
        order_number=answer.order_number,
        idempotency_key=question.idempotency_key,
        refusal_code=answer.code or "refused",
        ask_again_at=ask_again_at,
    )
    return Decision(
        events=facts(answer.order_number, refused, *anomaly(payment, answer.order_number, surprise)),
        reminders=(ask_again_reminder(answer.order_number, question, ask_again_at),),
    )

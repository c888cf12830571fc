"""Unknown outcomes: the gateway is asked again under the same key, later and later."""

from collections.abc import Iterator
from datetime import datetime

from services.payment.domain.keys import void_key
from services.payment.domain.letting_go import letting_go
from services.payment.domain.messages import (
    AskGatewayAgain,
    AuthorisationAnswered,
    CaptureAnswered,
    RefundAnswered,
    RenewalAnswered,
    VoidAnswered,
)
from services.payment.domain.payment import (
    Authorisation,
    Declined,
    Payment,
    Question,
    Requested,
    facts,
)
from services.payment.domain.policy import Policy
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisationRenewalRequested,
    AuthorisationRequested,
    CaptureRequested,
    GatewayOutcomeUnknown,
    PaymentAnomalyDetected,
    RefundRequested,
    VoidRequested,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision, Reminder

Answer = AuthorisationAnswered | CaptureAnswered | VoidAnswered | RenewalAnswered | RefundAnswered


def outcome_unknown(
    question: Question, answer: Answer, context: Context, policy: Policy, not_after: datetime | None = None
) -> Decision:
    """Wait and ask again, at `not_after` at the latest; an unknown outcome heard twice is one."""
    if question.waiting or answer.asked != question.asked:
        return NOTHING
    ask_again_at = context.now + policy.back_off.after(question.asked)
    if not_after is not None and context.now < not_after < ask_again_at:
        ask_again_at = not_after
    unknown = GatewayOutcomeUnknown(
        order_number=answer.order_number,
        idempotency_key=question.idempotency_key,
        explanation=answer.explanation,
        ask_again_at=ask_again_at,
    )
    return Decision(
        events=facts(answer.order_number, unknown),
        reminders=(ask_again_reminder(answer.order_number, question, ask_again_at),),
    )


def ask_again_reminder(order_number: str, question: Question, at: datetime) -> Reminder:
    """Asks the question once more at a time, if it is still open then."""
    return Reminder(
        at,
        AskGatewayAgain(order_number=order_number, idempotency_key=question.idempotency_key, asked=question.asked),
    )


def ask_again(payment: Payment, reminder: AskGatewayAgain, context: Context, _: Policy) -> Decision:
    """The same question once more; nothing if it was answered or asked meanwhile."""
    for question, intent in _questions(payment, reminder.order_number, context.now):
        if question.idempotency_key == reminder.idempotency_key:
            stale = not question.waiting or question.asked != reminder.asked
            if stale:
                return NOTHING
            events = letting_go(payment, reminder.order_number, intent)
            return Decision(events=facts(reminder.order_number, *events))
    return NOTHING


def anomaly(payment: Payment, order_number: str, explanation: str) -> tuple[Event, ...]:
    """States a contradiction once."""
    if explanation in payment.anomalies:
        return ()
    return (PaymentAnomalyDetected(order_number=order_number, explanation=explanation),)


def ask_authorisation(order_number: str, requested: Requested) -> AuthorisationRequested:
    """The fact that asks for an authorisation once more."""
    return AuthorisationRequested(
        order_number=order_number,
        attempt=requested.attempt,
        amount=requested.amount,
        currency=requested.currency,
        payment=requested.payment,
        idempotency_key=requested.question.idempotency_key,
        asked=requested.question.asked + 1,
    )


def _questions(payment: Payment, order_number: str, now: datetime) -> Iterator[tuple[Question, Event]]:
    """Every open question with the fact that asks it once more."""
    for attempt in payment.attempts:
        match attempt:
            case Requested(question=question):
                yield question, ask_authorisation(order_number, attempt)
            case Authorisation():
                yield from _questions_of(attempt, order_number, now)
            case Declined():
                pass
    for capture in payment.captures:
        if capture.request is not None:
            yield (
                capture.request.question,
                CaptureRequested(
                    order_number=order_number,
                    fulfilment_id=capture.fulfilment_id,
                    authorisation_id=capture.request.authorisation_id,
                    amount=capture.request.amount,
                    currency=capture.currency,
                    idempotency_key=capture.request.question.idempotency_key,
                    asked=capture.request.question.asked + 1,
                    whole=None if capture.request.amount == capture.amount else capture.amount,
                ),
            )
    for refund in payment.refunds:
        if refund.request is not None:
            yield (
                refund.request.question,
                RefundRequested(
                    order_number=order_number,
                    refund_id=refund.refund_id,
                    capture_id=refund.request.capture_id,
                    amount=refund.request.amount,
                    currency=refund.currency,
                    idempotency_key=refund.request.question.idempotency_key,
                    asked=refund.request.question.asked + 1,
                    whole=None if refund.request.amount == refund.amount else refund.amount,
                ),
            )


def _questions_of(
    authorisation: Authorisation, order_number: str, now: datetime
) -> Iterator[tuple[Question, Event]]:
    void, renewal = authorisation.void, authorisation.renewal
    if void is not None:
        again = (
            (void_key(order_number, authorisation.attempt, authorisation.voids + 1), 1)
            if void.refused
            else (void.idempotency_key, void.asked + 1)
        )
        yield (
            void,
            VoidRequested(
                order_number=order_number,
                authorisation_id=authorisation.authorisation_id,
                idempotency_key=again[0],
                asked=again[1],
            ),
        )
    if renewal is not None:
        named = {"order_number": order_number, "authorisation_id": authorisation.authorisation_id}
        if authorisation.expires_at <= now:
            yield renewal, AuthorisationLapsed(**named)
        else:
            yield (
                renewal,
                AuthorisationRenewalRequested(
                    **named, idempotency_key=renewal.idempotency_key, asked=renewal.asked + 1
                ),
            )

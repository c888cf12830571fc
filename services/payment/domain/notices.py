"""Notices of the gateway: they agree with the record, tell an outcome that is still open, or contradict."""

from services.payment.domain.asking import anomaly, ask_authorisation
from services.payment.domain.authorising import authorisation_answered
from services.payment.domain.capturing import capture_answered
from services.payment.domain.keys import authorisation_key
from services.payment.domain.messages import (
    AuthorisationAnswered,
    CaptureAnswered,
    GatewayNotified,
    RefundAnswered,
    VoidAnswered,
)
from services.payment.domain.payment import Attempt, Authorisation, Declined, Payment, Requested, facts
from services.payment.domain.policy import Policy
from services.payment.domain.refunding import refund_answered
from services.payment.domain.voiding import void_answered
from shared.eventsourcing.decider import NOTHING, Context, Decision, Reply


def notified(payment: Payment, notice: GatewayNotified, context: Context, policy: Policy) -> Decision:
    """Judge one notice; it is accepted whatever it says."""
    match notice.kind:
        case "authorised":
            decision = _authorised(payment, notice)
        case "declined":
            decision = _declined(payment, notice, context, policy)
        case "captured":
            decision = _captured(payment, notice, context, policy)
        case "voided":
            decision = _voided(payment, notice, context, policy)
        case "refunded":
            decision = _refunded(payment, notice, context, policy)
    return decision + Decision(reply=Reply("accepted"))


def _authorised(payment: Payment, notice: GatewayNotified) -> Decision:
    """A notice does not tell when the authorisation expires: an outcome that was unknown is asked at once."""
    match _attempt_under(payment, notice):
        case Requested(question=question) as attempt if _is_about(attempt, notice):
            if question.waiting:
                return Decision(events=facts(notice.order_number, ask_authorisation(notice.order_number, attempt)))
            return NOTHING
        case Authorisation() as attempt if (
            _is_about(attempt, notice) and attempt.authorisation_id == notice.operation_id
        ):
            return NOTHING
        case _:
            return _contradiction(payment, notice)


def _declined(payment: Payment, notice: GatewayNotified, context: Context, policy: Policy) -> Decision:
    match _attempt_under(payment, notice):
        case Requested(question=question) as attempt if _is_about(attempt, notice):
            answer = AuthorisationAnswered(
                order_number=notice.order_number,
                attempt=attempt.attempt,
                idempotency_key=notice.idempotency_key,
                asked=question.asked,
                outcome="declined",
                code=notice.code,
            )
            return authorisation_answered(payment, answer, context, policy)
        case Declined():
            return NOTHING
        case _:
            return _contradiction(payment, notice)


def _captured(payment: Payment, notice: GatewayNotified, context: Context, policy: Policy) -> Decision:
    for captured in payment.captures:
        request = captured.request
        if (
            request is not None
            and request.question.idempotency_key == notice.idempotency_key
            and (request.amount, captured.currency) == (notice.amount, notice.currency)
        ):
            answer = CaptureAnswered(
                order_number=notice.order_number,
                fulfilment_id=captured.fulfilment_id,
                idempotency_key=notice.idempotency_key,
                asked=request.question.asked,
                outcome="captured",
                capture_id=notice.operation_id,
            )
            return capture_answered(payment, answer, context, policy)
        told = (notice.operation_id, notice.amount)
        if any((part.capture_id, part.amount) == told for part in captured.parts):
            return NOTHING
    return _contradiction(payment, notice)


def _voided(payment: Payment, notice: GatewayNotified, context: Context, policy: Policy) -> Decision:
    authorisation = payment.authorisation(notice.authorisation_id)
    if authorisation is None or authorisation.currency != notice.currency:
        return _contradiction(payment, notice)
    if authorisation.void is not None and authorisation.void.idempotency_key == notice.idempotency_key:
        answer = VoidAnswered(
            order_number=notice.order_number,
            authorisation_id=authorisation.authorisation_id,
            idempotency_key=notice.idempotency_key,
            asked=authorisation.void.asked,
            outcome="voided",
            amount=notice.amount,
        )
        return void_answered(payment, answer, context, policy)
    if authorisation.status == "voided" and authorisation.voided == notice.amount:
        return NOTHING
    return _contradiction(payment, notice)


def _refunded(payment: Payment, notice: GatewayNotified, context: Context, policy: Policy) -> Decision:
    for known in payment.refunds:
        request = known.request
        if (
            request is not None
            and request.question.idempotency_key == notice.idempotency_key
            and (request.amount, known.currency) == (notice.amount, notice.currency)
        ):
            answer = RefundAnswered(
                order_number=notice.order_number,
                refund_id=known.refund_id,
                idempotency_key=notice.idempotency_key,
                asked=request.question.asked,
                outcome="refunded",
            )
            return refund_answered(payment, answer, context, policy)
        if any(
            (part.idempotency_key, part.amount) == (notice.idempotency_key, notice.amount) for part in known.parts
        ):
            return NOTHING
    return _contradiction(payment, notice)


def _attempt_under(payment: Payment, notice: GatewayNotified) -> Attempt | None:
    keys = {authorisation_key(notice.order_number, known.attempt): known for known in payment.attempts}
    return keys.get(notice.idempotency_key)


def _is_about(attempt: Requested | Authorisation, notice: GatewayNotified) -> bool:
    return (attempt.amount, attempt.currency) == (notice.amount, notice.currency)


def _contradiction(payment: Payment, notice: GatewayNotified) -> Decision:
    explanation = (
        f"the gateway tells of {notice.amount} {notice.currency} {notice.kind} ({notice.operation_id}, "
        f"key {notice.idempotency_key}), which is not what is recorded"
    )
    return Decision(events=facts(notice.order_number, *anomaly(payment, notice.order_number, explanation)))

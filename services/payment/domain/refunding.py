"""Paying back what was captured, never more."""

from collections.abc import Iterator

from services.payment.domain.asking import anomaly, outcome_unknown
from services.payment.domain.evolve import evolve
from services.payment.domain.keys import refund_key
from services.payment.domain.messages import RefundAnswered
from services.payment.domain.payment import PREPAID, CapturedPart, Payment, Refund, facts
from services.payment.domain.policy import Policy
from shared.events.payload import Event
from shared.events.payment import (
    PartiallyRefunded,
    PaymentRefunded,
    RefundPayment,
    RefundRefused,
    RefundRequested,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision, Reply

PLAUSIBLE_REFUSALS = frozenset({"processor_declined"})
"""Refusals of a refund that don't contradict our record."""


def refund(payment: Payment, command: RefundPayment, _: Context, __: Policy) -> Decision:
    """Pay back a part of what was captured; a known refund is answered again, a refused one tried again."""
    order_number = command.order_number
    known = payment.refund(command.refund_id)
    if known is not None and known.status != "refused":
        return _answer_again(command, known)
    already = known.paid_back if known else 0
    remaining = command.amount - already
    if command.amount == 0:
        return _refused_by_rule(payment, command, "amount_zero")
    if remaining > _refundable(payment, command.currency):
        return _refused_by_rule(payment, command, "exceeds_captured")
    wanted = Refund(
        refund_id=command.refund_id,
        amount=max(command.amount, already),
        currency=command.currency,
        parts=known.parts if known else (),
        tries=known.tries if known else 0,
    )
    events = _pay_back(payment, order_number, wanted)
    status = "refunded" if isinstance(events[-1], PaymentRefunded) else "under_way"
    return Decision(events=facts(order_number, *events), reply=_accepted(wanted, status))


def refund_answered(payment: Payment, answer: RefundAnswered, context: Context, policy: Policy) -> Decision:
    """One part is paid back: the next is asked for, or the refund is done."""
    order_number = answer.order_number
    known = payment.refund(answer.refund_id)
    if known is None or known.request is None or known.request.question.idempotency_key != answer.idempotency_key:
        return _late(payment, known, answer)
    if answer.outcome == "unknown":
        return outcome_unknown(known.request.question, answer, context, policy)
    if answer.outcome == "refused":
        refused = RefundRefused(
            order_number=order_number, refund_id=answer.refund_id, refusal_code=answer.code or "refused"
        )
        events: tuple[Event, ...] = (refused,)
        if answer.code not in PLAUSIBLE_REFUSALS:
            explanation = (
                f"the gateway refused a refund with {answer.code or 'no code'} (key {answer.idempotency_key})"
            )
            events += anomaly(payment, order_number, explanation)
        return Decision(events=facts(order_number, *events))
    part = _part_paid(order_number, known, known.request.capture_id, known.request.amount)
    events = (part,)
    after = evolve(payment, part)
    wanted = after.refund(answer.refund_id)
    if wanted is not None and wanted.status == "under_way":
        events += _pay_back(after, order_number, wanted)
    return Decision(events=facts(order_number, *events))


def _captured_parts(payment: Payment, currency: str) -> Iterator[CapturedPart]:
    for captured in payment.captures:
        if captured.currency == currency:
            yield from captured.parts


def _refundable(payment: Payment, currency: str) -> int:
    """What new refunds may ask for: what was captured, less what is paid back or being paid back."""
    left = sum(payment.unrefunded(part) for part in _captured_parts(payment, currency))
    not_asked_yet = sum(
        known.amount - known.paid_back - (known.request.amount if known.request else 0)
        for known in payment.refunds
        if known.status == "under_way" and known.currency == currency
    )
    return left - not_asked_yet


def _pay_back(payment: Payment, order_number: str, wanted: Refund) -> tuple[Event, ...]:
    """Ask for the next part; what the channel took is paid back there and only recorded."""
    events: tuple[Event, ...] = ()
    while wanted.status == "under_way":
        remaining = wanted.amount - wanted.paid_back
        if remaining == 0:
            return (*events, _part_paid(order_number, wanted, wanted.parts[-1].capture_id, 0))
        part = _choose(payment, wanted.currency, remaining)
        if part is None:
            refused = RefundRefused(
                order_number=order_number, refund_id=wanted.refund_id, refusal_code="exceeds_captured"
            )
            return (*events, refused)
        amount = min(remaining, payment.unrefunded(part))
        if not part.capture_id.startswith(PREPAID):
            requested = RefundRequested(
                order_number=order_number,
                refund_id=wanted.refund_id,
                capture_id=part.capture_id,
                amount=amount,
                currency=wanted.currency,
                idempotency_key=refund_key(order_number, wanted.refund_id, wanted.tries + 1),
                asked=1,
                whole=None if amount == wanted.amount else wanted.amount,
            )
            return (*events, requested)
        paid = _part_paid(order_number, wanted, part.capture_id, amount)
        events = (*events, paid)
        payment = evolve(payment, paid)
        wanted = payment.refund(wanted.refund_id) or wanted
    return events


def _choose(payment: Payment, currency: str, remaining: int) -> CapturedPart | None:
    """The smallest capture that suffices, else the largest."""

    def fit(part: CapturedPart) -> tuple[bool, int]:
        left = payment.unrefunded(part)
        return (False, left) if left >= remaining else (True, -left)

    usable = (part for part in _captured_parts(payment, currency) if payment.unrefunded(part) > 0)
    return min(usable, key=fit, default=None)


def _part_paid(order_number: str, wanted: Refund, capture_id: str, amount: int) -> Event:
    if wanted.paid_back + amount < wanted.amount:
        return PartiallyRefunded(
            order_number=order_number,
            refund_id=wanted.refund_id,
            capture_id=capture_id,
            amount=amount,
            currency=wanted.currency,
            already_refunded=wanted.paid_back,
            whole=wanted.amount,
        )
    return PaymentRefunded(
        order_number=order_number,
        refund_id=wanted.refund_id,
        amount=wanted.amount,
        currency=wanted.currency,
        capture_id=capture_id,
        already_refunded=wanted.paid_back,
    )


def _answer_again(command: RefundPayment, known: Refund) -> Decision:
    if (known.amount, known.currency) != (command.amount, command.currency):
        reply = Reply(
            "conflict",
            {"refund_id": known.refund_id, "amount": known.amount, "currency": known.currency},
        )
    else:
        reply = _accepted(known, known.status)
    if known.status == "under_way":
        return Decision(reply=reply)
    last = known.parts[-1]
    again = PaymentRefunded(
        order_number=command.order_number,
        refund_id=known.refund_id,
        amount=known.amount,
        currency=known.currency,
        capture_id=last.capture_id,
        already_refunded=known.paid_back - last.amount,
        repeated=True,
    )
    return Decision(events=facts(command.order_number, again), reply=reply)


def _accepted(known: Refund, status: str) -> Reply:
    return Reply(
        "accepted",
        {
            "refund_id": known.refund_id,
            "amount": known.amount,
            "currency": known.currency,
            "status": status,
        },
    )


def _refused_by_rule(payment: Payment, command: RefundPayment, code: str) -> Decision:
    refused = RefundRefused(order_number=command.order_number, refund_id=command.refund_id, refusal_code=code)
    outcome = Reply(
        "refused" if payment.attempts else "not_found",
        {"refund_id": command.refund_id, "refusal_code": code},
    )
    return Decision(events=facts(command.order_number, refused), reply=outcome)


def _late(payment: Payment, known: Refund | None, answer: RefundAnswered) -> Decision:
    """An answer to what is decided: it agrees, or a person is told."""
    agrees = answer.outcome != "refunded" or (
        known is not None and any(part.idempotency_key == answer.idempotency_key for part in known.parts)
    )
    if agrees:
        return NOTHING
    explanation = f"the gateway paid back under the key {answer.idempotency_key}, refused before"
    return Decision(events=facts(answer.order_number, *anomaly(payment, answer.order_number, explanation)))

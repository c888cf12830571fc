"""Collecting the value of a dispatched fulfilment: never more than is authorised."""

from services.payment.domain.asking import anomaly, outcome_unknown
from services.payment.domain.authorising import renewal_of
from services.payment.domain.evolve import evolve
from services.payment.domain.keys import capture_key
from services.payment.domain.letting_go import letting_go
from services.payment.domain.messages import CaptureAnswered
from services.payment.domain.payment import (
    FREE,
    PREPAID,
    Authorisation,
    Capture,
    Payment,
    facts,
)
from services.payment.domain.policy import Policy
from shared.events.payload import Event
from shared.events.payment import (
    CapturePayment,
    CaptureRefused,
    CaptureRequested,
    PartiallyCaptured,
    PaymentCaptured,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision

PLAUSIBLE_REFUSALS = frozenset({"processor_declined", "expired"})
"""Refusals of a capture that don't contradict our record."""


def capture(payment: Payment, command: CapturePayment, _: Context, __: Policy) -> Decision:
    """Collect for one fulfilment; a captured one is answered again, a refused one tried under a new key."""
    order_number = command.order_number
    known = payment.capture(command.fulfilment_id)
    if known is not None and known.status == "captured":
        return Decision(events=facts(order_number, _captured_again(order_number, known)))
    if known is not None and known.status == "under_way":
        return NOTHING
    remaining = command.amount - (known.collected if known else 0)
    if remaining > 0 and remaining > _available(payment, command.currency):
        refused = CaptureRefused(
            order_number=order_number,
            fulfilment_id=command.fulfilment_id,
            refusal_code="exceeds_authorised",
        )
        return Decision(events=facts(order_number, refused))
    wanted = Capture(
        fulfilment_id=command.fulfilment_id,
        amount=max(command.amount, known.collected if known else 0),
        currency=command.currency,
        parts=known.parts if known else (),
        tries=known.tries if known else 0,
    )
    events = _collect(payment, order_number, wanted)
    return Decision(events=facts(order_number, *letting_go(payment, order_number, *events)))


def capture_answered(payment: Payment, answer: CaptureAnswered, context: Context, policy: Policy) -> Decision:
    """One part is in: the next is asked for, or the fulfilment is captured."""
    order_number = answer.order_number
    known = payment.capture(answer.fulfilment_id)
    if known is None or known.request is None or known.request.question.idempotency_key != answer.idempotency_key:
        return _late(payment, known, answer)
    if answer.outcome == "unknown":
        return outcome_unknown(known.request.question, answer, context, policy)
    if answer.outcome == "refused":
        return _refused(payment, known.request.authorisation_id, answer)
    request = known.request
    part = _part_in(order_number, known, answer.capture_id, request.authorisation_id, request.amount)
    events: tuple[Event, ...] = (part,)
    after = evolve(payment, part)
    wanted = after.capture(answer.fulfilment_id)
    if wanted is not None and wanted.status == "under_way":
        events += _collect(after, order_number, wanted)
    return Decision(events=facts(order_number, *letting_go(payment, order_number, *events)))


def _available(payment: Payment, currency: str) -> int:
    """What new captures may ask for: what is set aside, less what captures under way still need."""
    standing = sum(
        payment.uncommitted(authorisation)
        for authorisation in payment.authorisations
        if authorisation.currency == currency and not authorisation.let_go
    )
    not_asked_yet = sum(
        known.amount - known.collected - (known.request.amount if known.request else 0)
        for known in payment.captures
        if known.status == "under_way" and known.currency == currency
    )
    return standing - not_asked_yet


def _collect(payment: Payment, order_number: str, wanted: Capture) -> tuple[Event, ...]:
    """Ask for the next part; what needs no gateway is collected at once."""
    events: tuple[Event, ...] = ()
    remaining = wanted.amount - wanted.collected
    while remaining > 0:
        authorisation = _choose(payment, wanted, remaining)
        if authorisation is None:
            refused = CaptureRefused(
                order_number=order_number,
                fulfilment_id=wanted.fulfilment_id,
                refusal_code="exceeds_authorised",
            )
            return (*events, refused)
        amount = min(remaining, payment.uncommitted(authorisation))
        if authorisation.at_gateway:
            requested = CaptureRequested(
                order_number=order_number,
                fulfilment_id=wanted.fulfilment_id,
                authorisation_id=authorisation.authorisation_id,
                amount=amount,
                currency=wanted.currency,
                idempotency_key=capture_key(order_number, wanted.fulfilment_id, wanted.tries + 1),
                asked=1,
                whole=None if amount == wanted.amount else wanted.amount,
            )
            return (*events, requested)
        number = len(wanted.parts) + 1
        capture_id = f"{PREPAID}{capture_key(order_number, wanted.fulfilment_id, number)}"
        part = _part_in(order_number, wanted, capture_id, authorisation.authorisation_id, amount)
        events = (*events, part)
        payment = evolve(payment, part)
        wanted = payment.capture(wanted.fulfilment_id) or wanted
        remaining = wanted.amount - wanted.collected
    if wanted.status == "under_way":
        capture_id = f"{FREE}{capture_key(order_number, wanted.fulfilment_id, 1)}"
        return (*events, _part_in(order_number, wanted, capture_id, "", 0))
    return events


def _choose(payment: Payment, wanted: Capture, remaining: int) -> Authorisation | None:
    """The smallest that suffices, else the largest; one that lapsed only when no other is left."""
    usable = [
        authorisation
        for authorisation in payment.authorisations
        if authorisation.currency == wanted.currency
        and authorisation.void is None
        and payment.uncommitted(authorisation) > 0
    ]
    standing = [authorisation for authorisation in usable if authorisation.status == "authorised"]

    def fit(authorisation: Authorisation) -> tuple[bool, int]:
        left = payment.uncommitted(authorisation)
        return (False, left) if left >= remaining else (True, -left)

    return min(standing or usable, key=fit, default=None)


def _part_in(order_number: str, wanted: Capture, capture_id: str, authorisation_id: str, amount: int) -> Event:
    if wanted.collected + amount < wanted.amount:
        return PartiallyCaptured(
            order_number=order_number,
            fulfilment_id=wanted.fulfilment_id,
            capture_id=capture_id,
            amount=amount,
            currency=wanted.currency,
            authorisation_id=authorisation_id,
            whole=wanted.amount,
        )
    return PaymentCaptured(
        order_number=order_number,
        fulfilment_id=wanted.fulfilment_id,
        capture_id=capture_id,
        amount=wanted.amount,
        currency=wanted.currency,
        authorisation_id=authorisation_id,
        already_captured=wanted.collected,
    )


def _captured_again(order_number: str, known: Capture) -> Event:
    last = known.parts[-1] if known.parts else None
    return PaymentCaptured(
        order_number=order_number,
        fulfilment_id=known.fulfilment_id,
        capture_id=last.capture_id if last else f"{FREE}{capture_key(order_number, known.fulfilment_id, 1)}",
        amount=known.amount,
        currency=known.currency,
        authorisation_id=last.authorisation_id if last else "",
        already_captured=known.collected - (last.amount if last else 0),
        repeated=True,
    )


def _refused(payment: Payment, authorisation_id: str, answer: CaptureAnswered) -> Decision:
    """The asker hears of it and may ask again; an expired authorisation is renewed or reported."""
    order_number = answer.order_number
    refused = CaptureRefused(
        order_number=order_number,
        fulfilment_id=answer.fulfilment_id,
        refusal_code=answer.code or "refused",
    )
    events: tuple[Event, ...] = (refused,)
    authorisation = payment.authorisation(authorisation_id)
    if answer.code == "expired" and authorisation is not None:
        events += renewal_of(payment, authorisation, order_number)
    events = letting_go(payment, order_number, *events)
    if answer.code not in PLAUSIBLE_REFUSALS:
        explanation = (
            f"the gateway refused a capture with {answer.code or 'no code'} (key {answer.idempotency_key})"
        )
        events += anomaly(payment, order_number, explanation)
    return Decision(events=facts(order_number, *events))


def _late(payment: Payment, known: Capture | None, answer: CaptureAnswered) -> Decision:
    """An answer to what is decided: it agrees, or a person is told."""
    agrees = answer.outcome != "captured" or (
        known is not None and any(part.capture_id == answer.capture_id for part in known.parts)
    )
    if agrees:
        return NOTHING
    explanation = f"the gateway captured under the key {answer.idempotency_key}, refused before"
    return Decision(events=facts(answer.order_number, *anomaly(payment, answer.order_number, explanation)))

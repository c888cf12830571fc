"""How each fact changes the payment."""

from dataclasses import replace

from services.payment.domain.payment import (
    NO_CURRENCY,
    Attempt,
    Authorisation,
    Capture,
    CapturedPart,
    Declined,
    OpenCapture,
    OpenRefund,
    Payment,
    Question,
    Refund,
    RefundedPart,
    Requested,
)
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisationRenewalRequested,
    AuthorisationRenewed,
    AuthorisationRequested,
    AuthorisationVoided,
    CaptureRefused,
    CaptureRequested,
    GatewayOutcomeUnknown,
    PartiallyCaptured,
    PartiallyRefunded,
    PaymentAnomalyDetected,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    RefundRefused,
    RefundRequested,
    VoidRefused,
    VoidRequested,
    VoidStarted,
)
from shared.eventsourcing.decider import Category

ANOMALIES_KEPT = 16


def evolve(payment: Payment, event: Event) -> Payment:
    """The payment after one fact; an answer that is only repeated changes nothing."""
    match event:
        case PaymentAuthorised() | PaymentDeclined() | PaymentCaptured() | PaymentRefunded() if event.repeated:
            return payment
        case AuthorisationRequested():
            return _requested(payment, event)
        case PaymentAuthorised():
            return _authorised(payment, event)
        case PaymentDeclined():
            return _declined(payment, event)
        case CaptureRequested():
            return _capture_requested(payment, event)
        case PaymentCaptured() | PartiallyCaptured():
            return _captured(payment, event)
        case CaptureRefused():
            capture = payment.capture(event.fulfilment_id)
            refused = replace(capture, request=None, status="refused") if capture else None
            return payment.with_capture(refused) if refused else payment
        case GatewayOutcomeUnknown() | VoidRefused():
            return _wait(payment, event.idempotency_key, refused=isinstance(event, VoidRefused))
        case VoidStarted() | VoidRequested() | AuthorisationVoided() | PaymentVoided():
            return _let_go(payment, event)
        case AuthorisationRenewalRequested() | AuthorisationRenewed() | AuthorisationLapsed():
            return _renewed(payment, event)
        case RefundRequested():
            return _refund_requested(payment, event)
        case PaymentRefunded() | PartiallyRefunded():
            return _refunded(payment, event)
        case RefundRefused():
            refund = payment.refund(event.refund_id)
            return payment.with_refund(replace(refund, request=None, status="refused")) if refund else payment
        case PaymentAnomalyDetected():
            return replace(payment, anomalies=(*payment.anomalies, event.explanation)[-ANOMALIES_KEPT:])
        case _:
            return payment


PAYMENT = Category(name="payment", state_type=Payment, initial=Payment(), evolve=evolve)
"""One stream for each order, named by its number."""


def _requested(payment: Payment, event: AuthorisationRequested) -> Payment:
    known = payment.attempt(event.attempt)
    return _decided(
        payment,
        Requested(
            attempt=event.attempt,
            amount=event.amount,
            currency=event.currency,
            payment=event.payment,
            question=Question(idempotency_key=event.idempotency_key, asked=event.asked),
            let_go=isinstance(known, Requested) and known.let_go,
        ),
    )


def _authorised(payment: Payment, event: PaymentAuthorised) -> Payment:
    known = payment.attempt(event.attempt)
    after = _decided(
        payment,
        Authorisation(
            attempt=event.attempt,
            authorisation_id=event.authorisation_id,
            amount=event.amount,
            currency=event.currency,
            expires_at=event.expires_at,
            let_go=isinstance(known, Requested) and known.let_go,
        ),
    )
    return replace(after, attempts=tuple(_replaced(attempt, event.attempt) for attempt in after.attempts))


def _declined(payment: Payment, event: PaymentDeclined) -> Payment:
    known = payment.attempt(event.attempt)
    declined = Declined(
        attempt=event.attempt,
        decline_code=event.decline_code,
        currency=known.currency if known else NO_CURRENCY,
    )
    return _decided(payment, declined)


def _decided(payment: Payment, attempt: Attempt) -> Payment:
    """A known attempt changes; a new one supersedes those under way, so that nothing is set aside twice."""
    if payment.attempt(attempt.attempt) is not None:
        return payment.with_attempt(attempt)
    superseded = (
        replace(known, let_go=True) if isinstance(known, Requested) else known for known in payment.attempts
    )
    return replace(payment, attempts=(*superseded, attempt))


def _replaced(attempt: Attempt, by: int) -> Attempt:
    """A lapsed authorisation is let go of as soon as a later one stands."""
    if isinstance(attempt, Authorisation) and attempt.status == "lapsed" and attempt.attempt < by:
        return replace(attempt, let_go=True)
    return attempt


def _capture_requested(payment: Payment, event: CaptureRequested) -> Payment:
    known = payment.capture(event.fulfilment_id) or Capture(
        fulfilment_id=event.fulfilment_id, amount=event.amount, currency=event.currency
    )
    request = OpenCapture(
        authorisation_id=event.authorisation_id,
        amount=event.amount,
        question=Question(idempotency_key=event.idempotency_key, asked=event.asked),
    )
    return payment.with_capture(
        replace(
            known,
            amount=event.amount if event.whole is None else event.whole,
            currency=event.currency,
            request=request,
            tries=known.tries + (event.asked == 1),
            status="under_way",
        )
    )


def _captured(payment: Payment, event: PaymentCaptured | PartiallyCaptured) -> Payment:
    match event:
        case PaymentCaptured():
            whole, part = event.amount, event.amount - event.already_captured
        case PartiallyCaptured():
            whole, part = event.whole, event.amount
    capture = payment.capture(event.fulfilment_id) or Capture(
        fulfilment_id=event.fulfilment_id, amount=whole, currency=event.currency
    )
    collected = CapturedPart(capture_id=event.capture_id, authorisation_id=event.authorisation_id, amount=part)
    after = payment.with_capture(
        replace(
            capture,
            amount=whole,
            parts=(*capture.parts, collected) if part else capture.parts,
            request=None,
            status="captured" if isinstance(event, PaymentCaptured) else "under_way",
        )
    )
    authorisation = payment.authorisation(event.authorisation_id)
    if authorisation is None:
        return after
    return after.with_attempt(replace(authorisation, captured=authorisation.captured + part))


def _let_go(payment: Payment, event: VoidStarted | VoidRequested | AuthorisationVoided | PaymentVoided) -> Payment:
    match event:
        case VoidStarted():
            covered = tuple(
                replace(known, let_go=True)
                if known.attempt <= event.attempt and not isinstance(known, Declined)
                else known
                for known in payment.attempts
            )
            return replace(payment, attempts=covered, void_owed=True)
        case VoidRequested():
            authorisation = payment.authorisation(event.authorisation_id)
            if authorisation is None:
                return payment
            question = Question(idempotency_key=event.idempotency_key, asked=event.asked)
            voids = authorisation.voids + (event.asked == 1)
            return payment.with_attempt(replace(authorisation, void=question, voids=voids))
        case AuthorisationVoided():
            known = payment.attempt(event.attempt)
            if not isinstance(known, Authorisation):
                return payment
            counts = payment.void_owed and event.currency == payment.currency
            after = replace(payment, let_go=payment.let_go + event.amount) if counts else payment
            return after.with_attempt(
                replace(known, status="voided", voided=event.amount, void=None, renewal=None)
            )
        case PaymentVoided():
            return replace(payment, void_owed=False, let_go=0)


def _renewed(
    payment: Payment, event: AuthorisationRenewalRequested | AuthorisationRenewed | AuthorisationLapsed
) -> Payment:
    authorisation = payment.authorisation(event.authorisation_id)
    if authorisation is None:
        return payment
    match event:
        case AuthorisationRenewalRequested():
            question = Question(idempotency_key=event.idempotency_key, asked=event.asked)
            renewals = authorisation.renewals + (event.asked == 1)
            return payment.with_attempt(replace(authorisation, renewal=question, renewals=renewals))
        case AuthorisationRenewed():
            return payment.with_attempt(replace(authorisation, renewal=None, expires_at=event.expires_at))
        case AuthorisationLapsed():
            replaced = any(
                later.status == "authorised" and later.attempt > authorisation.attempt
                for later in payment.authorisations
            )
            return payment.with_attempt(
                replace(authorisation, renewal=None, status="lapsed", let_go=authorisation.let_go or replaced)
            )


def _wait(payment: Payment, key: str, *, refused: bool) -> Payment:
    """A reminder asks the question under this key again."""

    def waiting(question: Question) -> Question:
        return replace(question, waiting=True, refused=refused)

    for attempt in payment.attempts:
        match attempt:
            case Requested(question=question) if question.idempotency_key == key:
                return payment.with_attempt(replace(attempt, question=waiting(question)))
            case Authorisation(void=Question() as question) if question.idempotency_key == key:
                return payment.with_attempt(replace(attempt, void=waiting(question)))
            case Authorisation(renewal=Question() as question) if question.idempotency_key == key:
                return payment.with_attempt(replace(attempt, renewal=waiting(question)))
            case _:
                pass
    for capture in payment.captures:
        if capture.request and capture.request.question.idempotency_key == key:
            request = replace(capture.request, question=waiting(capture.request.question))
            return payment.with_capture(replace(capture, request=request))
    for refund in payment.refunds:
        if refund.request and refund.request.question.idempotency_key == key:
            asked = replace(refund.request, question=waiting(refund.request.question))
            return payment.with_refund(replace(refund, request=asked))
    return payment


def _refund_requested(payment: Payment, event: RefundRequested) -> Payment:
    known = payment.refund(event.refund_id) or Refund(
        refund_id=event.refund_id, amount=event.amount, currency=event.currency
    )
    request = OpenRefund(
        capture_id=event.capture_id,
        amount=event.amount,
        question=Question(idempotency_key=event.idempotency_key, asked=event.asked),
    )
    return payment.with_refund(
        replace(
            known,
            amount=event.amount if event.whole is None else event.whole,
            currency=event.currency,
            request=request,
            tries=known.tries + (event.asked == 1),
            status="under_way",
        )
    )


def _refunded(payment: Payment, event: PaymentRefunded | PartiallyRefunded) -> Payment:
    match event:
        case PaymentRefunded():
            whole, part = event.amount, event.amount - event.already_refunded
        case PartiallyRefunded():
            whole, part = event.whole, event.amount
    refund = payment.refund(event.refund_id) or Refund(
        refund_id=event.refund_id, amount=whole, currency=event.currency
    )
    key = refund.request.question.idempotency_key if refund.request else ""
    paid = RefundedPart(idempotency_key=key, capture_id=event.capture_id, amount=part)
    after = payment.with_refund(
        replace(
            refund,
            amount=whole,
            parts=(*refund.parts, paid) if part else refund.parts,
            request=None,
            status="refunded" if isinstance(event, PaymentRefunded) else "under_way",
        )
    )
    for capture in payment.captures:
        for place, captured in enumerate(capture.parts):
            if captured.capture_id == event.capture_id:
                changed = replace(captured, refunded=captured.refunded + part)
                parts = (*capture.parts[:place], changed, *capture.parts[place + 1 :])
                return after.with_capture(replace(capture, parts=parts))
    return after

"""What most payment tests begin with: one order, its commands and the facts that they lead to."""

from datetime import datetime, timedelta
from typing import Any

from services.payment.domain.messages import (
    AuthorisationAnswered,
    CaptureAnswered,
    GatewayNotified,
    RefundAnswered,
    RenewalAnswered,
    VoidAnswered,
)
from services.payment.domain.model import model
from services.payment.domain.policy import Policy
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisationRequested,
    AuthorisationVoided,
    AuthorisePayment,
    CapturePayment,
    CaptureRequested,
    GatewayOutcomeUnknown,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    RefundPayment,
    RefundRequested,
    VoidPayment,
    VoidRequested,
    VoidStarted,
)
from shared.events.values import PaymentMethod
from shared.eventsourcing.testing import NOON, Scenario

ORDER = "7Q2M-XH4T-9KFD"
STREAM = f"payment-{ORDER}"
F1, F2, F3 = f"{ORDER}-F1", f"{ORDER}-F2", f"{ORDER}-F3"
POLICY = Policy()
CARD = PaymentMethod(kind="card", token="tok_visa")
PREPAID = PaymentMethod(kind="prepaid", reference="WX-77")
WEEK = NOON + timedelta(days=7)
FOREVER = NOON + POLICY.never_expires
VOID = VoidPayment(order_number=ORDER)


def scenario(*events: Event) -> Scenario:
    return Scenario(model()).given(STREAM, *events)


def authorise(attempt: int = 1, amount: int = 100, payment: PaymentMethod = CARD) -> AuthorisePayment:
    return AuthorisePayment(order_number=ORDER, attempt=attempt, amount=amount, currency="EUR", payment=payment)


def auth_key(attempt: int = 1) -> str:
    return f"{ORDER}-auth-{attempt}"


def requested(attempt: int = 1, amount: int = 100, asked: int = 1, currency: str = "EUR") -> Event:
    return AuthorisationRequested(
        order_number=ORDER,
        attempt=attempt,
        amount=amount,
        currency=currency,
        payment=CARD,
        idempotency_key=auth_key(attempt),
        asked=asked,
    )


def authorised(
    attempt: int = 1,
    amount: int = 100,
    authorisation_id: str = "",
    expires_at: datetime = WEEK,
    currency: str = "EUR",
    repeated: bool = False,
) -> Event:
    return PaymentAuthorised(
        order_number=ORDER,
        attempt=attempt,
        amount=amount,
        currency=currency,
        authorisation_id=authorisation_id or f"auth_{attempt}",
        expires_at=expires_at,
        repeated=repeated,
    )


def declined(attempt: int = 1, code: str = "do_not_honour", repeated: bool = False) -> Event:
    return PaymentDeclined(order_number=ORDER, attempt=attempt, decline_code=code, repeated=repeated)


def authorisation_answered(attempt: int = 1, asked: int = 1, **outcome: Any) -> AuthorisationAnswered:
    return AuthorisationAnswered(
        order_number=ORDER, attempt=attempt, idempotency_key=auth_key(attempt), asked=asked, **outcome
    )


def unknown(key: str, ask_again_at: datetime, explanation: str = "") -> Event:
    return GatewayOutcomeUnknown(
        order_number=ORDER, idempotency_key=key, explanation=explanation, ask_again_at=ask_again_at
    )


def capture(fulfilment_id: str = F1, amount: int = 40, currency: str = "EUR") -> CapturePayment:
    return CapturePayment(order_number=ORDER, fulfilment_id=fulfilment_id, amount=amount, currency=currency)


def capture_key(fulfilment_id: str = F1, number: int = 1) -> str:
    return f"{ORDER}-capture-{fulfilment_id}-{number}"


def capture_requested(
    fulfilment_id: str = F1,
    amount: int = 40,
    number: int = 1,
    authorisation_id: str = "auth_1",
    asked: int = 1,
    whole: int | None = None,
) -> Event:
    return CaptureRequested(
        order_number=ORDER,
        fulfilment_id=fulfilment_id,
        authorisation_id=authorisation_id,
        amount=amount,
        currency="EUR",
        idempotency_key=capture_key(fulfilment_id, number),
        asked=asked,
        whole=whole,
    )


def captured(
    fulfilment_id: str = F1,
    amount: int = 40,
    capture_id: str = "",
    authorisation_id: str = "auth_1",
    already_captured: int = 0,
    repeated: bool = False,
) -> Event:
    return PaymentCaptured(
        order_number=ORDER,
        fulfilment_id=fulfilment_id,
        capture_id=capture_id or f"cap_{fulfilment_id}",
        amount=amount,
        currency="EUR",
        authorisation_id=authorisation_id,
        already_captured=already_captured,
        repeated=repeated,
    )


def capture_answered(fulfilment_id: str = F1, number: int = 1, asked: int = 1, **outcome: Any) -> CaptureAnswered:
    return CaptureAnswered(
        order_number=ORDER,
        fulfilment_id=fulfilment_id,
        idempotency_key=capture_key(fulfilment_id, number),
        asked=asked,
        **outcome,
    )


def void_key(attempt: int = 1, number: int = 1) -> str:
    return f"{ORDER}-void-{attempt}-{number}"


def void_started(attempt: int = 1) -> Event:
    return VoidStarted(order_number=ORDER, attempt=attempt)


def void_requested(attempt: int = 1, number: int = 1, asked: int = 1) -> Event:
    return VoidRequested(
        order_number=ORDER,
        authorisation_id=f"auth_{attempt}",
        idempotency_key=void_key(attempt, number),
        asked=asked,
    )


def authorisation_voided(
    attempt: int = 1,
    amount: int = 100,
    authorisation_id: str = "",
    expected: int | None = None,
    captured_unrecorded: int = 0,
) -> AuthorisationVoided:
    return AuthorisationVoided(
        order_number=ORDER,
        attempt=attempt,
        authorisation_id=authorisation_id or f"auth_{attempt}",
        amount=amount,
        currency="EUR",
        expected=expected,
        captured_unrecorded=captured_unrecorded,
    )


def void_answered(attempt: int = 1, number: int = 1, asked: int = 1, **outcome: Any) -> VoidAnswered:
    return VoidAnswered(
        order_number=ORDER,
        authorisation_id=f"auth_{attempt}",
        idempotency_key=void_key(attempt, number),
        asked=asked,
        **outcome,
    )


def lapsed(attempt: int = 1) -> Event:
    return AuthorisationLapsed(order_number=ORDER, authorisation_id=f"auth_{attempt}")


def renewal_key(attempt: int = 1, number: int = 1) -> str:
    return f"{ORDER}-renew-{attempt}-{number}"


def renewal_answered(attempt: int = 1, number: int = 1, asked: int = 1, **outcome: Any) -> RenewalAnswered:
    return RenewalAnswered(
        order_number=ORDER,
        authorisation_id=f"auth_{attempt}",
        idempotency_key=renewal_key(attempt, number),
        asked=asked,
        **outcome,
    )


def refund(amount: int = 30, refund_id: str = "R1", currency: str = "EUR") -> RefundPayment:
    return RefundPayment(order_number=ORDER, refund_id=refund_id, amount=amount, currency=currency)


def refund_key(refund_id: str = "R1", number: int = 1) -> str:
    return f"{ORDER}-refund-{refund_id}-{number}"


def refund_requested(
    amount: int = 30,
    refund_id: str = "R1",
    capture_id: str = f"cap_{F1}",
    number: int = 1,
    whole: int | None = None,
    asked: int = 1,
) -> Event:
    return RefundRequested(
        order_number=ORDER,
        refund_id=refund_id,
        capture_id=capture_id,
        amount=amount,
        currency="EUR",
        idempotency_key=refund_key(refund_id, number),
        asked=asked,
        whole=whole,
    )


def refund_answered(refund_id: str = "R1", number: int = 1, asked: int = 1, **outcome: Any) -> RefundAnswered:
    return RefundAnswered(
        order_number=ORDER,
        refund_id=refund_id,
        idempotency_key=refund_key(refund_id, number),
        asked=asked,
        **outcome,
    )


def notice(kind: str, key: str, **told: Any) -> GatewayNotified:
    return GatewayNotified.model_validate(
        {
            "order_number": ORDER,
            "kind": kind,
            "authorisation_id": "auth_1",
            "operation_id": "auth_1",
            "amount": 100,
            "currency": "EUR",
            "idempotency_key": key,
            **told,
        }
    )

"""Messages of the payment service to itself: answers of the gateway, its notices, reminders."""

from typing import Literal

from shared.events.payload import Command, CurrencyCode, Instant, MinorUnits, Name, Payload, Quantity, Text


class AuthorisationAnswered(Command, name="payment.authorisation-answered", version=1):
    """What the gateway said to an authorisation."""

    order_number: Name
    attempt: Quantity
    idempotency_key: Name
    asked: Quantity
    outcome: Literal["authorised", "declined", "unknown"]
    authorisation_id: str = ""
    expires_at: Instant | None = None
    """Known when authorised."""
    code: str = ""
    """Why it was declined."""
    explanation: Text = ""
    """Why the outcome is unknown."""


class CaptureAnswered(Command, name="payment.capture-answered", version=1):
    """What the gateway said to a capture."""

    order_number: Name
    fulfilment_id: Name
    idempotency_key: Name
    asked: Quantity
    outcome: Literal["captured", "refused", "unknown"]
    capture_id: str = ""
    code: str = ""
    explanation: Text = ""


class VoidAnswered(Command, name="payment.void-answered", version=1):
    """What the gateway said to a void."""

    order_number: Name
    authorisation_id: Name
    idempotency_key: Name
    asked: Quantity
    outcome: Literal["voided", "refused", "unknown"]
    amount: MinorUnits = 0
    """What was let go, in minor units."""
    code: str = ""
    explanation: Text = ""


class RenewalAnswered(Command, name="payment.renewal-answered", version=1):
    """What the gateway said to the renewal of an authorisation."""

    order_number: Name
    authorisation_id: Name
    idempotency_key: Name
    asked: Quantity
    outcome: Literal["renewed", "refused", "unknown"]
    expires_at: Instant | None = None
    """Known when renewed."""
    code: str = ""
    explanation: Text = ""


class RefundAnswered(Command, name="payment.refund-answered", version=1):
    """What the gateway said to a refund."""

    order_number: Name
    refund_id: Name
    idempotency_key: Name
    asked: Quantity
    outcome: Literal["refunded", "refused", "unknown"]
    code: str = ""
    explanation: Text = ""


class GatewayNotified(Command, name="payment.gateway-notified", version=1):
    """A signed notice of the gateway: what happened there, whoever caused it."""

    order_number: Name
    """The reference that the gateway names; it may be none of ours."""
    kind: Literal["authorised", "declined", "captured", "voided", "refunded"]
    authorisation_id: Name
    operation_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: str
    code: str = ""
    """Why it was declined."""


class AskGatewayAgain(Command, name="payment.ask-gateway-again", version=1):
    """The wait after an unknown outcome is over."""

    order_number: Name
    idempotency_key: Name
    asked: Quantity
    """How often the gateway had been asked when the wait began."""


class RenewAuthorisation(Command, name="payment.renew-authorisation", version=1):
    """An authorisation is about to expire."""

    order_number: Name
    authorisation_id: Name
    expires_at: Instant
    """The expiry that it is about; another one by then means that it was renewed meanwhile."""


INTERNAL: tuple[type[Payload], ...] = (
    AuthorisationAnswered,
    CaptureAnswered,
    VoidAnswered,
    RenewalAnswered,
    RefundAnswered,
    GatewayNotified,
    AskGatewayAgain,
    RenewAuthorisation,
)

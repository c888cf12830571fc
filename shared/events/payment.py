"""Facts and requests of the payment service."""

from shared.events.payload import (
    Command,
    CurrencyCode,
    Event,
    FulfilmentId,
    IdempotencyKey,
    Instant,
    MinorUnits,
    Name,
    OrderNumber,
    Ordinal,
    Text,
)
from shared.events.values import PaymentMethod


class AuthorisationRequested(Event, name="payment.authorisation-requested", version=1):
    """The gateway is to be asked to set the amount aside, under the same key until the outcome is known."""

    order_number: OrderNumber
    attempt: Ordinal
    """1 for the first payment of the order, 2 for the first time it is paid again."""
    amount: MinorUnits
    currency: CurrencyCode
    payment: PaymentMethod
    idempotency_key: IdempotencyKey
    asked: Ordinal
    """How often the gateway has been asked under this key, this time included."""


class PaymentAuthorised(Event, name="payment.authorised", version=1):
    """The amount is set aside and may be captured until it expires."""

    order_number: OrderNumber
    attempt: Ordinal
    amount: MinorUnits
    currency: CurrencyCode
    authorisation_id: Name
    expires_at: Instant


class PaymentDeclined(Event, name="payment.declined", version=1):
    """The gateway refused the authorisation."""

    order_number: OrderNumber
    attempt: Ordinal
    decline_code: Name


class GatewayOutcomeUnknown(Event, name="payment.gateway-outcome-unknown", version=1):
    """The gateway gave no clear answer; it will be asked again under the same key."""

    order_number: OrderNumber
    idempotency_key: IdempotencyKey
    explanation: Text
    ask_again_at: Instant


class AuthorisationRenewalRequested(Event, name="payment.authorisation-renewal-requested", version=1):
    """The authorisation is about to expire; the gateway is to be asked to extend it."""

    order_number: OrderNumber
    authorisation_id: Name
    idempotency_key: IdempotencyKey
    asked: Ordinal


class AuthorisationRenewed(Event, name="payment.authorisation-renewed", version=1):
    """The authorisation stands longer."""

    order_number: OrderNumber
    authorisation_id: Name
    expires_at: Instant


class AuthorisationLapsed(Event, name="payment.authorisation-lapsed", version=1):
    """The authorisation can't be renewed: goods that have not left must wait."""

    order_number: OrderNumber
    authorisation_id: Name


class CaptureRequested(Event, name="payment.capture-requested", version=1):
    """The gateway is to be asked to collect the value of one fulfilment."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    authorisation_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: IdempotencyKey
    asked: Ordinal


class PaymentCaptured(Event, name="payment.captured", version=1):
    """Money was collected for one fulfilment."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    capture_id: Name
    amount: MinorUnits
    currency: CurrencyCode


class CaptureRefused(Event, name="payment.capture-refused", version=1):
    """The gateway, or the rule that captures never exceed the authorisation, refused a capture."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    refusal_code: Name


class VoidRequested(Event, name="payment.void-requested", version=1):
    """The gateway is to be asked to let go of what is not captured."""

    order_number: OrderNumber
    authorisation_id: Name
    idempotency_key: IdempotencyKey
    asked: Ordinal


class PaymentVoided(Event, name="payment.voided", version=1):
    """Nothing uncaptured is set aside for the order any longer; without an authorisation it is voided at once."""

    order_number: OrderNumber
    amount: MinorUnits
    """What was let go, in minor units."""
    currency: CurrencyCode


class RefundRequested(Event, name="payment.refund-requested", version=1):
    """The gateway is to be asked to pay back."""

    order_number: OrderNumber
    refund_id: Name
    capture_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: IdempotencyKey
    asked: Ordinal


class PaymentRefunded(Event, name="payment.refunded", version=1):
    """Money was paid back."""

    order_number: OrderNumber
    refund_id: Name
    amount: MinorUnits
    currency: CurrencyCode


class RefundRefused(Event, name="payment.refund-refused", version=1):
    """A refund was refused, by the gateway or because it exceeds what was captured."""

    order_number: OrderNumber
    refund_id: Name
    refusal_code: Name


class PaymentAnomalyDetected(Event, name="payment.anomaly-detected", version=1):
    """A gateway's notice contradicts what is recorded, or names something unknown; a person looks."""

    order_number: OrderNumber
    explanation: Text


class AuthorisePayment(Command, name="payment.authorise", version=1):
    """Set the amount aside."""

    order_number: OrderNumber
    attempt: Ordinal
    amount: MinorUnits
    currency: CurrencyCode
    payment: PaymentMethod


class CapturePayment(Command, name="payment.capture", version=1):
    """Collect the value of one dispatched fulfilment; asked again after a refusal, it tries again."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    amount: MinorUnits
    currency: CurrencyCode


class VoidPayment(Command, name="payment.void", version=1):
    """Let go of all that is authorised and not captured, also of an authorisation still under way."""

    order_number: OrderNumber


class RefundPayment(Command, name="payment.refund", version=1):
    """Pay back some of what was captured."""

    order_number: OrderNumber
    refund_id: Name
    amount: MinorUnits
    currency: CurrencyCode

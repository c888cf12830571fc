"""Facts and requests of the payment service."""

from shared.events.payload import Command, CurrencyCode, Event, Instant, MinorUnits, Name, Quantity, Text
from shared.events.values import PaymentMethod


class AuthorisationRequested(Event, name="payment.authorisation-requested", version=1):
    """The gateway is to be asked to set the amount aside, under the same key until the outcome is known."""

    order_number: Name
    attempt: Quantity
    """1 for the first payment of the order, 2 for the first time it is paid again."""
    amount: MinorUnits
    currency: CurrencyCode
    payment: PaymentMethod
    idempotency_key: Name
    asked: Quantity
    """How often the gateway has been asked under this key, this time included."""


class PaymentAuthorised(Event, name="payment.authorised", version=1):
    """The amount is set aside and may be captured until it expires."""

    order_number: Name
    attempt: Quantity
    amount: MinorUnits
    currency: CurrencyCode
    authorisation_id: Name
    expires_at: Instant


class PaymentDeclined(Event, name="payment.declined", version=1):
    """The gateway refused the authorisation."""

    order_number: Name
    attempt: Quantity
    decline_code: Name


class GatewayOutcomeUnknown(Event, name="payment.gateway-outcome-unknown", version=1):
    """The gateway gave no clear answer; it will be asked again under the same key."""

    order_number: Name
    idempotency_key: Name
    explanation: Text
    ask_again_at: Instant


class AuthorisationRenewalRequested(Event, name="payment.authorisation-renewal-requested", version=1):
    """The authorisation is about to expire; the gateway is to be asked to extend it."""

    order_number: Name
    authorisation_id: Name
    idempotency_key: Name
    asked: Quantity


class AuthorisationRenewed(Event, name="payment.authorisation-renewed", version=1):
    """The authorisation stands longer."""

    order_number: Name
    authorisation_id: Name
    expires_at: Instant


class AuthorisationLapsed(Event, name="payment.authorisation-lapsed", version=1):
    """The authorisation can't be renewed: goods that have not left must wait."""

    order_number: Name
    authorisation_id: Name


class CaptureRequested(Event, name="payment.capture-requested", version=1):
    """The gateway is to be asked to collect the value of one fulfilment."""

    order_number: Name
    fulfilment_id: Name
    authorisation_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: Name
    asked: Quantity


class PaymentCaptured(Event, name="payment.captured", version=1):
    """Money was collected for one fulfilment."""

    order_number: Name
    fulfilment_id: Name
    capture_id: Name
    amount: MinorUnits
    currency: CurrencyCode


class CaptureRefused(Event, name="payment.capture-refused", version=1):
    """The gateway, or the rule that captures never exceed the authorisation, refused a capture."""

    order_number: Name
    fulfilment_id: Name
    refusal_code: Name


class VoidRequested(Event, name="payment.void-requested", version=1):
    """The gateway is to be asked to let go of what is not captured."""

    order_number: Name
    authorisation_id: Name
    idempotency_key: Name
    asked: Quantity


class PaymentVoided(Event, name="payment.voided", version=1):
    """Nothing uncaptured is set aside for the order any longer; without an authorisation it is voided at once."""

    order_number: Name
    amount: MinorUnits
    """What was let go, in minor units."""
    currency: CurrencyCode


class RefundRequested(Event, name="payment.refund-requested", version=1):
    """The gateway is to be asked to pay back."""

    order_number: Name
    refund_id: Name
    capture_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: Name
    asked: Quantity


class PaymentRefunded(Event, name="payment.refunded", version=1):
    """Money was paid back."""

    order_number: Name
    refund_id: Name
    amount: MinorUnits
    currency: CurrencyCode


class RefundRefused(Event, name="payment.refund-refused", version=1):
    """A refund was refused, by the gateway or because it exceeds what was captured."""

    order_number: Name
    refund_id: Name
    refusal_code: Name


class PaymentAnomalyDetected(Event, name="payment.anomaly-detected", version=1):
    """A gateway's notice contradicts what is recorded, or names something unknown; a person looks."""

    order_number: Name
    explanation: Text


class AuthorisePayment(Command, name="payment.authorise", version=1):
    """Set the amount aside."""

    order_number: Name
    attempt: Quantity
    amount: MinorUnits
    currency: CurrencyCode
    payment: PaymentMethod


class CapturePayment(Command, name="payment.capture", version=1):
    """Collect the value of one dispatched fulfilment; asked again after a refusal, it tries again."""

    order_number: Name
    fulfilment_id: Name
    amount: MinorUnits
    currency: CurrencyCode


class VoidPayment(Command, name="payment.void", version=1):
    """Let go of all that is authorised and not captured, also of an authorisation still under way."""

    order_number: Name


class RefundPayment(Command, name="payment.refund", version=1):
    """Pay back some of what was captured."""

    order_number: Name
    refund_id: Name
    amount: MinorUnits
    currency: CurrencyCode

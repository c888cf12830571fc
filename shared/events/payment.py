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
    """The gateway's id; it begins with `prepaid:` for what the channel took, with `free:` for nothing."""
    expires_at: Instant
    repeated: bool = False
    """True when it only answers a repeated request: it was stated before, and nothing happened anew."""


class PaymentDeclined(Event, name="payment.declined", version=1):
    """The gateway refused the authorisation."""

    order_number: OrderNumber
    attempt: Ordinal
    decline_code: Name
    repeated: bool = False
    """True when it only answers a repeated request: it was stated before, and nothing happened anew."""


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
    """The gateway is to be asked to collect the value of one fulfilment, or a part of it."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    authorisation_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: IdempotencyKey
    asked: Ordinal
    whole: MinorUnits | None = None
    """What is to be collected for the fulfilment in all, in minor units; absent when `amount` is all."""


class PartiallyCaptured(Event, name="payment.partially-captured", version=1):
    """A part of one fulfilment's value was collected, from one of several authorisations.

    `payment.captured` states the whole when the last part is in.
    """

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    capture_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    authorisation_id: Name
    whole: MinorUnits
    """What is to be collected for the fulfilment in all, in minor units."""


class PaymentCaptured(Event, name="payment.captured", version=1):
    """The whole value of one fulfilment was collected."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    capture_id: Name
    """The gateway's id of the last part; begins with `prepaid:` or `free:` where it was not asked."""
    amount: MinorUnits
    currency: CurrencyCode
    authorisation_id: str = ""
    """Where the last part was collected from."""
    already_captured: MinorUnits = 0
    """How much of the amount `payment.partially-captured` stated before, in minor units."""
    repeated: bool = False
    """True when it only answers a repeated request: it was stated before, and nothing happened anew."""


class CaptureRefused(Event, name="payment.capture-refused", version=1):
    """The gateway, or the rule that captures never exceed the authorisation, refused a capture."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    refusal_code: Name


class VoidStarted(Event, name="payment.void-started", version=1):
    """All that is authorised and not captured is being let go of; `payment.voided` tells when it is done."""

    order_number: OrderNumber
    attempt: Ordinal
    """The latest attempt that it covers."""


class VoidRequested(Event, name="payment.void-requested", version=1):
    """The gateway is to be asked to let go of what is not captured."""

    order_number: OrderNumber
    authorisation_id: Name
    idempotency_key: IdempotencyKey
    asked: Ordinal


class VoidRefused(Event, name="payment.void-refused", version=1):
    """The gateway refused to let go and the record does not say why; it will be asked under a new key."""

    order_number: OrderNumber
    idempotency_key: IdempotencyKey
    refusal_code: Name
    ask_again_at: Instant


class AuthorisationVoided(Event, name="payment.authorisation-voided", version=1):
    """What was uncaptured of one authorisation is no longer set aside."""

    order_number: OrderNumber
    attempt: Ordinal
    authorisation_id: Name
    amount: MinorUnits
    """What was let go, in minor units."""
    currency: CurrencyCode
    expected: MinorUnits | None = None
    """What was uncaptured of it by our record, in minor units; absent when just that was let go."""
    captured_unrecorded: MinorUnits = 0
    """What of it the gateway says it has captured and no capture of ours accounts for, in minor units."""


class PaymentVoided(Event, name="payment.voided", version=1):
    """Nothing uncaptured is set aside for the order any longer; without an authorisation it is voided at once."""

    order_number: OrderNumber
    amount: MinorUnits
    """What was let go since it was asked, in minor units."""
    currency: CurrencyCode
    """`XXX`, no currency, when nothing was ever authorised."""


class RefundRequested(Event, name="payment.refund-requested", version=1):
    """The gateway is to be asked to pay back."""

    order_number: OrderNumber
    refund_id: Name
    capture_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    idempotency_key: IdempotencyKey
    asked: Ordinal
    whole: MinorUnits | None = None
    """What is to be paid back in all, in minor units; absent when `amount` is all of it."""


class PartiallyRefunded(Event, name="payment.partially-refunded", version=1):
    """A part of a refund was paid back, from one of several captures.

    `payment.refunded` states the whole when the last part is paid.
    """

    order_number: OrderNumber
    refund_id: Name
    capture_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    already_refunded: MinorUnits
    """What earlier parts of the same refund paid back, in minor units."""
    whole: MinorUnits
    """What is to be paid back in all, in minor units."""


class PaymentRefunded(Event, name="payment.refunded", version=1):
    """The whole of a refund was paid back."""

    order_number: OrderNumber
    refund_id: Name
    amount: MinorUnits
    currency: CurrencyCode
    capture_id: str = ""
    """Where the last part was paid back from."""
    already_refunded: MinorUnits = 0
    """How much of the amount `payment.partially-refunded` stated before, in minor units."""
    repeated: bool = False
    """True when it only answers a repeated request: it was stated before, and nothing happened anew."""


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

"""Facts and requests of the order service."""

from datetime import datetime
from typing import Literal

from shared.events.payload import (
    Command,
    CurrencyCode,
    Event,
    FulfilmentId,
    Instant,
    MinorUnits,
    Name,
    OrderNumber,
    Ordinal,
    Sku,
    Text,
)
from shared.events.values import Address, FulfilmentPlan, OrderContent, PaymentMethod, Shortage

HoldReason = Literal[
    "amount_over_limit",
    "address_missing",
    "address_implausible",
    "customer_blocked",
    "credit_limit_exceeded",
    "price_off_list",
    "shortage",
    "payment_anomaly",
    "changed_after_confirmation",
    "reservation_overdue",
    "payment_overdue",
    "authorisation_lapsed",
    "shipment_overdue",
    "delivery_exception",
    "capture_refused",
    "carrier_refused",
    "compensation_overdue",
    "manual",
]
"""Why work on an order stands still."""

CancellationCause = Literal[
    "customer", "operator", "shortage", "payment_declined", "rejected", "reservation_expired"
]
"""Why an order was cancelled."""

CompensationPart = Literal["stock", "payment"]
"""What has to be taken back: the reservation, or the authorisation."""


class PricedFulfilment(FulfilmentPlan):
    """A fulfilment with what the customer pays for its units."""

    amount: MinorUnits
    """The value of its units in minor units; the amounts of an order's fulfilments and of what was dropped add up
    to the order's total."""


class OrderPlaced(Event, name="order.placed", version=1):
    """An order was accepted under its number; the money of its lines is frozen."""

    order_number: OrderNumber
    content: OrderContent
    counts_as_credit: bool = False
    """The order counts against its customer's credit limit until it ends."""

    def happened_at(self) -> datetime:
        return self.content.placed_at


class OrderReplaced(Event, name="order.replaced", version=1):
    """The channel restated the order before confirmation; the new content stands."""

    order_number: OrderNumber
    content: OrderContent
    counts_as_credit: bool = False
    """The order counts against its customer's credit limit until it ends."""


class OrderReaffirmed(Event, name="order.reaffirmed", version=1):
    """The channel restated the order later without a change; only the time of what stands moved on."""

    order_number: OrderNumber
    channel_updated_at: Instant


class RestatementIgnored(Event, name="order.restatement-ignored", version=1):
    """A restatement was dropped: it is older than what stands."""

    order_number: OrderNumber
    channel_updated_at: Instant
    """The dropped restatement's time."""
    current_updated_at: Instant
    """The time of what stands."""


class RestatementHeld(Event, name="order.restatement-held", version=1):
    """The channel changed the order after confirmation; a person decides."""

    order_number: OrderNumber
    proposed: OrderContent


class HoldOpened(Event, name="order.hold-opened", version=1):
    """Work on the order, or on one fulfilment, stands still until the hold is released by name."""

    order_number: OrderNumber
    hold_id: Name
    """Unique within the order, for example `H1`."""
    reason: HoldReason
    """Why, for programs."""
    explanation: Text
    owner: Name
    """The team that answers for it."""
    fulfilment_id: str = ""
    """Empty: the whole order."""


class HoldReleased(Event, name="order.hold-released", version=1):
    """A hold was released."""

    order_number: OrderNumber
    hold_id: Name
    reason: HoldReason
    """Why it had been opened."""
    fulfilment_id: str = ""
    """Empty: the whole order."""
    address: Address | None = None
    """The corrected shipping address, where the release brought one."""


class OrderApproved(Event, name="order.approved", version=1):
    """Review is over; the order may be reserved and paid."""

    order_number: OrderNumber
    automatic: bool
    """True when no person had to decide."""


class ReservationRequested(Event, name="order.reservation-requested", version=1):
    """The order's stock was asked for."""

    order_number: OrderNumber
    expires_at: Instant
    """When the reservation may end by itself, unless the order is confirmed before."""


class StockSecured(Event, name="order.stock-secured", version=1):
    """The order's stock is reserved, and its placement stands still before the payment: a hold is open, or
    there is nothing to pay."""

    order_number: OrderNumber
    fulfilments: tuple[PricedFulfilment, ...]
    """What is reserved, by location."""


class StockMissing(Event, name="order.stock-missing", version=1):
    """Nothing could be reserved for the order, or not again what ran out as it was confirmed."""

    order_number: OrderNumber
    shortages: tuple[Shortage, ...]
    """What was missing."""


class OrderBackordered(Event, name="order.backordered", version=1):
    """Some units wait for stock."""

    order_number: OrderNumber
    waiting: tuple[Shortage, ...]
    """What is waited for."""


class BackorderEnded(Event, name="order.backorder-ended", version=1):
    """The stock did not arrive in time; the order takes a part, and is asked for again without waiting."""

    order_number: OrderNumber


class LinesDropped(Event, name="order.lines-dropped", version=1):
    """Units that will not be delivered; their value is not charged. A later `order.replaced` voids it."""

    order_number: OrderNumber
    dropped: tuple[Shortage, ...]
    """What will not be delivered."""
    amount: MinorUnits
    """Value of what was dropped, in minor units of `currency`."""
    currency: CurrencyCode
    cause: Literal["shortage", "cancelled"]
    """Why it was dropped."""


class AuthorisationSought(Event, name="order.authorisation-sought", version=1):
    """The payment service was asked to set the order's amount aside."""

    order_number: OrderNumber
    attempt: Ordinal
    amount: MinorUnits
    currency: CurrencyCode
    payment: PaymentMethod
    fulfilments: tuple[PricedFulfilment, ...] = ()
    """What the amount pays for; empty when an authorisation that lapsed after confirmation is replaced."""


class PaymentSecured(Event, name="order.payment-secured", version=1):
    """The payment is authorised, and the placement stands still before confirmation; or a lapsed authorisation was
    replaced after it."""

    order_number: OrderNumber
    attempt: Ordinal
    amount: MinorUnits
    currency: CurrencyCode


class AuthorisationLost(Event, name="order.authorisation-lost", version=1):
    """What is not captured is no longer covered by an authorisation: goods that have not left must wait."""

    order_number: OrderNumber


class PaymentWindowOpened(Event, name="order.payment-window-opened", version=1):
    """The payment was declined; the customer may pay again until the window closes.

    Before confirmation the order is cancelled then; after it, what has not left goes on waiting on its hold.
    """

    order_number: OrderNumber
    decline_code: Name
    until: Instant
    """When the time to pay again ends; before confirmation the order's reservation outlasts it."""


class OrderConfirmed(Event, name="order.confirmed", version=1):
    """Stock is reserved and the payment authorised: the order will be delivered."""

    order_number: OrderNumber
    amount: MinorUnits
    """What the customer will be charged, in minor units."""
    currency: CurrencyCode
    fulfilments: tuple[FulfilmentPlan, ...]
    """Where everything will leave from."""
    paid_by: Literal["card", "prepaid"] | None = None
    """How it is paid, where the customer paid again otherwise than ordered; None: as ordered."""


class KeepRequested(Event, name="order.keep-requested", version=1):
    """Inventory was asked to keep the reservation of the confirmed order; until it has, nothing leaves."""

    order_number: OrderNumber
    again: bool = False
    """The reservation had run out: the same units are asked for again."""


class StockKept(Event, name="order.stock-kept", version=1):
    """The units of all that has not left stay reserved until it leaves."""

    order_number: OrderNumber


class FulfilmentProgressed(Event, name="order.fulfilment-progressed", version=1):
    """One fulfilment reached its next status."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    status: Literal["requested", "held", "dispatched", "delivered", "cancelled"]
    """The status it reached."""


class FulfilmentCharged(Event, name="order.fulfilment-charged", version=1):
    """The value of one dispatched fulfilment was captured."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    amount: MinorUnits
    """What was captured, in minor units."""
    currency: CurrencyCode


class CaptureDelayed(Event, name="order.capture-delayed", version=1):
    """The value of a dispatched fulfilment could not be captured; it is tried again, in the end by a person."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId
    tries: Ordinal
    """How often it failed so far."""
    refusal_code: Name


class CancellationRequested(Event, name="order.cancellation-requested", version=1):
    """Someone asked to cancel; the order is locked until the services have answered."""

    order_number: OrderNumber
    cause: CancellationCause
    """Who or what asked."""


class RecallBegan(Event, name="order.recall-began", version=1):
    """The shipments that have not left were asked to be cancelled."""

    order_number: OrderNumber
    fulfilments: tuple[FulfilmentId, ...]
    """The fulfilments whose shipments they are."""


class RecallRefused(Event, name="order.recall-refused", version=1):
    """A shipment that was to be cancelled has left, or is being handed over."""

    order_number: OrderNumber
    fulfilment_id: FulfilmentId


class RecallEnded(Event, name="order.recall-ended", version=1):
    """Some shipments had left: the stock of the others is given back, and the order goes on with the rest."""

    order_number: OrderNumber
    released: tuple[Name, ...]
    """The fulfilments whose stock is given back."""


class CompensationBegan(Event, name="order.compensation-began", version=1):
    """What the placement had asked for is being taken back."""

    order_number: OrderNumber
    parts: tuple[CompensationPart, ...]
    """What is taken back."""
    skus: tuple[Sku, ...] = ()
    """The SKUs whose stock is given back."""


class CompensationAnswered(Event, name="order.compensation-answered", version=1):
    """One part of the placement has been taken back."""

    order_number: OrderNumber
    part: CompensationPart
    """What was taken back."""


class CancellationRefused(Event, name="order.cancellation-refused", version=1):
    """The order, or a part of it, had already left; it goes on."""

    order_number: OrderNumber
    dispatched: tuple[FulfilmentId, ...]
    """The fulfilments that had left."""


class OrderCancelled(Event, name="order.cancelled", version=1):
    """The order ended without delivery; nothing stays reserved, authorised or labelled."""

    order_number: OrderNumber
    cause: CancellationCause
    """Who or what ended it."""


class OrderCompleted(Event, name="order.completed", version=1):
    """Everything was delivered and charged."""

    order_number: OrderNumber
    charged: MinorUnits
    """All that was captured, in minor units."""
    currency: CurrencyCode


class CommandRefused(Event, name="order.command-refused", version=1):
    """A request about the order was refused; nothing changed."""

    order_number: OrderNumber
    command: Name
    """The wire type of the request."""
    explanation: Text


class CustomerBlocked(Event, name="order.customer-blocked", version=1):
    """New orders of the customer wait for a person."""

    customer_id: Name


class CustomerUnblocked(Event, name="order.customer-unblocked", version=1):
    """The customer's orders pass again."""

    customer_id: Name


class CreditLimitSet(Event, name="order.credit-limit-set", version=1):
    """How much the customer's open orders may add up to."""

    customer_id: Name
    limit: MinorUnits
    """The most that open orders may add up to, in minor units."""
    currency: CurrencyCode


class CreditUsed(Event, name="order.credit-used", version=1):
    """An open order counts against the customer's limit."""

    customer_id: Name
    order_number: OrderNumber
    amount: MinorUnits
    currency: CurrencyCode


class CreditFreed(Event, name="order.credit-freed", version=1):
    """An ended order no longer counts against the customer's limit."""

    customer_id: Name
    order_number: OrderNumber
    amount: MinorUnits
    currency: CurrencyCode


class ReleaseHold(Command, name="order.release-hold", version=1):
    """Release one hold by name."""

    order_number: OrderNumber
    hold_id: Name
    street: str = ""
    """A corrected address for a refused label: the new street, or empty to keep what stands."""
    city: str = ""
    """The new city, or empty to keep what stands."""
    postal_code: str = ""
    """The new postal code, or empty to keep what stands."""


class OpenHold(Command, name="order.open-hold", version=1):
    """Stop work on an order by hand."""

    order_number: OrderNumber
    explanation: Text
    owner: Name = "operations"


class ApproveOrder(Command, name="order.approve", version=1):
    """Release all holds that stop the whole order; an order in review is approved by it."""

    order_number: OrderNumber


class RejectOrder(Command, name="order.reject", version=1):
    """Cancel an order that is in review, or stopped as a whole by a hold."""

    order_number: OrderNumber


class CancelOrder(Command, name="order.cancel", version=1):
    """Cancel an order that has not left yet."""

    order_number: OrderNumber
    cause: Literal["customer", "operator"] = "operator"
    """On whose behalf."""


class PayAgain(Command, name="order.pay-again", version=1):
    """Try another payment method within the payment window."""

    order_number: OrderNumber
    payment: PaymentMethod


class BlockCustomer(Command, name="order.block-customer", version=1):
    """Hold the customer's new orders."""

    customer_id: Name


class UnblockCustomer(Command, name="order.unblock-customer", version=1):
    """Let the customer's orders pass again."""

    customer_id: Name


class SetCreditLimit(Command, name="order.set-credit-limit", version=1):
    """Limit what the customer's open orders may add up to."""

    customer_id: Name
    limit: MinorUnits
    currency: CurrencyCode

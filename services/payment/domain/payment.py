"""The payment of one order: its attempts, captures and refunds, and what the gateway is asked about each."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar

from shared.events.payload import Event
from shared.events.values import PaymentMethod
from shared.eventsourcing.decider import Recorded

T = TypeVar("T")

NO_CURRENCY = "XXX"
"""ISO 4217 for a transaction without a currency."""
PREPAID = "prepaid:"
FREE = "free:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the gateway is being asked, under one key until its outcome is known."""

    idempotency_key: str
    asked: int
    waiting: bool = False
    """The last outcome was no answer to rest on: a reminder asks again."""
    refused: bool = False
    """It was refused where a refusal can't stand: it is asked again under a new key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """An attempt whose outcome is not known yet."""

    attempt: int
    amount: int
    currency: str
    payment: PaymentMethod
    question: Question
    let_go: bool = False
    """What comes of it is voided at once."""
    status: Literal["requested"] = "requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """An attempt that the gateway refused."""

    attempt: int
    decline_code: str
    currency: str = NO_CURRENCY
    status: Literal["declined"] = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """An attempt that succeeded: an amount that is set aside, or was."""

    attempt: int
    authorisation_id: str
    amount: int
    currency: str
    expires_at: datetime
    captured: int = 0
    voided: int = 0
    let_go: bool = False
    """What is uncaptured of it is to be voided."""
    renewals: int = 0
    """Keys used to renew it."""
    renewal: Question | None = None
    voids: int = 0
    """Keys used to void it."""
    void: Question | None = None
    status: Literal["authorised", "lapsed", "voided"] = "authorised"
    """`lapsed`: it can't be renewed; what the gateway still lets us capture of it may be captured."""

    @property
    def uncaptured(self) -> int:
        """What is set aside and not collected, in minor units."""
        return 0 if self.status == "voided" else self.amount - self.captured

    @property
    def at_gateway(self) -> bool:
        return not self.authorisation_id.startswith((PREPAID, FREE))


Attempt = Requested | Declined | Authorisation


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedPart:
    """Money collected from one authorisation."""

    capture_id: str
    authorisation_id: str
    amount: int
    refunded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCapture:
    """A part that the gateway is being asked to collect."""

    authorisation_id: str
    amount: int
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The value of one fulfilment, collected in one part or, from several authorisations, part after part."""

    fulfilment_id: str
    amount: int
    currency: str
    parts: tuple[CapturedPart, ...] = ()
    request: OpenCapture | None = None
    tries: int = 0
    """Keys used for it."""
    status: Literal["under_way", "captured", "refused"] = "under_way"

    @property
    def collected(self) -> int:
        return sum(part.amount for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedPart:
    """Money paid back from one capture."""

    idempotency_key: str
    capture_id: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRefund:
    """A part that the gateway is being asked to pay back."""

    capture_id: str
    amount: int
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money paid back, in one part or, from several captures, one part after another."""

    refund_id: str
    amount: int
    currency: str
    parts: tuple[RefundedPart, ...] = ()
    request: OpenRefund | None = None
    tries: int = 0
    """Keys used for it."""
    status: Literal["under_way", "refunded", "refused"] = "under_way"

    @property
    def paid_back(self) -> int:
        return sum(part.amount for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """All the money of one order."""

    attempts: tuple[Attempt, ...] = ()
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    void_owed: bool = False
    """A void was asked for and is not answered yet."""
    let_go: int = 0
    """What was let go since then, in minor units."""
    anomalies: tuple[str, ...] = ()
    """The latest anomalies, so that each is stated once."""

    @property
    def currency(self) -> str:
        """The currency of the latest attempt that names one."""
        named = (known.currency for known in reversed(self.attempts) if known.currency != NO_CURRENCY)
        return next(named, NO_CURRENCY)

    @property
    def last_attempt(self) -> int:
        return self.attempts[-1].attempt if self.attempts else 0

    @property
    def authorisations(self) -> tuple[Authorisation, ...]:
        return tuple(known for known in self.attempts if isinstance(known, Authorisation))

    @property
    def capturing(self) -> bool:
        """The outcome of a capture is not known yet."""
        return any(capture.status == "under_way" for capture in self.captures)

    def attempt(self, number: int) -> Attempt | None:
        return next((known for known in self.attempts if known.attempt == number), None)

    def authorisation(self, authorisation_id: str) -> Authorisation | None:
        """The latest authorisation of that id (a prepaid reference may come again after a void)."""
        found = (known for known in reversed(self.authorisations) if known.authorisation_id == authorisation_id)
        return next(found, None)

    def capture(self, fulfilment_id: str) -> Capture | None:
        return next((known for known in self.captures if known.fulfilment_id == fulfilment_id), None)

    def refund(self, refund_id: str) -> Refund | None:
        return next((known for known in self.refunds if known.refund_id == refund_id), None)

    def uncommitted(self, authorisation: Authorisation) -> int:
        """What is neither captured nor being captured of an authorisation, in minor units."""
        asked_for = sum(
            known.request.amount
            for known in self.captures
            if known.request and known.request.authorisation_id == authorisation.authorisation_id
        )
        return authorisation.uncaptured - asked_for

    def unrefunded(self, part: CapturedPart) -> int:
        """What is neither paid back nor being paid back of a capture, in minor units."""
        asked_for = sum(
            known.request.amount
            for known in self.refunds
            if known.request and known.request.capture_id == part.capture_id
        )
        return part.amount - part.refunded - asked_for

    def with_attempt(self, changed: Attempt) -> "Payment":
        """The payment with one attempt changed."""
        return replace(
            self,
            attempts=tuple(changed if known.attempt == changed.attempt else known for known in self.attempts),
        )

    def with_capture(self, changed: Capture) -> "Payment":
        """The payment with one capture changed, or added."""
        return replace(self, captures=_put(self.captures, self.capture(changed.fulfilment_id), changed))

    def with_refund(self, changed: Refund) -> "Payment":
        """The payment with one refund changed, or added."""
        return replace(self, refunds=_put(self.refunds, self.refund(changed.refund_id), changed))


def facts(order_number: str, *events: Event) -> tuple[Recorded, ...]:
    """Events recorded by the payment of an order."""
    return tuple(Recorded(f"payment-{order_number}", event) for event in events)


def _put(items: tuple[T, ...], old: T | None, new: T) -> tuple[T, ...]:
    return (*items, new) if old is None else tuple(new if item is old else item for item in items)

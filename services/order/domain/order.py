"""The life of an order: what was ordered, what holds it, and how it ended."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from services.order.domain.content import digest, skus_of
from shared.events.order import (
    BackorderEnded,
    CancellationCause,
    CancellationRefused,
    CancellationRequested,
    HoldOpened,
    HoldReason,
    HoldReleased,
    OrderApproved,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderPlaced,
    OrderReaffirmed,
    OrderReplaced,
    RestatementHeld,
)
from shared.events.payload import Event
from shared.events.values import OrderContent
from shared.eventsourcing.decider import Category

OUTLIVE_THE_ORDER: frozenset[HoldReason] = frozenset({"payment_anomaly"})
"""Holds that are about the customer's money: they stay open when the order ends, and may be opened after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An open hold."""

    hold_id: str
    reason: HoldReason
    fulfilment_id: str = ""
    """Empty: the whole order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What is known of an order in every status: what its channel stated last, and what holds it."""

    channel: str
    channel_order_id: str
    channel_updated_at: datetime
    digest: str
    """Of the newest statement that was taken."""
    customer_id: str
    counts_as_credit: bool
    holds: tuple[Hold, ...] = ()
    holds_opened: int = 0

    def hold_of(self, reason: HoldReason, fulfilment_id: str = "") -> Hold | None:
        """The open hold for a reason."""
        for hold in self.holds:
            if hold.reason == reason and hold.fulfilment_id == fulfilment_id:
                return hold
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOrder:
    """Nothing was ordered under this number."""

    status: Literal["none"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class InReview:
    """Placed or replaced, and held until a person has decided."""

    dossier: Dossier
    content: OrderContent
    status: Literal["in_review"] = "in_review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """May be reserved and paid."""

    dossier: Dossier
    content: OrderContent
    status: Literal["approved"] = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Will be delivered. The lines live on in the placement's fulfilments; the content goes without them."""

    dossier: Dossier
    content: OrderContent
    status: Literal["confirmed"] = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelling:
    """Locked until everything that was asked for has been taken back."""

    dossier: Dossier
    content: OrderContent
    cause: CancellationCause
    confirmed: bool
    """Only a confirmed order can turn out to have left, and go on."""
    status: Literal["cancelling"] = "cancelling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Ended without delivery."""

    dossier: Dossier
    skus: tuple[str, ...]
    """What a reservation that is answered too late would hold."""
    status: Literal["cancelled"] = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Delivered and charged."""

    dossier: Dossier
    status: Literal["completed"] = "completed"


Known: TypeAlias = InReview | Approved | Confirmed | Cancelling | Cancelled | Completed
Order: TypeAlias = NoOrder | Known


def content_of(order: Order) -> OrderContent:
    """What was ordered, while the order is under way: before that, and once it has ended, nobody asks."""
    assert isinstance(order, InReview | Approved | Confirmed | Cancelling)
    return order.content


def counts_for(order: Order, customer_id: str) -> bool:
    """Whether an order counts against the limit of a customer now."""
    match order:
        case InReview() | Approved() | Confirmed() | Cancelling():
            return order.dossier.counts_as_credit and order.dossier.customer_id == customer_id
        case NoOrder() | Cancelled() | Completed():
            return False


def evolve(state: Order, event: Event) -> Order:
    """The order after a fact; facts of its placement leave it unchanged."""
    match event, state:
        case OrderPlaced(), _:
            return InReview(dossier=_placed(event), content=event.content)
        case OrderReplaced(), InReview() | Approved():
            return InReview(dossier=_replaced(state.dossier, event), content=event.content)
        case (
            OrderReaffirmed(),
            InReview() | Approved() | Confirmed() | Cancelling() | Cancelled() | Completed(),
        ):
            return replace(state, dossier=replace(state.dossier, channel_updated_at=event.channel_updated_at))
        case RestatementHeld(), Confirmed() | Cancelling():
            return replace(state, dossier=_proposed(state.dossier, event.proposed))
        case HoldOpened(), InReview() | Approved() | Confirmed() | Cancelling():
            return replace(state, dossier=_held(state.dossier, event))
        case HoldReleased(), InReview() | Approved() | Confirmed() | Cancelling():
            return replace(
                state, dossier=_released(state.dossier, event), content=_corrected(state.content, event)
            )
        case HoldOpened(), Cancelled() | Completed():
            return replace(state, dossier=_held(state.dossier, event))
        case HoldReleased(), Cancelled() | Completed():
            return replace(state, dossier=_released(state.dossier, event))
        case OrderApproved(), InReview():
            return Approved(dossier=state.dossier, content=state.content)
        case BackorderEnded(), Approved():
            return replace(state, content=state.content.model_copy(update={"allow_backorder": False}))
        case OrderConfirmed(), Approved():
            return Confirmed(dossier=state.dossier, content=_without_lines(state.content))
        case _:
            return _ending(state, event)


def _ending(state: Order, event: Event) -> Order:
    match event, state:
        case CancellationRequested(), InReview() | Approved():
            return Cancelling(dossier=state.dossier, content=state.content, cause=event.cause, confirmed=False)
        case CancellationRequested(), Confirmed():
            return Cancelling(dossier=state.dossier, content=state.content, cause=event.cause, confirmed=True)
        case CancellationRefused(), Cancelling():
            return Confirmed(dossier=state.dossier, content=state.content)
        case OrderCancelled(), Cancelling():
            return Cancelled(dossier=_ended(state.dossier), skus=skus_of(state.content))
        case OrderCompleted(), Confirmed():
            return Completed(dossier=_ended(state.dossier))
        case _:
            return state


def _placed(event: OrderPlaced) -> Dossier:
    return Dossier(
        channel=event.content.channel,
        channel_order_id=event.content.channel_order_id,
        channel_updated_at=event.content.channel_updated_at,
        digest=digest(event.content),
        customer_id=event.content.customer.id,
        counts_as_credit=event.counts_as_credit,
    )


def _replaced(dossier: Dossier, event: OrderReplaced) -> Dossier:
    return replace(
        _proposed(dossier, event.content),
        customer_id=event.content.customer.id,
        counts_as_credit=event.counts_as_credit,
    )


def _proposed(dossier: Dossier, content: OrderContent) -> Dossier:
    return replace(dossier, channel_updated_at=content.channel_updated_at, digest=digest(content))


def _held(dossier: Dossier, event: HoldOpened) -> Dossier:
    hold = Hold(hold_id=event.hold_id, reason=event.reason, fulfilment_id=event.fulfilment_id)
    return replace(dossier, holds=(*dossier.holds, hold), holds_opened=dossier.holds_opened + 1)


def _released(dossier: Dossier, event: HoldReleased) -> Dossier:
    return replace(dossier, holds=tuple(hold for hold in dossier.holds if hold.hold_id != event.hold_id))


def _ended(dossier: Dossier) -> Dossier:
    return replace(dossier, holds=tuple(hold for hold in dossier.holds if hold.reason in OUTLIVE_THE_ORDER))


def _corrected(content: OrderContent, event: HoldReleased) -> OrderContent:
    return content if event.address is None else content.model_copy(update={"shipping_address": event.address})


def _without_lines(content: OrderContent) -> OrderContent:
    return content.model_copy(update={"lines": (), "notes": "", "attributes": {}})


ORDER: Category[Order] = Category("order", Order, NoOrder(), evolve)

"""How far the placement of an order has come: what was asked, what was answered, what is taken back."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from services.order.domain.delivery import Delivery
from shared.events.order import (
    AuthorisationLost,
    AuthorisationSought,
    CaptureDelayed,
    CompensationAnswered,
    CompensationBegan,
    CompensationPart,
    FulfilmentCharged,
    FulfilmentProgressed,
    KeepRequested,
    OrderBackordered,
    PaymentSecured,
    PaymentWindowOpened,
    PricedFulfilment,
    RecallBegan,
    RecallEnded,
    RecallRefused,
    ReservationRequested,
    StockKept,
    StockMissing,
    StockSecured,
)
from shared.events.payload import Event
from shared.events.values import PaymentMethod
from shared.eventsourcing.decider import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nothing is asked for, and nothing is to be taken back."""

    step: int = 0
    """Raised with each wait that begins, so that the deadline of an earlier wait is known as stale."""
    attempt: int = 0
    """How often a payment was attempted."""
    status: Literal["idle"] = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserving:
    """Waits for the stock."""

    step: int
    attempt: int
    expires_at: datetime
    """Of the reservation that is asked for; inventory states it again, which tells an earlier one apart."""
    status: Literal["reserving"] = "reserving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backordered:
    """Waits for stock to arrive."""

    step: int
    attempt: int
    expires_at: datetime
    status: Literal["backordered"] = "backordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Has the stock, and stands on a hold."""

    step: int
    attempt: int
    fulfilments: tuple[PricedFulfilment, ...]
    payment: PaymentMethod | None = None
    """The method of an authorisation that lapsed here; None: as the order states it."""
    expires_at: datetime | None = None
    """Of the reservation; None in a state that was stored before it was kept here."""
    status: Literal["reserved"] = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorising:
    """Waits for the payment."""

    step: int
    attempt: int
    amount: int
    payment: PaymentMethod
    fulfilments: tuple[PricedFulfilment, ...]
    window_until: datetime | None = None
    """When the time to pay again is over, once a payment was declined."""
    expires_at: datetime | None = None
    """Of the reservation, as in `Reserved`."""
    status: Literal["authorising"] = "authorising"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingPayment:
    """Declined: waits for the customer to pay again."""

    step: int
    attempt: int
    fulfilments: tuple[PricedFulfilment, ...]
    window_until: datetime
    expires_at: datetime | None = None
    """Of the reservation, as in `Reserved`."""
    status: Literal["awaiting_payment"] = "awaiting_payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorised:
    """Has the stock and the payment, and stands on a hold."""

    step: int
    attempt: int
    amount: int
    payment: PaymentMethod
    fulfilments: tuple[PricedFulfilment, ...]
    expires_at: datetime | None = None
    """Of the reservation, as in `Reserved`."""
    status: Literal["authorised"] = "authorised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """Confirmed: each fulfilment goes its way."""

    step: int
    delivery: Delivery
    status: Literal["shipping"] = "shipping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalling:
    """Waits to hear which shipments could be called back."""

    step: int
    delivery: Delivery
    awaiting: tuple[str, ...]
    refused: tuple[str, ...] = ()
    status: Literal["recalling"] = "recalling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """Waits until what was asked for is taken back. Nothing has left: no captured amount can stand here."""

    step: int
    attempt: int
    awaiting: tuple[CompensationPart, ...]
    skus: tuple[str, ...]
    status: Literal["undoing"] = "undoing"


Placement: TypeAlias = (
    Idle
    | Reserving
    | Backordered
    | Reserved
    | Authorising
    | AwaitingPayment
    | Authorised
    | Shipping
    | Recalling
    | Undoing
)


def attempt_of(state: Placement) -> int:
    """How often a payment was attempted so far."""
    return state.delivery.attempt if isinstance(state, Shipping | Recalling) else state.attempt


def delivery_of(state: Placement) -> Delivery:
    """The delivery of a confirmed order: only the steps that know one ask for it."""
    assert isinstance(state, Shipping | Recalling)
    return state.delivery


def evolve(state: Placement, event: Event) -> Placement:
    """The placement after a fact; facts of the order leave it unchanged."""
    match event, state:
        case ReservationRequested(), Idle():
            return Reserving(step=state.step + 1, attempt=state.attempt, expires_at=event.expires_at)
        case OrderBackordered(), Reserving():
            return Backordered(step=state.step + 1, attempt=state.attempt, expires_at=state.expires_at)
        case StockMissing(), Reserving() | Backordered():
            return Idle(step=state.step, attempt=state.attempt)
        case StockSecured(), Reserving() | Backordered():
            return Reserved(
                step=state.step,
                attempt=state.attempt,
                fulfilments=event.fulfilments,
                expires_at=state.expires_at,
            )
        case CompensationBegan(), Shipping():
            return Shipping(step=state.step + 1, delivery=replace(state.delivery, cover="voiding"))
        case CompensationBegan(), _:
            return Undoing(step=state.step + 1, attempt=attempt_of(state), awaiting=event.parts, skus=event.skus)
        case CompensationAnswered(), Undoing():
            left = tuple(part for part in state.awaiting if part != event.part)
            return replace(state, awaiting=left) if left else Idle(step=state.step, attempt=state.attempt)
        case _, Shipping() | Recalling():
            return _delivering(state, event)
        case _:
            return _paying(state, event)


def _paying(state: Placement, event: Event) -> Placement:
    match event, state:
        case (
            AuthorisationSought(),
            Reserving() | Backordered() | Reserved() | AwaitingPayment(),
        ):
            return Authorising(
                step=state.step + 1,
                attempt=event.attempt,
                amount=event.amount,
                payment=event.payment,
                fulfilments=event.fulfilments,
                window_until=state.window_until if isinstance(state, AwaitingPayment) else None,
                expires_at=state.expires_at,
            )
        case PaymentWindowOpened(), Authorising():
            return AwaitingPayment(
                step=state.step + 1,
                attempt=state.attempt,
                fulfilments=state.fulfilments,
                window_until=event.until,
                expires_at=state.expires_at,
            )
        case PaymentSecured(), Authorising():
            return Authorised(
                step=state.step,
                attempt=state.attempt,
                amount=state.amount,
                payment=state.payment,
                fulfilments=state.fulfilments,
                expires_at=state.expires_at,
            )
        case AuthorisationLost(), Authorised():
            return Reserved(
                step=state.step,
                attempt=state.attempt,
                fulfilments=state.fulfilments,
                payment=state.payment,
                expires_at=state.expires_at,
            )
        case KeepRequested(), Reserved() | Authorising() | Authorised():
            return Shipping(step=state.step, delivery=_begun(state).asked(event))
        case FulfilmentProgressed(), Reserved() | Authorising() | Authorised():
            return Shipping(step=state.step, delivery=_begun(state).progressed(event))
        case _:
            return state


def _begun(state: Reserved | Authorising | Authorised) -> Delivery:
    if isinstance(state, Reserved):
        return Delivery.of(state.fulfilments, attempt=state.attempt, authorised=0, payment=None)
    return Delivery.of(state.fulfilments, attempt=state.attempt, authorised=state.amount, payment=state.payment)


def _delivering(state: Shipping | Recalling, event: Event) -> Placement:
    delivery = state.delivery
    match event:
        case FulfilmentProgressed():
            moved = delivery.progressed(event)
            if isinstance(state, Shipping) or event.status in ("requested", "held"):
                return replace(state, delivery=moved)
            return replace(state, delivery=moved, awaiting=_without(state.awaiting, event.fulfilment_id))
        case KeepRequested():
            return replace(state, delivery=delivery.asked(event))
        case StockKept():
            return replace(state, delivery=replace(delivery, stock="kept"))
        case StockMissing() if delivery.stock == "taking":
            return replace(state, delivery=replace(delivery, stock="missing"))
        case RecallBegan():
            return Recalling(step=state.step + 1, delivery=delivery, awaiting=event.fulfilments)
        case RecallRefused() if isinstance(state, Recalling):
            return replace(
                state,
                awaiting=_without(state.awaiting, event.fulfilment_id),
                refused=(*state.refused, event.fulfilment_id),
            )
        case RecallEnded():
            releasing = (*delivery.releasing, *event.released)
            return Shipping(step=state.step + 1, delivery=replace(delivery, releasing=releasing))
        case AuthorisationSought():
            return replace(state, step=state.step + 1, delivery=delivery.sought(event))
        case FulfilmentCharged():
            return replace(state, delivery=delivery.charged(event))
        case CaptureDelayed():
            return replace(state, delivery=delivery.delayed(event))
        case PaymentSecured():
            return replace(state, delivery=delivery.secured(event))
        case AuthorisationLost():
            return replace(state, delivery=replace(delivery, cover="lapsed"))
        case PaymentWindowOpened():
            return replace(state, delivery=replace(delivery, window_until=event.until))
        case CompensationAnswered():
            return replace(state, delivery=delivery.given_back(event.part))
        case _:
            return state


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(other for other in names if other != name)


PLACEMENT: Category[Placement] = Category("placement", Placement, Idle(), evolve)

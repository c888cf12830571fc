"""The placement as a table of steps: what each sends, what it waits for, its deadline, and how it is undone.

A message that the current step does not wait for is late or doubled, and decides nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from services.order.domain import capturing, compensating, delivering, keeping, paying, recalling, reserving
from services.order.domain.case import Case
from services.order.domain.messages import (
    CaptureDue,
    CaptureOverdue,
    DeadlinePassed,
    FulfilmentOverdue,
    KeepOverdue,
    ReleaseOverdue,
)
from services.order.domain.order import NoOrder
from services.order.domain.placement import (
    Authorised,
    Authorising,
    AwaitingPayment,
    Backordered,
    Idle,
    Placement,
    Recalling,
    Reserved,
    Reserving,
    Shipping,
    Undoing,
)
from shared.events.inventory import (
    KeepReservation,
    ReleaseStock,
    ReservationExpired,
    ReservationKept,
    ReservationRefused,
    ReservationReleased,
    ReserveStock,
    StockBackordered,
    StockReserved,
)
from shared.events.payload import Command, Payload
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisePayment,
    CapturePayment,
    CaptureRefused,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentVoided,
    VoidPayment,
)
from shared.events.shipping import (
    CancelShipment,
    HoldShipment,
    LabelRefused,
    RequestShipment,
    ResumeShipment,
    ShipmentCancellationRefused,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentExceptionRaised,
)
from shared.eventsourcing.decider import NOTHING, Decision


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step does with a message that it waits for."""

    rule: Callable[[Case, Any], Decision]
    leads_to: tuple[type[Placement], ...] = ()
    """The steps that may follow; none: the same step goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of the table."""

    sends: tuple[type[Command], ...] = ()
    """As it begins and while it lasts; to give back what comes late too."""
    answers: Mapping[type[Payload], Answer] = field(default_factory=dict)
    deadlines: tuple[str, ...] = ()
    """The durations in `Policy`; none: the step has no wait of its own, or stands on a named hold."""
    overdue: Callable[[Case], Decision] | None = None
    """What the deadline does."""
    overdue_leads_to: tuple[type[Placement], ...] = ()
    follows: tuple[type[Placement], ...] = ()
    """The steps that follow when the order says so: approved, a hold released, a cancellation asked for."""


def _shipping_overdue(case: Case) -> Decision:
    """Confirmed, the order as a whole waits for its stock to be kept, for another authorisation, or for the rest
    to be voided."""
    stock = keeping.not_kept_yet(case)
    match case.placement:
        case Shipping(delivery=delivery) if delivery.cover == "authorising":
            return stock + paying.payment_overdue(case)
        case Shipping(delivery=delivery) if delivery.cover == "voiding":
            return compensating.compensation_overdue(case)
        case _:
            return stock


Answers = dict[type[Payload], Answer]

_TO_GIVE_BACK: tuple[type[Command], ...] = (ReleaseStock, VoidPayment)
_STOCK_IS_LATE: Answers = {
    StockReserved: Answer(compensating.give_stock_back),
    StockBackordered: Answer(compensating.give_stock_back),
}
_PAYMENT_IS_LATE: Answers = {PaymentAuthorised: Answer(compensating.give_payment_back)}
_EXPIRES: Answers = {ReservationExpired: Answer(reserving.reservation_expired, (Undoing,))}
_DELIVERING: Answers = {
    ReservationKept: Answer(keeping.reservation_kept),
    ReservationExpired: Answer(reserving.reservation_expired),
    KeepOverdue: Answer(keeping.keep_overdue),
    ShipmentDispatched: Answer(delivering.dispatched),
    ShipmentDelivered: Answer(delivering.delivered),
    LabelRefused: Answer(delivering.label_refused),
    ShipmentExceptionRaised: Answer(delivering.delivery_exception),
    FulfilmentOverdue: Answer(delivering.fulfilment_overdue),
    PaymentCaptured: Answer(capturing.captured),
    CaptureRefused: Answer(capturing.capture_refused),
    CaptureDue: Answer(capturing.capture_due),
    CaptureOverdue: Answer(capturing.capture_overdue),
    PaymentAuthorised: Answer(paying.payment_authorised),
    PaymentDeclined: Answer(paying.payment_declined),
    AuthorisationLapsed: Answer(paying.authorisation_lapsed),
    StockReserved: Answer(compensating.give_rest_back),
    ReservationReleased: Answer(compensating.stock_released),
    ReleaseOverdue: Answer(recalling.release_overdue),
}

STEPS: Mapping[type[Placement], Step] = MappingProxyType(
    {
        Idle: Step(
            sends=_TO_GIVE_BACK,
            answers={**_STOCK_IS_LATE, **_PAYMENT_IS_LATE},
            follows=(Reserving,),
        ),
        Reserving: Step(
            sends=(ReserveStock, *_TO_GIVE_BACK),
            answers={
                StockReserved: Answer(reserving.stock_reserved, (Reserved, Authorising, Shipping)),
                StockBackordered: Answer(reserving.stock_backordered, (Backordered,)),
                ReservationRefused: Answer(reserving.reservation_refused, (Idle,)),
                **_PAYMENT_IS_LATE,
            },
            deadlines=("reserve_within",),
            overdue=reserving.reservation_overdue,
            follows=(Undoing,),
        ),
        Backordered: Step(
            sends=(ReserveStock, *_TO_GIVE_BACK),
            answers={
                StockReserved: Answer(reserving.stock_reserved, (Reserved, Authorising, Shipping)),
                ReservationRefused: Answer(reserving.reservation_refused, (Idle,)),
                **_EXPIRES,
                **_PAYMENT_IS_LATE,
            },
            deadlines=("backorder_within",),
            overdue=reserving.backorder_overdue,
            overdue_leads_to=(Undoing,),
            follows=(Undoing,),
        ),
        Reserved: Step(
            sends=(VoidPayment,),
            answers={**_EXPIRES, **_PAYMENT_IS_LATE},
            follows=(Authorising, Shipping, Undoing),
        ),
        Authorising: Step(
            sends=(AuthorisePayment,),
            answers={
                PaymentAuthorised: Answer(paying.payment_authorised, (Authorised, Shipping)),
                PaymentDeclined: Answer(paying.payment_declined, (AwaitingPayment, Undoing)),
                **_EXPIRES,
            },
            deadlines=("authorise_within",),
            overdue=paying.payment_overdue,
            follows=(Undoing,),
        ),
        AwaitingPayment: Step(
            answers=_EXPIRES,
            deadlines=("payment_window",),
            overdue=paying.window_closed,
            overdue_leads_to=(Undoing,),
            follows=(Authorising, Undoing),
        ),
        Authorised: Step(
            answers={AuthorisationLapsed: Answer(paying.authorisation_lapsed, (Reserved,)), **_EXPIRES},
            follows=(Shipping, Undoing),
        ),
        Shipping: Step(
            sends=(
                KeepReservation,
                RequestShipment,
                HoldShipment,
                ResumeShipment,
                CapturePayment,
                AuthorisePayment,
                VoidPayment,
                ReleaseStock,
            ),
            answers={
                ShipmentCancelled: Answer(recalling.shipment_cancelled, (Undoing,)),
                PaymentVoided: Answer(compensating.payment_voided),
                **_DELIVERING,
            },
            deadlines=(
                "reserve_within",
                "ship_within",
                "deliver_within",
                "capture_within",
                "authorise_within",
                "compensate_within",
            ),
            overdue=_shipping_overdue,
            follows=(Recalling,),
        ),
        Recalling: Step(
            sends=(CancelShipment, CapturePayment, KeepReservation, ReleaseStock),
            answers={
                ShipmentCancelled: Answer(recalling.shipment_cancelled, (Undoing, Shipping)),
                ShipmentCancellationRefused: Answer(recalling.cancellation_refused, (Shipping,)),
                **_DELIVERING,
                ShipmentDispatched: Answer(delivering.dispatched, (Shipping,)),
                ShipmentDelivered: Answer(delivering.delivered, (Shipping,)),
            },
            deadlines=("recall_within",),
            overdue=recalling.recall_overdue,
        ),
        Undoing: Step(
            sends=_TO_GIVE_BACK,
            answers={
                ReservationReleased: Answer(compensating.stock_released, (Idle, Reserving)),
                PaymentVoided: Answer(compensating.payment_voided, (Idle, Reserving)),
                **_STOCK_IS_LATE,
                **_PAYMENT_IS_LATE,
            },
            deadlines=("compensate_within",),
            overdue=compensating.compensation_overdue,
        ),
    }
)
"""Every step of the placement. What is undone, and by what, stands in `compensating.TO_UNDO`."""

LISTENS_TO: tuple[type[Payload], ...] = tuple(
    dict.fromkeys(message for step in STEPS.values() for message in step.answers)
)
"""Every message that some step waits for."""


def answer(case: Case, message: Payload) -> Decision:
    """What the current step does with a message from another service, or with a reminder of its own."""
    if isinstance(case.order, NoOrder):
        return NOTHING
    known = STEPS[type(case.placement)].answers.get(type(message))
    return NOTHING if known is None else known.rule(case, message)


def deadline_passed(case: Case, message: DeadlinePassed) -> Decision:
    """What the current step does when it has waited long enough; an earlier step's deadline does nothing."""
    overdue = STEPS[type(case.placement)].overdue
    if overdue is None or case.placement.step != message.step:
        return NOTHING
    return overdue(case)

"""Taking back what a placement has asked for. Nothing here fails: it is asked again, and a person is told."""

from collections.abc import Mapping
from types import MappingProxyType

from services.order.domain.case import Case
from services.order.domain.content import skus_of
from services.order.domain.holds import hold, release_for
from services.order.domain.messages import DeadlinePassed
from services.order.domain.order import Cancelled, content_of
from services.order.domain.placement import (
    Authorised,
    Authorising,
    AwaitingPayment,
    Backordered,
    Placement,
    Recalling,
    Reserved,
    Reserving,
    Shipping,
    Undoing,
    delivery_of,
)
from shared.events.inventory import ReleaseStock, ReservationReleased, StockBackordered, StockReserved
from shared.events.order import (
    CancellationCause,
    CancellationRequested,
    CompensationAnswered,
    CompensationBegan,
    CompensationPart,
)
from shared.events.payload import Command
from shared.events.payment import PaymentAuthorised, PaymentVoided, VoidPayment
from shared.eventsourcing.decider import NOTHING, Decision, Reminder

TO_UNDO: Mapping[type[Placement], tuple[CompensationPart, ...]] = MappingProxyType(
    {
        Reserving: ("stock",),
        Backordered: ("stock",),
        Reserved: ("stock", "payment"),
        Authorising: ("stock", "payment"),
        AwaitingPayment: ("stock", "payment"),
        Authorised: ("stock", "payment"),
    }
)
"""What has been asked for in each status before confirmation, and has to be taken back."""


def cancel(case: Case, cause: CancellationCause) -> Decision:
    """Lock the order; the placement takes back what it asked for, and then the order ends."""
    return Decision(case.of_order(CancellationRequested(order_number=case.number, cause=cause)))


def undo(case: Case) -> Decision:
    """Take back what was asked for before confirmation."""
    match case.placement:
        case Reserved(payment=None):  # no authorisation has lapsed: there is none to void
            parts: tuple[CompensationPart, ...] = ("stock",)
        case placement:
            parts = TO_UNDO.get(type(placement), ())
    return compensate(case, parts, _skus(case)) if parts else NOTHING


def compensate(case: Case, parts: tuple[CompensationPart, ...], skus: tuple[str, ...] = ()) -> Decision:
    """Ask for the parts to be taken back, and wait for both answers."""
    began = CompensationBegan(order_number=case.number, parts=parts, skus=skus)
    return Decision(
        case.of_placement(began),
        _commands(case, parts, skus),
        (_deadline(case, case.placement.step + 1),),
    )


def stock_released(case: Case, message: ReservationReleased) -> Decision:
    """The stock is given back."""
    return _answered(case, "stock")


def payment_voided(case: Case, message: PaymentVoided) -> Decision:
    """Nothing uncaptured is set aside any longer."""
    return _answered(case, "payment")


def compensation_overdue(case: Case) -> Decision:
    """Ask again, as often as it takes, and let a person look."""
    parts: tuple[CompensationPart, ...] = ("payment",)
    skus: tuple[str, ...] = ()
    if isinstance(case.placement, Undoing):
        parts, skus = case.placement.awaiting, case.placement.skus
    explanation = (
        f"The services have not taken back what was asked for ({', '.join(parts)}); they are asked again."
    )
    return Decision(
        hold(case, "compensation_overdue", explanation),
        _commands(case, parts, skus),
        (_deadline(case, case.placement.step),),
    )


def give_stock_back(case: Case, message: StockReserved | StockBackordered) -> Decision:
    """Stock that comes when nobody waits for it does not stay reserved."""
    if isinstance(case.placement, Undoing) and "stock" in case.placement.awaiting:
        return NOTHING
    named = (
        (part.sku for plan in message.fulfilments for part in plan.lines)
        if isinstance(message, StockReserved)
        else (shortage.sku for shortage in message.waiting)
    )
    skus = tuple(dict.fromkeys((*_skus(case), *named)))
    return Decision(commands=(ReleaseStock(order_number=case.number, skus=skus),))


def give_rest_back(case: Case, message: StockReserved) -> Decision:
    """A reservation repeated after confirmation may hold what the delivery knows nothing of."""
    delivery = delivery_of(case.placement)
    unknown = [one for one in message.fulfilments if delivery.find(one.fulfilment_id) is None]
    if not unknown:
        return NOTHING
    release = ReleaseStock(
        order_number=case.number,
        skus=tuple(dict.fromkeys(part.sku for one in unknown for part in one.lines)),
        fulfilments=tuple(one.fulfilment_id for one in unknown),
    )
    return Decision(commands=(release,))


def give_payment_back(case: Case, message: PaymentAuthorised) -> Decision:
    """An authorisation that comes when nobody waits for it does not stand."""
    if isinstance(case.placement, Undoing) and "payment" in case.placement.awaiting:
        return NOTHING
    return Decision(commands=(VoidPayment(order_number=case.number),))


def _answered(case: Case, part: CompensationPart) -> Decision:
    match case.placement:
        case Undoing(awaiting=awaiting) if part in awaiting:
            last = len(awaiting) == 1
        case Shipping(delivery=delivery) if part == "payment" and delivery.cover == "voiding":
            last = True
        case Shipping(delivery=delivery) | Recalling(delivery=delivery) if part == "stock" and delivery.releasing:
            last = True
        case _:
            return NOTHING
    released = release_for(case, "compensation_overdue") if last else ()
    answered = CompensationAnswered(order_number=case.number, part=part)
    return Decision((*released, *case.of_placement(answered)))


def _commands(case: Case, parts: tuple[CompensationPart, ...], skus: tuple[str, ...]) -> tuple[Command, ...]:
    asked: dict[CompensationPart, Command] = {"payment": VoidPayment(order_number=case.number)}
    if "stock" in parts:
        asked["stock"] = ReleaseStock(order_number=case.number, skus=skus)
    return tuple(asked[part] for part in parts)


def _deadline(case: Case, step: int) -> Reminder:
    at = case.context.now + case.policy.compensate_within
    return Reminder(at, DeadlinePassed(order_number=case.number, step=step))


def _skus(case: Case) -> tuple[str, ...]:
    return case.order.skus if isinstance(case.order, Cancelled) else skus_of(content_of(case.order))

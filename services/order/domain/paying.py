"""The second step: the payment is authorised; a declined one may be tried again for a while."""

from datetime import datetime

from services.order.domain.case import Case
from services.order.domain.compensating import cancel
from services.order.domain.confirming import confirm
from services.order.domain.holds import hold, hold_for, release_for, stands_still
from services.order.domain.messages import DeadlinePassed
from services.order.domain.order import (
    Approved,
    Cancelled,
    Cancelling,
    Completed,
    Confirmed,
    InReview,
    NoOrder,
    content_of,
)
from services.order.domain.placement import (
    Authorised,
    Authorising,
    Recalling,
    Shipping,
    attempt_of,
    delivery_of,
)
from services.order.domain.review import ReviewFacts
from shared.events.order import (
    AuthorisationLost,
    AuthorisationSought,
    PaymentSecured,
    PaymentWindowOpened,
    PricedFulfilment,
    StockSecured,
)
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisePayment,
    PaymentAnomalyDetected,
    PaymentAuthorised,
    PaymentDeclined,
    VoidPayment,
)
from shared.events.values import OrderContent, PaymentMethod
from shared.eventsourcing.decider import NOTHING, Decision, Reminder


def pay(
    case: Case, content: OrderContent, fulfilments: tuple[PricedFulfilment, ...], payment: PaymentMethod
) -> Decision:
    """Have the value of the fulfilments set aside; where they are worth nothing, confirm at once."""
    amount = sum(fulfilment.amount for fulfilment in fulfilments)
    if amount == 0:
        secured = StockSecured(order_number=case.number, fulfilments=fulfilments)
        return Decision(case.of_placement(secured)) + confirm(case, content, fulfilments)
    return _seek(case, content.currency, amount, payment, fulfilments)


def pay_for_the_rest(case: Case, content: OrderContent, placement: Shipping, payment: PaymentMethod) -> Decision:
    """Replace an authorisation that lapsed by one for all that is not captured."""
    amount = placement.delivery.uncharged
    if amount == 0:
        secured = _secured(case, placement.delivery.attempt, 0, content.currency)
        return Decision(case.of_placement(secured))
    return _seek(case, content.currency, amount, payment, ())


def payment_authorised(case: Case, message: PaymentAuthorised) -> Decision:
    """Confirm the order, unless a hold stops it; after confirmation, let the shipments go on."""
    if message.attempt != attempt_of(case.placement):
        return NOTHING
    events = release_for(case, "payment_overdue")
    secured = case.of_placement(_secured(case, message.attempt, message.amount, message.currency))
    match case.order, case.placement:
        case Approved(content=content), Authorising(fulfilments=fulfilments):
            if stands_still(case.order):
                return Decision(events + secured)
            return Decision(events) + confirm(case, content, fulfilments)
        case _, Shipping(delivery=delivery) | Recalling(delivery=delivery) if delivery.cover == "authorising":
            return Decision(events + secured)
        case _:
            return NOTHING


def payment_declined(case: Case, message: PaymentDeclined) -> Decision:
    """Let the customer pay again until the window closes; it is opened by the first decline alone.

    Where the reservation would be gone too soon, there is no window any more.
    """
    if message.attempt != attempt_of(case.placement):
        return NOTHING
    events = release_for(case, "payment_overdue")
    match case.placement:
        case Authorising(window_until=told, expires_at=expires_at, step=step):
            until = told or case.policy.window_until(case.context.now, expires_at)
            if until is None or until <= case.context.now:
                return Decision(events) + cancel(case, "payment_declined")
            opened = PaymentWindowOpened(order_number=case.number, decline_code=message.decline_code, until=until)
            closes = Reminder(until, DeadlinePassed(order_number=case.number, step=step + 1))
            return Decision(events + case.of_placement(opened), reminders=(closes,))
        case Shipping(delivery=delivery) | Recalling(delivery=delivery) if delivery.cover == "authorising":
            explanation = f"The payment for what has not left was declined ({message.decline_code})."
            window = case.of_placement(_window_after_confirmation(case, message, delivery.window_until))
            return Decision(events) + _lose(case, explanation) + Decision(window)
        case _:
            return NOTHING


def authorisation_lapsed(case: Case, message: AuthorisationLapsed) -> Decision:
    """Goods that have not left wait until a person has seen to the payment.

    Before confirmation another authorisation will take its place: whatever is still set aside is let go.
    """
    if isinstance(case.placement, Authorised):
        lost = case.of_placement(AuthorisationLost(order_number=case.number))
        return Decision(lost, (VoidPayment(order_number=case.number),))
    delivery = delivery_of(case.placement)
    if delivery.cover != "authorised" or delivery.uncharged == 0:
        return NOTHING
    return _lose(case, "The authorisation ran out before everything had left; releasing asks for another.")


def payment_anomaly(case: Case, message: PaymentAnomalyDetected) -> Decision:
    """The review says whether a person has to look; at an order that goes nowhere, one always has to."""
    match case.order:
        case NoOrder():
            return NOTHING
        case Cancelling() | Cancelled() | Completed():
            return Decision(hold(case, "payment_anomaly", message.explanation))
        case (
            InReview(dossier=dossier, content=content)
            | Approved(dossier=dossier, content=content)
            | Confirmed(dossier=dossier, content=content)
        ):
            facts = ReviewFacts(occasion="payment_anomaly", order=content, anomaly=message.explanation)
    fresh = [one for one in case.review(facts) if dossier.hold_of(one.reason) is None]
    return Decision(hold_for(case, fresh, dossier.holds_opened))


def payment_overdue(case: Case) -> Decision:
    """Ask again under the same attempt, and let a person look."""
    explanation = "The payment service has not answered whether the payment is authorised; it is asked again."
    return Decision(hold(case, "payment_overdue", explanation)) + ask_again(case)


def ask_again(case: Case) -> Decision:
    """The wait for the authorisation that is under way begins anew."""
    placement = case.placement
    if isinstance(placement, Authorising):
        attempt, amount, payment = placement.attempt, placement.amount, placement.payment
    else:
        delivery = delivery_of(placement)
        assert delivery.payment is not None
        attempt, amount, payment = delivery.attempt, delivery.uncharged, delivery.payment
    ask = _ask(case, attempt, amount, content_of(case.order).currency, payment)
    return Decision(commands=(ask,), reminders=(_deadline(case, placement.step),))


def window_closed(case: Case) -> Decision:
    """The customer did not pay again."""
    return cancel(case, "payment_declined")


def _seek(
    case: Case,
    currency: str,
    amount: int,
    payment: PaymentMethod,
    fulfilments: tuple[PricedFulfilment, ...],
) -> Decision:
    attempt = attempt_of(case.placement) + 1
    sought = AuthorisationSought(
        order_number=case.number,
        attempt=attempt,
        amount=amount,
        currency=currency,
        payment=payment,
        fulfilments=fulfilments,
    )
    return Decision(
        case.of_placement(sought),
        (_ask(case, attempt, amount, currency, payment),),
        (_deadline(case, case.placement.step + 1),),
    )


def _lose(case: Case, explanation: str) -> Decision:
    lost = case.of_placement(AuthorisationLost(order_number=case.number))
    return Decision(lost + hold(case, "authorisation_lapsed", explanation))


def _window_after_confirmation(
    case: Case, message: PaymentDeclined, until: datetime | None
) -> PaymentWindowOpened:
    """A window that is open stays as it is, so that the customer is told of it once; nothing ends with it."""
    if until is None or until <= case.context.now:
        until = case.context.now + case.policy.payment_window
    return PaymentWindowOpened(order_number=case.number, decline_code=message.decline_code, until=until)


def _secured(case: Case, attempt: int, amount: int, currency: str) -> PaymentSecured:
    return PaymentSecured(order_number=case.number, attempt=attempt, amount=amount, currency=currency)


def _ask(case: Case, attempt: int, amount: int, currency: str, payment: PaymentMethod) -> AuthorisePayment:
    return AuthorisePayment(
        order_number=case.number, attempt=attempt, amount=amount, currency=currency, payment=payment
    )


def _deadline(case: Case, step: int) -> Reminder:
    return Reminder(
        case.context.now + case.policy.authorise_within, DeadlinePassed(order_number=case.number, step=step)
    )

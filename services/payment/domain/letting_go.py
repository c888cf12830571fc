"""What follows from facts for authorisations that are to be let go."""

from services.payment.domain.evolve import evolve
from services.payment.domain.keys import void_key
from services.payment.domain.payment import Authorisation, Payment, Requested
from shared.events.payload import Event
from shared.events.payment import AuthorisationVoided, PaymentVoided, VoidRequested


def letting_go(payment: Payment, order_number: str, *events: Event) -> tuple[Event, ...]:
    """Some facts, and what follows from them for what is to be let go: voids that are due, the answer owed.

    Nothing is voided while a capture is under way, for the gateway would refuse one of the two.
    """
    for event in events:
        payment = evolve(payment, event)
    if payment.capturing:
        return events
    for authorisation in payment.authorisations:
        if authorisation.let_go and authorisation.uncaptured and authorisation.void is None:
            event = _void_of(authorisation, order_number)
            events = (*events, event)
            payment = evolve(payment, event)
    if payment.void_owed and not any(stands(attempt) and attempt.let_go for attempt in alive(payment)):
        voided = PaymentVoided(order_number=order_number, amount=payment.let_go, currency=payment.currency)
        events = (*events, voided)
    return events


def alive(payment: Payment) -> tuple[Requested | Authorisation, ...]:
    """The attempts that were not declined."""
    return tuple(attempt for attempt in payment.attempts if isinstance(attempt, Requested | Authorisation))


def stands(attempt: Requested | Authorisation) -> bool:
    """Something is set aside, or may still come to be."""
    return isinstance(attempt, Requested) or attempt.uncaptured > 0


def _void_of(authorisation: Authorisation, order_number: str) -> Event:
    if authorisation.at_gateway:
        return VoidRequested(
            order_number=order_number,
            authorisation_id=authorisation.authorisation_id,
            idempotency_key=void_key(order_number, authorisation.attempt, authorisation.voids + 1),
            asked=1,
        )
    return AuthorisationVoided(
        order_number=order_number,
        attempt=authorisation.attempt,
        authorisation_id=authorisation.authorisation_id,
        amount=authorisation.uncaptured,
        currency=authorisation.currency,
    )

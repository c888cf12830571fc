"""Setting money aside: attempts, their outcome, and the life of an authorisation until it is captured."""

from datetime import datetime

from services.payment.domain.asking import anomaly, outcome_unknown
from services.payment.domain.keys import authorisation_key, renewal_key
from services.payment.domain.letting_go import letting_go
from services.payment.domain.messages import AuthorisationAnswered, RenewalAnswered, RenewAuthorisation
from services.payment.domain.payment import (
    FREE,
    PREPAID,
    Authorisation,
    Declined,
    Payment,
    Requested,
    facts,
)
from services.payment.domain.policy import Policy
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisationRenewalRequested,
    AuthorisationRenewed,
    AuthorisationRequested,
    AuthorisePayment,
    PaymentAuthorised,
    PaymentDeclined,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision, Reminder

LONGEST_REFERENCE = 150
"""Characters of a prepaid reference."""


def authorise(payment: Payment, command: AuthorisePayment, context: Context, policy: Policy) -> Decision:
    """Ask the gateway for a new attempt; prepaid and free orders need none. A known one is answered again."""
    if command.attempt <= payment.last_attempt:
        return _answer_again(payment, command)
    if command.amount == 0:
        free_id = f"{FREE}{authorisation_key(command.order_number, command.attempt)}"
        return _authorised_without_gateway(payment, command, free_id, context, policy)
    if command.payment.kind == "prepaid":
        return _prepaid(payment, command, context, policy)
    if not command.payment.token:
        return _declined(command, "card_token_missing")
    requested = AuthorisationRequested(
        order_number=command.order_number,
        attempt=command.attempt,
        amount=command.amount,
        currency=command.currency,
        payment=command.payment,
        idempotency_key=authorisation_key(command.order_number, command.attempt),
        asked=1,
    )
    return Decision(events=facts(command.order_number, requested))


def authorisation_answered(
    payment: Payment, answer: AuthorisationAnswered, context: Context, policy: Policy
) -> Decision:
    """The outcome of an attempt; what was let go meanwhile is recorded and voided at once."""
    order_number = answer.order_number
    attempt = payment.attempt(answer.attempt)
    if not isinstance(attempt, Requested) or attempt.question.idempotency_key != answer.idempotency_key:
        return _late(payment, answer)
    if answer.outcome == "unknown":
        return outcome_unknown(attempt.question, answer, context, policy)
    if answer.outcome == "declined":
        declined = PaymentDeclined(
            order_number=order_number, attempt=attempt.attempt, decline_code=answer.code or "declined"
        )
        return Decision(events=facts(order_number, *letting_go(payment, order_number, declined)))
    expires_at = answer.expires_at or context.now + policy.renew_before
    authorised = PaymentAuthorised(
        order_number=order_number,
        attempt=attempt.attempt,
        amount=attempt.amount,
        currency=attempt.currency,
        authorisation_id=answer.authorisation_id,
        expires_at=expires_at,
    )
    return Decision(
        events=facts(order_number, *letting_go(payment, order_number, authorised)),
        reminders=()
        if attempt.let_go
        else (_renewal_reminder(order_number, answer.authorisation_id, expires_at, context.now, policy),),
    )


def renew(payment: Payment, reminder: RenewAuthorisation, _: Context, __: Policy) -> Decision:
    """Ask for a longer life of what is still set aside."""
    authorisation = payment.authorisation(reminder.authorisation_id)
    if authorisation is None or authorisation.expires_at != reminder.expires_at:
        return NOTHING
    return Decision(
        events=facts(reminder.order_number, *renewal_of(payment, authorisation, reminder.order_number))
    )


def renewal_of(payment: Payment, authorisation: Authorisation, order_number: str) -> tuple[Event, ...]:
    """The request to renew an authorisation, if it still matters and is not under way."""
    if (
        authorisation.status != "authorised"
        or authorisation.uncaptured == 0
        or authorisation.let_go
        or authorisation.renewal is not None
    ):
        return ()
    return (
        AuthorisationRenewalRequested(
            order_number=order_number,
            authorisation_id=authorisation.authorisation_id,
            idempotency_key=renewal_key(order_number, authorisation.attempt, authorisation.renewals + 1),
            asked=1,
        ),
    )


def renewal_answered(payment: Payment, answer: RenewalAnswered, context: Context, policy: Policy) -> Decision:
    """The authorisation lives longer, or it is reported so that goods don't leave without money."""
    authorisation = payment.authorisation(answer.authorisation_id)
    if (
        authorisation is None
        or authorisation.renewal is None
        or authorisation.renewal.idempotency_key != answer.idempotency_key
    ):
        return NOTHING
    order_number = answer.order_number
    if answer.outcome == "unknown":
        not_after = authorisation.expires_at
        return outcome_unknown(authorisation.renewal, answer, context, policy, not_after)
    if answer.outcome == "renewed" and answer.expires_at is not None:
        renewed = AuthorisationRenewed(
            order_number=order_number,
            authorisation_id=authorisation.authorisation_id,
            expires_at=answer.expires_at,
        )
        reminder = _renewal_reminder(
            order_number, authorisation.authorisation_id, answer.expires_at, context.now, policy
        )
        return Decision(events=facts(order_number, renewed), reminders=(reminder,))
    if authorisation.uncaptured == 0 or authorisation.let_go:
        return NOTHING
    lapsed = AuthorisationLapsed(order_number=order_number, authorisation_id=authorisation.authorisation_id)
    return Decision(events=facts(order_number, *letting_go(payment, order_number, lapsed)))


def _answer_again(payment: Payment, command: AuthorisePayment) -> Decision:
    """An attempt under way answers later; one that was let go is declined: it will never be authorised."""
    order_number = command.order_number
    match payment.attempt(command.attempt):
        case Requested(let_go=False):
            return NOTHING
        case Authorisation(status="authorised", let_go=False) as known:
            again: Event = PaymentAuthorised(
                order_number=order_number,
                attempt=known.attempt,
                amount=known.amount,
                currency=known.currency,
                authorisation_id=known.authorisation_id,
                expires_at=known.expires_at,
                repeated=True,
            )
        case Authorisation(status="lapsed") as known:
            again = AuthorisationLapsed(order_number=order_number, authorisation_id=known.authorisation_id)
        case Declined(decline_code=code):
            again = PaymentDeclined(
                order_number=order_number, attempt=command.attempt, decline_code=code, repeated=True
            )
        case _:
            again = PaymentDeclined(
                order_number=order_number, attempt=command.attempt, decline_code="let_go", repeated=True
            )
    return Decision(events=facts(order_number, again))


def _prepaid(payment: Payment, command: AuthorisePayment, context: Context, policy: Policy) -> Decision:
    """The channel took the money already: its reference stands for an authorisation, once."""
    reference = command.payment.reference
    if not reference:
        return _declined(command, "prepaid_reference_missing")
    if len(reference) > LONGEST_REFERENCE:
        return _declined(command, "prepaid_reference_too_long")
    in_use = payment.authorisation(f"{PREPAID}{reference}")
    if in_use is not None and in_use.status != "voided":
        return _declined(command, "prepaid_reference_in_use")
    return _authorised_without_gateway(payment, command, f"{PREPAID}{reference}", context, policy)


def _authorised_without_gateway(
    payment: Payment, command: AuthorisePayment, authorisation_id: str, context: Context, policy: Policy
) -> Decision:
    authorised = PaymentAuthorised(
        order_number=command.order_number,
        attempt=command.attempt,
        amount=command.amount,
        currency=command.currency,
        authorisation_id=authorisation_id,
        expires_at=context.now + policy.never_expires,
    )
    return Decision(events=facts(command.order_number, *letting_go(payment, command.order_number, authorised)))


def _declined(command: AuthorisePayment, code: str) -> Decision:
    declined = PaymentDeclined(order_number=command.order_number, attempt=command.attempt, decline_code=code)
    return Decision(events=facts(command.order_number, declined))


def _late(payment: Payment, answer: AuthorisationAnswered) -> Decision:
    """An answer to what is decided: it agrees, or a person is told."""
    known = payment.attempt(answer.attempt)
    agrees = (
        answer.outcome == "unknown"
        or (answer.outcome == "declined" and not isinstance(known, Authorisation))
        or (isinstance(known, Authorisation) and known.authorisation_id == answer.authorisation_id)
    )
    if agrees:
        return NOTHING
    explanation = f"the gateway answered {answer.outcome} to {answer.idempotency_key}, otherwise than before"
    return Decision(events=facts(answer.order_number, *anomaly(payment, answer.order_number, explanation)))


def _renewal_reminder(
    order_number: str, authorisation_id: str, expires_at: datetime, now: datetime, policy: Policy
) -> Reminder:
    return Reminder(
        policy.renewal_time(now, expires_at),
        RenewAuthorisation(order_number=order_number, authorisation_id=authorisation_id, expires_at=expires_at),
    )

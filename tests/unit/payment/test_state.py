"""What a fact changes of the payment, and what it leaves as it is."""

import pytest

from shared.events.order import CreditFreed
from shared.events.payload import Event, Payload
from shared.events.payment import AuthorisationRenewalRequested, PaymentRefunded
from shared.eventsourcing.testing import NOON
from tests.unit.payment.given import (
    F1,
    F2,
    ORDER,
    STREAM,
    auth_key,
    authorisation_answered,
    authorisation_voided,
    authorised,
    capture_answered,
    capture_requested,
    captured,
    declined,
    lapsed,
    refund_requested,
    renewal_answered,
    renewal_key,
    requested,
    scenario,
    unknown,
    void_answered,
    void_requested,
    void_started,
)

TWO = (requested(1), authorised(1), requested(2), authorised(2))
CAPTURED = (requested(), authorised(), captured())


def refunded(repeated: bool = False) -> PaymentRefunded:
    return PaymentRefunded(
        order_number=ORDER, refund_id="R1", amount=30, currency="EUR", capture_id=f"cap_{F1}", repeated=repeated
    )


def renewal_requested(attempt: int, asked: int = 1) -> AuthorisationRenewalRequested:
    return AuthorisationRenewalRequested(
        order_number=ORDER, authorisation_id=f"auth_{attempt}", idempotency_key=renewal_key(attempt), asked=asked
    )


@pytest.mark.parametrize(
    "fact",
    [
        unknown(auth_key(7), NOON),
        void_requested(attempt=7),
        authorisation_voided(attempt=7),
        lapsed(attempt=7),
        CreditFreed(customer_id="C1", order_number=ORDER, amount=100, currency="EUR"),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_fact_about_what_the_payment_does_not_know_leaves_it_as_it_is(fact: Event) -> None:
    known = scenario(requested(), authorised())
    assert known.given(STREAM, fact).states == known.states


@pytest.mark.parametrize(
    ("past", "fact"),
    [
        (CAPTURED, authorised(repeated=True)),
        ((requested(), void_started()), declined(code="let_go", repeated=True)),
        (CAPTURED, captured(repeated=True)),
        ((*CAPTURED, refund_requested(), refunded()), refunded(repeated=True)),
    ],
)
def test_an_answer_that_is_only_repeated_leaves_the_payment_as_it_is(past: tuple[Event, ...], fact: Event) -> None:
    known = scenario(*past)
    assert known.given(STREAM, fact).states == known.states


@pytest.mark.parametrize(
    ("under_way", "answer", "asked_again"),
    [
        (
            (requested(1), requested(2)),
            authorisation_answered(2, outcome="unknown"),
            requested(2, asked=2),
        ),
        (
            (*TWO, renewal_requested(1), renewal_requested(2)),
            renewal_answered(2, outcome="unknown"),
            renewal_requested(2, asked=2),
        ),
        (
            (*TWO, void_started(2), void_requested(1), void_requested(2)),
            void_answered(2, outcome="unknown"),
            void_requested(2, asked=2),
        ),
        (
            (requested(), authorised(), capture_requested(F1, 40), capture_requested(F2, 40)),
            capture_answered(F2, outcome="unknown"),
            capture_requested(F2, 40, asked=2),
        ),
    ],
)
def test_of_several_questions_under_way_only_the_one_of_unknown_outcome_is_asked_again(
    under_way: tuple[Event, ...], answer: Payload, asked_again: Event
) -> None:
    given = scenario(*under_way)
    outcome = given.when(answer)
    outcome.after.when(outcome.reminders[0].message).then(asked_again)

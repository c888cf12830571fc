"""Setting money aside, and keeping it so until it is captured."""

from datetime import timedelta
from typing import Any

import pytest

from services.payment.domain.messages import AskGatewayAgain, RenewAuthorisation
from services.payment.domain.model import model
from services.payment.domain.policy import Policy
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationRenewalRequested,
    AuthorisationRenewed,
    PaymentAnomalyDetected,
    PaymentVoided,
)
from shared.events.values import PaymentMethod
from shared.eventsourcing.back_off import BackOff
from shared.eventsourcing.decider import Recorded, Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.payment.given import (
    CARD,
    FOREVER,
    ORDER,
    POLICY,
    PREPAID,
    STREAM,
    WEEK,
    auth_key,
    authorisation_answered,
    authorisation_voided,
    authorise,
    authorised,
    captured,
    declined,
    lapsed,
    renewal_answered,
    renewal_key,
    requested,
    scenario,
    unknown,
    void_requested,
    void_started,
)

LAPSED = lapsed()
RENEW = RenewAuthorisation(order_number=ORDER, authorisation_id="auth_1", expires_at=WEEK)


def renewal_requested(number: int = 1, asked: int = 1, attempt: int = 1) -> AuthorisationRenewalRequested:
    return AuthorisationRenewalRequested(
        order_number=ORDER,
        authorisation_id=f"auth_{attempt}",
        idempotency_key=renewal_key(attempt, number),
        asked=asked,
    )


def test_a_card_is_authorised_at_the_gateway_under_the_key_of_the_attempt() -> None:
    scenario().when(authorise()).then(Recorded(STREAM, requested()))


def test_an_authorised_payment_is_renewed_before_it_expires() -> None:
    outcome = scenario(requested()).when(
        authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    )
    outcome.then(Recorded(STREAM, authorised()))
    assert outcome.reminders == (Reminder(WEEK - POLICY.renew_before, RENEW),)


def test_an_authorisation_that_lives_shorter_is_renewed_at_half_of_its_life() -> None:
    soon = NOON + timedelta(hours=2)
    outcome = scenario(requested()).when(
        authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=soon)
    )
    assert outcome.reminders[0].at == NOON + timedelta(hours=1)


def test_one_that_has_expired_already_is_renewed_at_once() -> None:
    assert Policy().renewal_time(NOON, NOON - timedelta(hours=1)) == NOON


def test_an_authorisation_of_unstated_life_is_taken_to_live_for_the_renewal_period() -> None:
    outcome = scenario(requested()).when(authorisation_answered(outcome="authorised", authorisation_id="auth_1"))
    outcome.then(authorised(expires_at=NOON + POLICY.renew_before))
    assert outcome.reminders[0].at == NOON + POLICY.renew_before / 2


def test_a_declined_payment_says_why() -> None:
    scenario(requested()).when(authorisation_answered(outcome="declined", code="expired_card")).then(
        declined(code="expired_card")
    )


def test_a_decline_without_a_code_is_declined_all_the_same() -> None:
    scenario(requested()).when(authorisation_answered(outcome="declined")).then(declined(code="declined"))


def test_an_unknown_outcome_is_asked_again_under_the_same_key() -> None:
    again_at = NOON + POLICY.back_off.first
    reminder = AskGatewayAgain(order_number=ORDER, idempotency_key=auth_key(), asked=1)
    outcome = scenario(requested()).when(authorisation_answered(outcome="unknown", explanation="HTTP 503"))
    outcome.then(unknown(auth_key(), again_at, "HTTP 503"))
    assert outcome.reminders == (Reminder(again_at, reminder),)
    outcome.after.at(again_at).when(reminder).then(requested(asked=2))


@pytest.mark.parametrize(("asked", "seconds"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (10**6, 300)])
def test_the_wait_doubles_up_to_a_limit(asked: int, seconds: int) -> None:
    assert Policy().back_off.after(asked) == timedelta(seconds=seconds)


def test_an_unknown_outcome_heard_twice_is_one() -> None:
    scenario(requested(), unknown(auth_key(), NOON)).when(
        authorisation_answered(outcome="unknown")
    ).then_nothing_happened()


def test_an_unknown_outcome_of_an_earlier_asking_changes_nothing() -> None:
    scenario(requested(), unknown(auth_key(), NOON), requested(asked=2)).when(
        authorisation_answered(asked=1, outcome="unknown")
    ).then_nothing_happened()


@pytest.mark.parametrize(
    "past",
    [
        (requested(),),
        (requested(), authorised()),
        (requested(), declined()),
        (requested(), unknown(auth_key(), NOON), requested(asked=2)),
        (requested(), unknown(auth_key(), NOON), requested(asked=2), unknown(auth_key(), NOON)),
    ],
)
def test_a_reminder_that_comes_after_the_outcome_or_another_asking_does_nothing(past: tuple[Event, ...]) -> None:
    scenario(*past).when(
        AskGatewayAgain(order_number=ORDER, idempotency_key=auth_key(), asked=1)
    ).then_nothing_happened()


def test_a_late_answer_still_tells_the_outcome() -> None:
    scenario(requested(), unknown(auth_key(), NOON), requested(asked=2)).when(
        authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    ).then(authorised())


def test_an_answer_heard_twice_changes_nothing() -> None:
    given = scenario(requested(), authorised())
    again = authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    given.when(again).then_nothing_happened()
    given.when(authorisation_answered(outcome="unknown")).then_nothing_happened()
    scenario(requested(), declined()).when(
        authorisation_answered(outcome="declined", code="do_not_honour")
    ).then_nothing_happened()


@pytest.mark.parametrize(
    ("decided", "answer"),
    [
        (declined(), {"outcome": "authorised", "authorisation_id": "auth_1", "expires_at": WEEK}),
        (authorised(), {"outcome": "authorised", "authorisation_id": "auth_other", "expires_at": WEEK}),
        (authorised(), {"outcome": "declined", "code": "do_not_honour"}),
    ],
)
def test_an_answer_that_contradicts_an_earlier_one_is_told_to_a_person_once(
    decided: Event, answer: dict[str, Any]
) -> None:
    outcome = scenario(requested(), decided).when(authorisation_answered(**answer))
    explanation = f"the gateway answered {answer['outcome']} to {auth_key()}, otherwise than before"
    outcome.then(PaymentAnomalyDetected(order_number=ORDER, explanation=explanation))
    outcome.after.when(authorisation_answered(**answer)).then_nothing_happened()


def test_a_repeated_command_under_way_waits_for_the_same_answer() -> None:
    scenario(requested()).when(authorise()).then_nothing_happened()


def test_a_repeated_command_is_answered_again_without_counting_twice() -> None:
    scenario(requested(), authorised()).when(authorise(amount=999)).then(authorised(repeated=True))
    scenario(requested(), declined()).when(authorise()).then(declined(repeated=True))
    scenario(requested(), authorised(), LAPSED).when(authorise()).then(LAPSED)


@pytest.mark.parametrize(
    "past",
    [
        (requested(), void_started()),
        (requested(), authorised(), void_started(), void_requested()),
        (requested(), authorised(), void_started(), void_requested(), authorisation_voided()),
    ],
)
def test_a_repeated_command_of_an_attempt_that_was_let_go_is_declined(past: tuple[Event, ...]) -> None:
    scenario(*past).when(authorise()).then(declined(code="let_go", repeated=True))


def test_an_attempt_older_than_all_that_is_known_is_declined() -> None:
    scenario(requested(attempt=2)).when(authorise(attempt=1)).then(declined(code="let_go", repeated=True))


def test_a_new_attempt_after_a_decline_is_a_new_authorisation() -> None:
    scenario(requested(), declined()).when(authorise(attempt=2)).then(requested(attempt=2))


def test_the_order_may_begin_again_after_a_void() -> None:
    voided = PaymentVoided(order_number=ORDER, amount=100, currency="EUR")
    scenario(requested(), authorised(), void_started(), void_requested(), authorisation_voided(), voided).when(
        authorise(attempt=2)
    ).then(requested(attempt=2))


def test_an_attempt_under_way_is_superseded_by_a_new_one_and_voided_when_it_succeeds_after_all() -> None:
    given = scenario(requested(), requested(attempt=2))
    outcome = given.when(authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=WEEK))
    outcome.then(authorised(), void_requested())
    assert outcome.reminders == ()


def test_a_superseded_attempt_stays_so_when_it_is_asked_again() -> None:
    given = scenario(requested(), unknown(auth_key(), NOON), requested(attempt=2))
    asked = given.when(AskGatewayAgain(order_number=ORDER, idempotency_key=auth_key(), asked=1))
    asked.then(requested(asked=2))
    asked.after.when(
        authorisation_answered(asked=2, outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    ).then(authorised(), void_requested())


def test_a_new_attempt_beside_a_standing_authorisation_adds_to_it() -> None:
    scenario(requested(), authorised(), requested(attempt=2)).when(
        authorisation_answered(2, outcome="authorised", authorisation_id="auth_2", expires_at=WEEK)
    ).then(authorised(attempt=2))


def test_a_lapsed_authorisation_is_let_go_of_as_soon_as_a_new_one_stands() -> None:
    scenario(requested(), authorised(), LAPSED, requested(attempt=2)).when(
        authorisation_answered(2, outcome="authorised", authorisation_id="auth_2", expires_at=WEEK)
    ).then(authorised(attempt=2), void_requested())


def test_a_lapsed_authorisation_outlives_an_older_attempt_that_succeeds_late() -> None:
    scenario(requested(), requested(attempt=2), authorised(attempt=2), lapsed(attempt=2)).when(
        authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    ).then(authorised(), void_requested())


def test_an_authorisation_that_lapses_beside_a_newer_one_is_let_go_of_at_once() -> None:
    scenario(requested(), authorised(), requested(attempt=2), authorised(attempt=2), renewal_requested()).when(
        renewal_answered(outcome="refused", code="expired")
    ).then(LAPSED, void_requested())


def test_one_that_lapses_while_its_renewal_is_unknown_is_let_go_of_at_once_beside_a_newer_one() -> None:
    given = scenario(requested(), authorised(), requested(attempt=2), authorised(attempt=2), renewal_requested())
    given = given.given(STREAM, unknown(renewal_key(), WEEK)).at(WEEK)

    outcome = given.when(AskGatewayAgain(order_number=ORDER, idempotency_key=renewal_key(), asked=1))

    outcome.then(LAPSED, void_requested())


@pytest.mark.parametrize("reference", ["WX-77", "R" * 150])
def test_a_prepaid_order_needs_no_gateway(reference: str) -> None:
    outcome = scenario().when(authorise(payment=PaymentMethod(kind="prepaid", reference=reference)))
    outcome.then(authorised(authorisation_id=f"prepaid:{reference}", expires_at=FOREVER))
    assert outcome.reminders == ()


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        (PaymentMethod(kind="prepaid"), "prepaid_reference_missing"),
        (PaymentMethod(kind="prepaid", reference="R" * 151), "prepaid_reference_too_long"),
        (PaymentMethod(kind="card"), "card_token_missing"),
    ],
)
def test_a_payment_without_its_means_is_declined(payment: PaymentMethod, code: str) -> None:
    scenario().when(authorise(payment=payment)).then(declined(code=code))


def test_one_prepaid_reference_does_not_pay_twice() -> None:
    first = authorised(authorisation_id="prepaid:WX-77", expires_at=FOREVER)
    scenario(first).when(authorise(attempt=2, payment=PREPAID)).then(
        declined(attempt=2, code="prepaid_reference_in_use")
    )


def test_a_prepaid_reference_pays_again_after_it_was_voided() -> None:
    first = authorised(authorisation_id="prepaid:WX-77", expires_at=FOREVER)
    voided = authorisation_voided(authorisation_id="prepaid:WX-77")
    answered = PaymentVoided(order_number=ORDER, amount=100, currency="EUR")
    scenario(first, void_started(), voided, answered).when(authorise(attempt=2, payment=PREPAID)).then(
        authorised(attempt=2, authorisation_id="prepaid:WX-77", expires_at=FOREVER)
    )


@pytest.mark.parametrize("payment", [CARD, PREPAID, PaymentMethod(kind="card")])
def test_an_order_that_costs_nothing_needs_no_gateway(payment: PaymentMethod) -> None:
    scenario().when(authorise(amount=0, payment=payment)).then(
        authorised(amount=0, authorisation_id=f"free:{auth_key()}", expires_at=FOREVER)
    )


def test_what_is_still_set_aside_is_renewed_when_its_time_comes() -> None:
    scenario(requested(), authorised()).when(RENEW).then(renewal_requested())


@pytest.mark.parametrize(
    "past",
    [
        (),
        (requested(), authorised(expires_at=WEEK + timedelta(days=7))),
        (requested(), authorised(), captured(amount=100)),
        (requested(), authorised(), renewal_requested()),
        (requested(), authorised(), LAPSED),
        (requested(), authorised(), void_started(), void_requested()),
        (requested(), authorised(), void_started(), void_requested(), authorisation_voided()),
    ],
)
def test_what_needs_no_renewal_is_left_alone(past: tuple[Event, ...]) -> None:
    scenario(*past).when(RENEW).then_nothing_happened()


def test_a_renewed_authorisation_is_renewed_again_later_under_another_key() -> None:
    later = WEEK + timedelta(days=7)
    outcome = scenario(requested(), authorised(), renewal_requested()).when(
        renewal_answered(outcome="renewed", expires_at=later)
    )
    outcome.then(AuthorisationRenewed(order_number=ORDER, authorisation_id="auth_1", expires_at=later))
    (reminder,) = outcome.reminders
    assert reminder.at == later - POLICY.renew_before
    outcome.after.when(reminder.message).then(renewal_requested(number=2))


@pytest.mark.parametrize("beside", [(), (requested(attempt=2), authorised(attempt=2), lapsed(attempt=2))])
@pytest.mark.parametrize("answer", [{"outcome": "refused", "code": "expired"}, {"outcome": "renewed"}])
def test_an_authorisation_that_cannot_be_renewed_is_reported(
    beside: tuple[Event, ...], answer: dict[str, Any]
) -> None:
    scenario(requested(), authorised(), *beside, renewal_requested()).when(renewal_answered(**answer)).then(LAPSED)


def test_a_renewal_that_is_refused_because_all_is_captured_means_nothing() -> None:
    scenario(requested(), authorised(), renewal_requested(), captured(amount=100)).when(
        renewal_answered(outcome="refused", code="already_captured")
    ).then_nothing_happened()


def test_a_late_answer_to_a_renewal_does_not_revive_what_was_let_go() -> None:
    past = (requested(), authorised(), renewal_requested(), void_started(), void_requested())
    scenario(*past).when(renewal_answered(outcome="refused", code="voided")).then_nothing_happened()
    scenario(*past, authorisation_voided()).when(
        renewal_answered(outcome="renewed", expires_at=WEEK)
    ).then_nothing_happened()
    scenario().when(renewal_answered(outcome="renewed", expires_at=WEEK)).then_nothing_happened()
    scenario(requested(), authorised(), renewal_requested(number=2)).when(
        renewal_answered(number=1, outcome="renewed", expires_at=WEEK)
    ).then_nothing_happened()


def test_a_renewal_of_unknown_outcome_is_asked_again_before_the_authorisation_expires() -> None:
    outcome = scenario(requested(), authorised(), renewal_requested()).when(renewal_answered(outcome="unknown"))
    outcome.then(unknown(renewal_key(), NOON + POLICY.back_off.first))
    outcome.after.when(outcome.reminders[0].message).then(renewal_requested(asked=2))


def test_a_renewal_still_unknown_at_the_expiry_is_reported_so_that_goods_wait() -> None:
    long_wait = Scenario(model(Policy(back_off=BackOff(first=timedelta(days=30), longest=timedelta(days=30)))))
    outcome = long_wait.given(STREAM, requested(), authorised(), renewal_requested()).when(
        renewal_answered(outcome="unknown")
    )
    outcome.then(unknown(renewal_key(), WEEK))
    assert outcome.reminders[0].at == WEEK
    outcome.after.at(WEEK).when(outcome.reminders[0].message).then(LAPSED)


def test_an_authorisation_that_has_expired_is_still_asked_about_at_the_usual_time() -> None:
    outcome = (
        scenario(requested(), authorised(), renewal_requested()).at(WEEK).when(renewal_answered(outcome="unknown"))
    )
    outcome.then(unknown(renewal_key(), WEEK + POLICY.back_off.first))

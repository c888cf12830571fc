"""Letting go of money: at any moment, and nothing comes back to life."""

import pytest

from services.payment.domain.messages import AskGatewayAgain
from shared.events.payment import (
    AuthorisationRenewalRequested,
    PaymentAnomalyDetected,
    PaymentVoided,
    VoidRefused,
)
from shared.eventsourcing.decider import Recorded, Reminder
from shared.eventsourcing.testing import NOON
from tests.unit.payment.given import (
    F1,
    FOREVER,
    ORDER,
    POLICY,
    STREAM,
    VOID,
    WEEK,
    auth_key,
    authorisation_answered,
    authorisation_voided,
    authorised,
    capture_answered,
    capture_requested,
    captured,
    declined,
    lapsed,
    renewal_key,
    requested,
    scenario,
    unknown,
    void_answered,
    void_key,
    void_requested,
    void_started,
)

AUTHORISED = (requested(), authorised())
VOIDING = (*AUTHORISED, void_started(), void_requested())
ASK_AGAIN_AT = NOON + POLICY.back_off.first


def voided(amount: int, currency: str = "EUR") -> PaymentVoided:
    return PaymentVoided(order_number=ORDER, amount=amount, currency=currency)


def anomaly(explanation: str) -> PaymentAnomalyDetected:
    return PaymentAnomalyDetected(order_number=ORDER, explanation=explanation)


def test_a_payment_that_never_began_is_voided_at_once() -> None:
    scenario().when(VOID).then(Recorded(STREAM, voided(0, "XXX")))


def test_a_declined_payment_is_voided_at_once() -> None:
    scenario(requested(), declined()).when(VOID).then(voided(0))
    scenario(requested(), declined(), declined(attempt=2)).when(VOID).then(voided(0))
    scenario(declined()).when(VOID).then(voided(0, "XXX"))


def test_a_payment_captured_in_full_is_voided_at_once() -> None:
    scenario(*AUTHORISED, captured(amount=100)).when(VOID).then(voided(0))


def test_what_is_authorised_is_voided_at_the_gateway() -> None:
    scenario(*AUTHORISED).when(VOID).then(void_started(), void_requested())
    declined_before = (requested(), declined(), requested(attempt=2), authorised(attempt=2))
    scenario(*declined_before).when(VOID).then(void_started(2), void_requested(2))


def test_the_void_is_answered_when_the_gateway_has_let_go() -> None:
    scenario(*VOIDING).when(void_answered(outcome="voided", amount=100)).then(authorisation_voided(), voided(100))


def test_after_partial_captures_the_rest_is_let_go() -> None:
    given = scenario(*AUTHORISED, capture_requested(), captured())
    outcome = given.when(VOID)
    outcome.then(void_started(), void_requested())
    outcome.after.when(void_answered(outcome="voided", amount=60)).then(
        authorisation_voided(amount=60), voided(60)
    )


def test_an_authorisation_under_way_is_waited_for_and_voided() -> None:
    waiting = scenario(requested()).when(VOID)
    waiting.then(void_started())
    late = authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    outcome = waiting.after.when(late)
    outcome.then(authorised(), void_requested())
    assert outcome.reminders == ()


def test_an_authorisation_under_way_that_is_declined_ends_the_void() -> None:
    scenario(requested(), void_started()).when(
        authorisation_answered(outcome="declined", code="do_not_honour")
    ).then(declined(), voided(0))


def test_an_unknown_authorisation_is_asked_about_until_it_is_known_and_then_voided() -> None:
    given = scenario(requested(), void_started())
    asked = given.when(authorisation_answered(outcome="unknown"))
    asked.then(unknown(auth_key(), ASK_AGAIN_AT))
    again = asked.after.when(asked.reminders[0].message)
    again.then(requested(asked=2))
    again.after.when(
        authorisation_answered(asked=2, outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    ).then(authorised(), void_requested())


def test_a_capture_under_way_is_waited_for() -> None:
    waiting = scenario(*AUTHORISED, capture_requested()).when(VOID)
    waiting.then(void_started())
    waiting.after.when(capture_answered(outcome="captured", capture_id=f"cap_{F1}")).then(
        captured(), void_requested()
    )
    waiting.after.when(capture_answered(outcome="captured", capture_id=f"cap_{F1}")).after.when(
        void_answered(outcome="voided", amount=60)
    ).then(authorisation_voided(amount=60), voided(60))


def test_a_void_that_waited_for_the_capture_of_everything_lets_go_of_nothing() -> None:
    scenario(*AUTHORISED, capture_requested(amount=100), void_started()).when(
        capture_answered(outcome="captured", capture_id=f"cap_{F1}")
    ).then(captured(amount=100), voided(0))


def test_several_authorisations_are_let_go_together_and_answered_once() -> None:
    two = (*AUTHORISED, requested(attempt=2, amount=50), authorised(attempt=2, amount=50))
    started = scenario(*two).when(VOID)
    started.then(void_started(2), void_requested(1), void_requested(2))
    first = started.after.when(void_answered(1, outcome="voided", amount=100))
    first.then(authorisation_voided(1))
    first.after.when(void_answered(2, outcome="voided", amount=50)).then(
        authorisation_voided(2, amount=50), voided(150)
    )


def test_prepaid_money_is_let_go_without_a_call() -> None:
    prepaid = authorised(authorisation_id="prepaid:WX-77", expires_at=FOREVER)
    scenario(prepaid).when(VOID).then(
        void_started(), authorisation_voided(authorisation_id="prepaid:WX-77"), voided(100)
    )


def test_a_lapsed_authorisation_is_let_go_too() -> None:
    scenario(*AUTHORISED, lapsed()).when(VOID).then(void_started(), void_requested())


def test_a_repeated_void_waits_for_the_same_answer() -> None:
    scenario(*VOIDING).when(VOID).then_nothing_happened()
    scenario(requested(), void_started()).when(VOID).then_nothing_happened()
    captured_since = (requested(attempt=2), authorised(attempt=2), captured(amount=100, authorisation_id="auth_2"))
    scenario(*VOIDING, *captured_since).when(VOID).then_nothing_happened()


def test_a_repeated_void_is_answered_again_and_lets_go_of_nothing_more() -> None:
    scenario(*VOIDING, authorisation_voided(), voided(100)).when(VOID).then(voided(0))


def test_a_void_covers_an_attempt_that_began_after_an_earlier_void() -> None:
    scenario(*VOIDING, requested(attempt=2)).when(VOID).then(void_started(2))


def test_an_attempt_that_began_after_the_void_stands() -> None:
    given = scenario(*VOIDING, requested(attempt=2), authorised(attempt=2))
    given.when(void_answered(outcome="voided", amount=100)).then(authorisation_voided(), voided(100))


def test_a_superseded_attempt_is_let_go_without_an_answer_that_nobody_awaits() -> None:
    given = scenario(requested(), requested(attempt=2), authorised(), void_requested())
    superseded = given.when(void_answered(outcome="voided", amount=100)).then(authorisation_voided())
    superseded.after.when(VOID).then(void_started(2)).after.when(
        authorisation_answered(2, outcome="declined", code="do_not_honour")
    ).then(declined(2), voided(0))


def test_a_void_is_answered_in_the_currency_of_the_latest_attempt() -> None:
    dollars = (requested(currency="USD"), authorised(currency="USD"), requested(2, 50), authorised(2, 50))
    started = scenario(*dollars).when(VOID).after
    first = started.when(void_answered(outcome="voided", amount=100))
    first.then(authorisation_voided().model_copy(update={"currency": "USD"}))
    first.after.when(void_answered(2, outcome="voided", amount=50)).then(
        authorisation_voided(2, amount=50), voided(50)
    )


def test_an_authorisation_that_lapses_while_its_void_waits_for_a_capture_is_voided_all_the_same() -> None:
    renewing = AuthorisationRenewalRequested(
        order_number=ORDER, authorisation_id="auth_1", idempotency_key=renewal_key(), asked=1
    )
    waiting = scenario(*AUTHORISED, renewing, unknown(renewal_key(), WEEK), capture_requested(), void_started())
    asked_again = AskGatewayAgain(order_number=ORDER, idempotency_key=renewal_key(), asked=1)
    expired = waiting.at(WEEK).when(asked_again).then(lapsed())
    expired.after.when(capture_answered(outcome="captured", capture_id=f"cap_{F1}")).then(
        captured(), void_requested()
    )


def test_a_void_of_unknown_outcome_is_asked_again_under_the_same_key() -> None:
    outcome = scenario(*VOIDING).when(void_answered(outcome="unknown"))
    outcome.then(unknown(void_key(), ASK_AGAIN_AT))
    outcome.after.when(outcome.reminders[0].message).then(void_requested(asked=2))


def test_a_gateway_that_says_nothing_is_left_ends_the_void_and_a_person_is_told() -> None:
    scenario(*VOIDING).when(void_answered(outcome="refused", code="already_voided")).then(
        authorisation_voided(),
        voided(100),
        anomaly("the gateway refused to void 100 with already_voided (authorisation auth_1)"),
    )


def test_a_gateway_that_lets_go_of_another_amount_is_told_to_a_person() -> None:
    scenario(*VOIDING).when(void_answered(outcome="voided", amount=70)).then(
        authorisation_voided(amount=70, expected=100),
        voided(70),
        anomaly("the gateway let go of 70 instead of 100 (authorisation auth_1)"),
    )


def test_what_the_gateway_captured_by_itself_is_not_taken_for_let_go() -> None:
    answer = void_answered(outcome="refused", code="already_captured")
    scenario(*VOIDING).when(answer).then(
        authorisation_voided(amount=0, expected=100, captured_unrecorded=100),
        voided(0),
        anomaly("the gateway refused to void 100 with already_captured (authorisation auth_1)"),
    )
    scenario(*AUTHORISED, captured(), void_started(), void_requested()).when(answer).then(
        authorisation_voided(amount=0, expected=60, captured_unrecorded=60),
        voided(0),
        anomaly("the gateway refused to void 60 with already_captured (authorisation auth_1)"),
    )


@pytest.mark.parametrize("code", ["declined", "not_found"])
def test_what_the_gateway_never_set_aside_is_not_taken_for_let_go(code: str) -> None:
    scenario(*VOIDING).when(void_answered(outcome="refused", code=code)).then(
        authorisation_voided(amount=0, expected=100),
        voided(0),
        anomaly(f"the gateway refused to void 100 with {code} (authorisation auth_1)"),
    )


def test_a_void_refused_for_another_reason_is_told_and_asked_again_under_a_new_key() -> None:
    refused = VoidRefused(
        order_number=ORDER,
        idempotency_key=void_key(),
        refusal_code="invalid",
        ask_again_at=ASK_AGAIN_AT,
    )
    reminder = AskGatewayAgain(order_number=ORDER, idempotency_key=void_key(), asked=1)
    answer = void_answered(outcome="refused", code="invalid")
    outcome = scenario(*VOIDING).when(answer)
    outcome.then(
        refused,
        anomaly("the gateway refused to void 100 with invalid (authorisation auth_1)"),
    )
    assert outcome.reminders == (Reminder(ASK_AGAIN_AT, reminder),)
    outcome.after.when(answer).then_nothing_happened()
    again = outcome.after.when(reminder)
    again.then(void_requested(number=2))
    again.after.when(void_answered(number=2, outcome="refused")).then(
        refused.model_copy(
            update={
                "idempotency_key": void_key(1, 2),
                "refusal_code": "refused",
                "ask_again_at": NOON + 2 * POLICY.back_off.first,
            }
        ),
        anomaly("the gateway refused to void 100 with no code (authorisation auth_1)"),
    )


def test_a_late_answer_to_a_void_changes_nothing() -> None:
    answer = void_answered(outcome="voided", amount=100)
    scenario(*VOIDING, authorisation_voided(), voided(100)).when(answer).then_nothing_happened()
    scenario(*AUTHORISED).when(answer).then_nothing_happened()
    scenario(*AUTHORISED, void_started(), void_requested(number=2)).when(answer).then_nothing_happened()
    scenario().when(answer).then_nothing_happened()


def test_after_a_void_a_late_authorisation_does_not_revive_the_payment() -> None:
    late = authorisation_answered(outcome="authorised", authorisation_id="auth_1", expires_at=WEEK)
    scenario(*VOIDING, authorisation_voided(), voided(100)).when(late).then_nothing_happened()

"""Collecting the value of fulfilments, one part or several, never more than is authorised."""

import pytest

from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationRenewalRequested,
    CaptureRefused,
    PartiallyCaptured,
    PaymentAnomalyDetected,
)
from shared.eventsourcing.decider import Recorded
from shared.eventsourcing.testing import NOON
from tests.unit.payment.given import (
    F1,
    F2,
    F3,
    FOREVER,
    ORDER,
    POLICY,
    STREAM,
    authorisation_voided,
    authorised,
    capture,
    capture_answered,
    capture_key,
    capture_requested,
    captured,
    lapsed,
    renewal_key,
    requested,
    scenario,
    unknown,
    void_requested,
    void_started,
)

AUTHORISED = (requested(), authorised())
TWO = (*AUTHORISED, requested(attempt=2, amount=50), authorised(attempt=2, amount=50))
PREPAID_ID = "prepaid:WX-77"
ASK_AGAIN_AT = NOON + POLICY.back_off.first


def refused(fulfilment_id: str = F1, code: str = "exceeds_authorised") -> CaptureRefused:
    return CaptureRefused(order_number=ORDER, fulfilment_id=fulfilment_id, refusal_code=code)


def partly(
    amount: int,
    whole: int,
    capture_id: str = "cap_a",
    authorisation_id: str = "auth_1",
    fulfilment_id: str = F1,
) -> PartiallyCaptured:
    return PartiallyCaptured(
        order_number=ORDER,
        fulfilment_id=fulfilment_id,
        capture_id=capture_id,
        amount=amount,
        currency="EUR",
        authorisation_id=authorisation_id,
        whole=whole,
    )


def anomaly(explanation: str) -> PaymentAnomalyDetected:
    return PaymentAnomalyDetected(order_number=ORDER, explanation=explanation)


def test_a_dispatched_fulfilment_is_captured_from_the_authorisation() -> None:
    scenario(*AUTHORISED).when(capture()).then(Recorded(STREAM, capture_requested()))


def test_a_captured_fulfilment_is_stated() -> None:
    scenario(*AUTHORISED, capture_requested()).when(capture_answered(outcome="captured", capture_id="cap_1")).then(
        Recorded(STREAM, captured(capture_id="cap_1"))
    )


def test_a_repeated_command_waits_while_the_capture_is_under_way() -> None:
    scenario(*AUTHORISED, capture_requested()).when(capture(amount=99)).then_nothing_happened()


def test_a_captured_fulfilment_is_answered_again_without_counting_twice() -> None:
    scenario(*AUTHORISED, capture_requested(), captured()).when(capture(amount=99)).then(captured(repeated=True))


def test_a_fulfilment_captured_in_parts_is_answered_again_in_the_same_words() -> None:
    last = captured(amount=150, capture_id="cap_b", authorisation_id="auth_2", already_captured=100)
    scenario(*TWO, partly(100, 150), last).when(capture(amount=150)).then(
        captured(amount=150, capture_id="cap_b", authorisation_id="auth_2", already_captured=100, repeated=True)
    )


def test_a_fulfilment_of_no_value_needs_no_gateway_and_is_answered_again() -> None:
    free = {"amount": 0, "capture_id": f"free:{capture_key()}", "authorisation_id": ""}
    outcome = scenario(*AUTHORISED).when(capture(amount=0))
    outcome.then(captured(**free))  # type: ignore[arg-type]  # the values of a dict have one type
    outcome.after.when(capture(amount=0)).then(captured(**free, repeated=True))  # type: ignore[arg-type]  # as above


def test_a_fulfilment_of_no_value_is_captured_though_another_lacks_money() -> None:
    past = (*TWO, capture_requested(F2, 100, whole=120), authorisation_voided(attempt=2, amount=50))
    scenario(*past).when(capture(amount=0)).then(
        captured(amount=0, capture_id=f"free:{capture_key()}", authorisation_id="")
    )


def test_captures_under_way_together_count_in_their_sum() -> None:
    scenario(*AUTHORISED, capture_requested(F1, 60)).when(capture(F2, 50)).then(refused(F2))
    scenario(*AUTHORISED, capture_requested(F1, 60)).when(capture(F2, 40)).then(capture_requested(F2, 40))


@pytest.mark.parametrize(
    "past",
    [
        (),
        (requested(),),
        (*AUTHORISED, capture_requested(F2, 100), captured(F2, 100)),
        (*AUTHORISED, void_started(), void_requested()),
        (*AUTHORISED, void_started(), void_requested(), authorisation_voided()),
        (requested(currency="USD"), authorised(currency="USD")),
        (requested(currency="USD"), authorised(currency="USD"), requested(2, 30), authorised(2, 30)),
    ],
)
def test_never_more_is_captured_than_stands_authorised(past: tuple[Event, ...]) -> None:
    scenario(*past).when(capture()).then(refused())


def test_a_refused_capture_is_told_and_tried_again_under_a_new_key_when_asked() -> None:
    outcome = scenario(*AUTHORISED, capture_requested()).when(
        capture_answered(outcome="refused", code="processor_declined")
    )
    outcome.then(refused(code="processor_declined"))
    outcome.after.when(capture(amount=30)).then(capture_requested(amount=30, number=2))


def test_a_refusal_that_contradicts_the_record_is_told_to_a_person() -> None:
    scenario(*AUTHORISED, capture_requested()).when(capture_answered(outcome="refused")).then(
        refused(code="refused"),
        anomaly(f"the gateway refused a capture with no code (key {capture_key()})"),
    )


def test_a_capture_refused_as_expired_starts_the_renewal_of_the_authorisation() -> None:
    renewal = AuthorisationRenewalRequested(
        order_number=ORDER, authorisation_id="auth_1", idempotency_key=renewal_key(), asked=1
    )
    expired = capture_answered(outcome="refused", code="expired")
    scenario(*AUTHORISED, capture_requested()).when(expired).then(refused(code="expired"), renewal)
    scenario(*AUTHORISED, lapsed(), capture_requested()).when(expired).then(refused(code="expired"))


def test_an_unknown_outcome_is_asked_again_under_the_same_key() -> None:
    outcome = scenario(*AUTHORISED, capture_requested()).when(capture_answered(outcome="unknown"))
    outcome.then(unknown(capture_key(), ASK_AGAIN_AT))
    outcome.after.when(outcome.reminders[0].message).then(capture_requested(asked=2))


def test_an_unknown_part_is_asked_again_with_the_whole_in_mind() -> None:
    outcome = scenario(*TWO, capture_requested(amount=100, whole=150)).when(capture_answered(outcome="unknown"))
    outcome.after.when(outcome.reminders[0].message).then(capture_requested(amount=100, whole=150, asked=2))


def test_a_late_answer_changes_nothing_when_it_agrees() -> None:
    done = scenario(*AUTHORISED, capture_requested(), captured(capture_id="cap_1"))
    done.when(capture_answered(outcome="captured", capture_id="cap_1")).then_nothing_happened()
    done.when(capture_answered(outcome="unknown")).then_nothing_happened()
    done.when(capture_answered(outcome="refused", code="expired")).then_nothing_happened()
    scenario().when(capture_answered(outcome="unknown")).then_nothing_happened()


def test_a_capture_that_happened_after_a_refusal_is_told_to_a_person() -> None:
    late = capture_answered(outcome="captured", capture_id="cap_1")
    told = anomaly(f"the gateway captured under the key {capture_key()}, refused before")
    given = scenario(*AUTHORISED, capture_requested(), refused(code="processor_declined"))
    given.when(late).then(told)
    given.given(STREAM, capture_requested(number=2)).when(late).then(told)
    scenario(*AUTHORISED).when(late).then(told)


def test_the_smallest_authorisation_that_suffices_is_used() -> None:
    scenario(*TWO).when(capture(amount=50)).then(capture_requested(amount=50, authorisation_id="auth_2"))
    scenario(*TWO).when(capture(amount=60)).then(capture_requested(amount=60, authorisation_id="auth_1"))


def test_a_fulfilment_worth_more_than_one_authorisation_is_captured_in_parts() -> None:
    first = scenario(*TWO).when(capture(amount=120))
    first.then(capture_requested(amount=100, whole=120))
    second = first.after.when(capture_answered(outcome="captured", capture_id="cap_a"))
    second.then(
        partly(100, 120),
        capture_requested(amount=20, number=2, authorisation_id="auth_2", whole=120),
    )
    second.after.when(capture_answered(number=2, outcome="captured", capture_id="cap_b")).then(
        captured(amount=120, capture_id="cap_b", authorisation_id="auth_2", already_captured=100)
    )


def test_what_a_split_capture_still_needs_is_not_given_to_another() -> None:
    split = scenario(*TWO, capture_requested(F1, 100, whole=120))
    split.when(capture(F2, 40)).then(refused(F2))
    split.when(capture(F2, 30)).then(capture_requested(F2, 30, authorisation_id="auth_2"))
    last = split.given(STREAM, partly(100, 120), capture_requested(F1, 20, 2, "auth_2", whole=120))
    last.when(capture(F2, 31)).then(refused(F2))
    last.when(capture(F2, 30)).then(capture_requested(F2, 30, authorisation_id="auth_2"))
    scenario(*TWO, capture_requested(F1, 100, whole=150)).when(capture(F2, 1)).then(refused(F2))


def test_what_a_split_capture_still_needs_of_another_currency_takes_nothing_from_this_one() -> None:
    dollars = (requested(currency="USD"), authorised(currency="USD"))
    split = capture_requested(F1, 100, whole=120).model_copy(update={"currency": "USD"})
    scenario(*dollars, requested(2, 40), authorised(2, 40), split).when(capture(F2, 40)).then(
        capture_requested(F2, 40, authorisation_id="auth_2")
    )


def test_what_a_refused_part_would_have_taken_is_free_for_another() -> None:
    past = (*TWO, capture_requested(amount=100, whole=120), partly(100, 120), refused())
    scenario(*past).when(capture(F2, 50)).then(capture_requested(F2, 50, authorisation_id="auth_2"))


def test_a_part_refused_after_another_was_captured_is_tried_again_for_the_rest_alone() -> None:
    past = (
        *TWO,
        capture_requested(amount=100, whole=120),
        partly(100, 120),
        capture_requested(amount=20, number=2, authorisation_id="auth_2", whole=120),
    )
    outcome = scenario(*past).when(capture_answered(number=2, outcome="refused", code="processor_declined"))
    outcome.then(refused(code="processor_declined"))
    outcome.after.when(capture(amount=120)).then(
        capture_requested(amount=20, number=3, authorisation_id="auth_2", whole=120)
    )


def test_a_repeated_command_for_less_than_is_collected_states_what_is_collected() -> None:
    past = (*TWO, capture_requested(amount=100, whole=120), partly(100, 120), refused())
    outcome = scenario(*past).when(capture(amount=60))
    outcome.then(
        captured(amount=100, capture_id=f"free:{capture_key()}", authorisation_id="", already_captured=100)
    )


def test_a_part_for_which_nothing_is_left_is_refused() -> None:
    past = (*TWO, capture_requested(amount=100, whole=120), authorisation_voided(attempt=2, amount=50))
    scenario(*past).when(capture_answered(outcome="captured", capture_id="cap_a")).then(
        partly(100, 120), refused()
    )
    prepaid = (authorised(attempt=3, amount=10, authorisation_id=PREPAID_ID, expires_at=FOREVER), *past)
    scenario(*prepaid).when(capture_answered(outcome="captured", capture_id="cap_a")).then(
        partly(100, 120),
        partly(10, 120, capture_id=f"prepaid:{capture_key(number=2)}", authorisation_id=PREPAID_ID),
        refused(),
    )


def test_a_lapsed_authorisation_is_used_only_when_no_other_is_left() -> None:
    scenario(*AUTHORISED, lapsed()).when(capture()).then(capture_requested())
    scenario(*TWO, lapsed()).when(capture(amount=60)).then(refused())
    scenario(*TWO, lapsed(2)).when(capture()).then(capture_requested())


@pytest.mark.parametrize(
    "beside",
    [
        (requested(), authorised(), void_started(), void_requested()),
        (requested(currency="USD"), authorised(currency="USD")),
    ],
)
def test_nothing_is_captured_from_what_is_being_voided_or_is_of_another_currency(
    beside: tuple[Event, ...],
) -> None:
    past = (*beside, requested(attempt=2), authorised(attempt=2))
    scenario(*past).when(capture()).then(capture_requested(authorisation_id="auth_2"))


def test_prepaid_money_is_captured_without_a_call() -> None:
    prepaid = authorised(authorisation_id=PREPAID_ID, expires_at=FOREVER)
    scenario(prepaid).when(capture()).then(
        captured(capture_id=f"prepaid:{capture_key()}", authorisation_id=PREPAID_ID)
    )


def test_a_fulfilment_prepaid_under_two_references_is_captured_from_both_at_once() -> None:
    first = authorised(authorisation_id=PREPAID_ID, expires_at=FOREVER)
    second = authorised(attempt=2, amount=50, authorisation_id="prepaid:WX-78", expires_at=FOREVER)
    scenario(first, second).when(capture(amount=120)).then(
        partly(100, 120, capture_id=f"prepaid:{capture_key()}", authorisation_id=PREPAID_ID),
        captured(
            amount=120,
            capture_id=f"prepaid:{capture_key(number=2)}",
            authorisation_id="prepaid:WX-78",
            already_captured=100,
        ),
    )


def test_a_fulfilment_paid_partly_in_the_channel_is_captured_there_first_when_that_is_the_larger() -> None:
    prepaid = authorised(authorisation_id=PREPAID_ID, expires_at=FOREVER)
    card = (requested(attempt=2, amount=50), authorised(attempt=2, amount=50))
    first = scenario(prepaid, *card).when(capture(F3, 120))
    first.then(
        partly(
            100,
            120,
            capture_id=f"prepaid:{capture_key(F3)}",
            authorisation_id=PREPAID_ID,
            fulfilment_id=F3,
        ),
        capture_requested(F3, 20, authorisation_id="auth_2", whole=120),
    )

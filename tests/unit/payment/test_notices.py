"""The gateway's notices: doubled, early, late, telling, or contradicting."""

import pytest

from services.payment.domain.messages import GatewayNotified
from shared.events.payload import Event
from shared.events.payment import PaymentAnomalyDetected, PaymentRefunded, PaymentVoided
from shared.eventsourcing.decider import Recorded, Reply
from shared.eventsourcing.testing import NOON
from tests.unit.payment.given import (
    F1,
    ORDER,
    STREAM,
    auth_key,
    authorisation_voided,
    authorised,
    capture_key,
    capture_requested,
    captured,
    declined,
    notice,
    refund_key,
    refund_requested,
    requested,
    scenario,
    unknown,
    void_key,
    void_requested,
    void_started,
)

AUTHORISED = (requested(), authorised())
VOIDING = (*AUTHORISED, void_started(), void_requested())
VOIDED = PaymentVoided(order_number=ORDER, amount=100, currency="EUR")
OF_AUTHORISATION = notice("authorised", auth_key())
OF_DECLINE = notice("declined", auth_key(), code="do_not_honour")
OF_CAPTURE = notice("captured", capture_key(), operation_id=f"cap_{F1}", amount=40)
OF_VOID = notice("voided", void_key(), operation_id="void_1")
OF_REFUND = notice("refunded", refund_key(), operation_id="ref_1", amount=30)
REFUNDED = PaymentRefunded(order_number=ORDER, refund_id="R1", amount=30, currency="EUR", capture_id=f"cap_{F1}")


def contradiction(notice: GatewayNotified) -> PaymentAnomalyDetected:
    return PaymentAnomalyDetected(
        order_number=notice.order_number,
        explanation=(
            f"the gateway tells of {notice.amount} EUR {notice.kind} ({notice.operation_id}, "
            f"key {notice.idempotency_key}), which is not what is recorded"
        ),
    )


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (AUTHORISED, OF_AUTHORISATION),
        ((*VOIDING, authorisation_voided()), OF_AUTHORISATION),
        ((requested(), declined()), OF_DECLINE),
        ((*AUTHORISED, capture_requested(), captured()), OF_CAPTURE),
        ((*VOIDING, authorisation_voided(), VOIDED), OF_VOID),
        ((*AUTHORISED, captured(), refund_requested(), REFUNDED), OF_REFUND),
    ],
)
def test_a_notice_that_agrees_with_the_record_changes_nothing(
    past: tuple[Event, ...], told: GatewayNotified
) -> None:
    outcome = scenario(*past).when(told)
    outcome.then_nothing_happened()
    assert outcome.reply == Reply("accepted")


def test_a_notice_of_authorisation_that_overtakes_its_answer_waits_for_it() -> None:
    scenario(requested()).when(OF_AUTHORISATION).then_nothing_happened()


def test_a_notice_of_an_authorisation_thought_lost_makes_us_ask_at_once_for_when_it_expires() -> None:
    given = scenario(requested(), unknown(auth_key(), NOON))
    outcome = given.when(OF_AUTHORISATION)
    outcome.then(requested(asked=2))
    outcome.after.when(OF_AUTHORISATION).then_nothing_happened()


@pytest.mark.parametrize("doubt", [(), (unknown(auth_key(), NOON),)])
def test_a_notice_of_decline_is_the_answer(doubt: tuple[Event, ...]) -> None:
    scenario(requested(), *doubt).when(OF_DECLINE).then(declined())


@pytest.mark.parametrize("doubt", [(), (unknown(capture_key(), NOON),)])
def test_a_notice_of_capture_is_the_answer(doubt: tuple[Event, ...]) -> None:
    scenario(*AUTHORISED, capture_requested(), *doubt).when(OF_CAPTURE).then(captured())


@pytest.mark.parametrize("doubt", [(), (unknown(void_key(), NOON),)])
def test_a_notice_of_void_is_the_answer(doubt: tuple[Event, ...]) -> None:
    scenario(*VOIDING, *doubt).when(OF_VOID).then(authorisation_voided(), VOIDED)


@pytest.mark.parametrize("doubt", [(), (unknown(refund_key(), NOON),)])
def test_a_notice_of_refund_is_the_answer(doubt: tuple[Event, ...]) -> None:
    scenario(*AUTHORISED, captured(), refund_requested(), *doubt).when(OF_REFUND).then(REFUNDED)


@pytest.mark.parametrize(
    ("past", "told"),
    [
        ((), OF_AUTHORISATION),
        ((requested(), declined()), OF_AUTHORISATION),
        ((requested(amount=99),), OF_AUTHORISATION),
        ((requested(amount=99), authorised(amount=99)), OF_AUTHORISATION),
        ((requested(), authorised(authorisation_id="auth_other")), OF_AUTHORISATION),
        ((), OF_DECLINE),
        ((requested(amount=99),), OF_DECLINE),
        (AUTHORISED, OF_DECLINE),
        ((), OF_CAPTURE),
        ((*AUTHORISED, capture_requested(amount=41)), OF_CAPTURE),
        ((*AUTHORISED, capture_requested(amount=41), captured(amount=41)), OF_CAPTURE),
        ((*AUTHORISED, capture_requested(number=2)), OF_CAPTURE),
        ((), OF_VOID),
        (AUTHORISED, OF_VOID),
        ((requested(currency="USD"), authorised(currency="USD"), void_started(), void_requested()), OF_VOID),
        ((*AUTHORISED, void_started(), void_requested(number=2)), OF_VOID),
        (AUTHORISED, notice("voided", void_key(), operation_id="void_1", amount=0)),
        ((*VOIDING, authorisation_voided(amount=99)), OF_VOID),
        ((), OF_REFUND),
        ((*AUTHORISED, captured(), refund_requested(amount=31)), OF_REFUND),
        ((*AUTHORISED, captured(), refund_requested(number=2)), OF_REFUND),
        ((*AUTHORISED, captured(), refund_requested(number=2), REFUNDED), OF_REFUND),
    ],
)
def test_a_notice_that_contradicts_the_record_is_told_to_a_person_once(
    past: tuple[Event, ...], told: GatewayNotified
) -> None:
    outcome = scenario(*past).when(told)
    outcome.then(Recorded(STREAM, contradiction(told)))
    assert outcome.reply == Reply("accepted")
    outcome.after.when(told).then_nothing_happened()


def test_a_reference_that_is_no_order_of_ours_is_recorded_once_and_not_refused() -> None:
    stranger = OF_AUTHORISATION.model_copy(update={"order_number": "someone-else"})
    outcome = scenario().when(stranger)
    outcome.then(Recorded("payment-someone-else", contradiction(stranger)))
    outcome.after.when(stranger).then_nothing_happened()


def test_only_the_latest_anomalies_are_kept_in_mind() -> None:
    given = scenario()
    for amount in range(1, 20):
        given = given.when(OF_AUTHORISATION.model_copy(update={"amount": amount})).after
    given.when(OF_AUTHORISATION.model_copy(update={"amount": 19})).then_nothing_happened()
    first = OF_AUTHORISATION.model_copy(update={"amount": 1})
    given.when(first).then(contradiction(first))

"""Paying back, in one part or several, never more than was captured."""

import pytest

from services.payment.domain.keys import refund_key as derived_key
from shared.events.payload import Event
from shared.events.payment import (
    PartiallyCaptured,
    PartiallyRefunded,
    PaymentAnomalyDetected,
    PaymentRefunded,
    RefundRefused,
)
from shared.eventsourcing.decider import Recorded, Reply
from shared.eventsourcing.testing import NOON
from tests.unit.payment.given import (
    F1,
    F2,
    FOREVER,
    ORDER,
    POLICY,
    STREAM,
    authorised,
    capture_key,
    captured,
    refund,
    refund_answered,
    refund_key,
    refund_requested,
    requested,
    scenario,
    unknown,
)

CAPTURED = (requested(), authorised(), captured(F1, 40))
TWO = (*CAPTURED, captured(F2, 60))
CAP_1, CAP_2 = f"cap_{F1}", f"cap_{F2}"
PREPAID_ID = "prepaid:WX-77"
CHANNEL_CAPTURE = f"prepaid:{capture_key()}"
IN_CHANNEL = (
    authorised(authorisation_id=PREPAID_ID, expires_at=FOREVER),
    captured(F1, 40, capture_id=CHANNEL_CAPTURE, authorisation_id=PREPAID_ID),
)


def refunded(
    amount: int = 30,
    refund_id: str = "R1",
    capture_id: str = CAP_1,
    already_refunded: int = 0,
    repeated: bool = False,
) -> PaymentRefunded:
    return PaymentRefunded(
        order_number=ORDER,
        refund_id=refund_id,
        amount=amount,
        currency="EUR",
        capture_id=capture_id,
        already_refunded=already_refunded,
        repeated=repeated,
    )


def partly(amount: int, whole: int, capture_id: str = CAP_1, already_refunded: int = 0) -> PartiallyRefunded:
    return PartiallyRefunded(
        order_number=ORDER,
        refund_id="R1",
        capture_id=capture_id,
        amount=amount,
        currency="EUR",
        already_refunded=already_refunded,
        whole=whole,
    )


def refused(code: str, refund_id: str = "R1") -> RefundRefused:
    return RefundRefused(order_number=ORDER, refund_id=refund_id, refusal_code=code)


def accepted(status: str, amount: int = 30) -> Reply:
    body = {"refund_id": "R1", "amount": amount, "currency": "EUR", "status": status}
    return Reply("accepted", body)


def test_a_refund_is_asked_of_the_gateway() -> None:
    outcome = scenario(*CAPTURED).when(refund())
    outcome.then(Recorded(STREAM, refund_requested()))
    assert outcome.reply == accepted("under_way")


def test_a_refund_is_stated_when_the_gateway_has_paid_back() -> None:
    scenario(*CAPTURED, refund_requested()).when(refund_answered(outcome="refunded")).then(refunded())


def test_a_repeated_command_under_way_is_accepted_again() -> None:
    outcome = scenario(*CAPTURED, refund_requested()).when(refund())
    outcome.then_nothing_happened()
    assert outcome.reply == accepted("under_way")


def test_a_refund_that_is_done_is_answered_again_without_counting_twice() -> None:
    outcome = scenario(*CAPTURED, refund_requested(), refunded()).when(refund())
    outcome.then(refunded(repeated=True))
    assert outcome.reply == accepted("refunded")


def test_another_amount_under_the_same_refund_is_a_conflict() -> None:
    conflict = Reply("conflict", {"refund_id": "R1", "amount": 30, "currency": "EUR"})
    outcome = scenario(*CAPTURED, refund_requested(), refunded()).when(refund(amount=10))
    outcome.then(refunded(repeated=True))
    assert outcome.reply == conflict
    under_way = scenario(*CAPTURED, refund_requested()).when(refund(amount=10))
    under_way.then_nothing_happened()
    assert under_way.reply == conflict


@pytest.mark.parametrize(
    ("past", "currency"),
    [
        ((requested(), authorised()), "EUR"),
        ((*CAPTURED, refund_requested(20, "R0")), "EUR"),
        ((*CAPTURED, refund_requested(20, "R0"), refunded(20, "R0")), "EUR"),
        (CAPTURED, "USD"),
    ],
)
def test_never_more_is_paid_back_than_was_captured(past: tuple[Event, ...], currency: str) -> None:
    outcome = scenario(*past).when(refund(currency=currency))
    outcome.then(refused("exceeds_captured"))
    assert outcome.reply == Reply("refused", {"refund_id": "R1", "refusal_code": "exceeds_captured"})


def test_a_capture_is_paid_back_to_the_last_unit() -> None:
    past = (*CAPTURED, refund_requested(39, "R0"), refunded(39, "R0"))
    scenario(*past).when(refund(1)).then(refund_requested(1))


def test_a_refund_of_nothing_is_refused() -> None:
    scenario(*CAPTURED).when(refund(amount=0)).then(refused("amount_zero"))


def test_a_refund_of_an_order_never_paid_is_not_found() -> None:
    outcome = scenario().when(refund())
    outcome.then(refused("exceeds_captured"))
    assert outcome.reply == Reply("not_found", {"refund_id": "R1", "refusal_code": "exceeds_captured"})


def test_a_refund_that_the_gateway_refuses_is_tried_again_under_a_new_key_when_asked() -> None:
    outcome = scenario(*CAPTURED, refund_requested()).when(
        refund_answered(outcome="refused", code="processor_declined")
    )
    outcome.then(refused("processor_declined"))
    outcome.after.when(refund(amount=20)).then(refund_requested(20, number=2))


def test_a_refusal_that_contradicts_the_record_is_told_to_a_person() -> None:
    scenario(*CAPTURED, refund_requested()).when(refund_answered(outcome="refused")).then(
        refused("refused"),
        PaymentAnomalyDetected(
            order_number=ORDER,
            explanation=f"the gateway refused a refund with no code (key {refund_key()})",
        ),
    )


def test_a_refund_of_unknown_outcome_is_asked_again_under_the_same_key() -> None:
    outcome = scenario(*CAPTURED, refund_requested()).when(refund_answered(outcome="unknown"))
    outcome.then(unknown(refund_key(), NOON + POLICY.back_off.first))
    outcome.after.when(outcome.reminders[0].message).then(refund_requested(asked=2))


def test_of_several_refunds_the_one_of_unknown_outcome_is_asked_again() -> None:
    others = (refund_requested(5, "R2"), refunded(5, "R2"), refund_requested(10, "R3"))
    outcome = scenario(*CAPTURED, *others, refund_requested(20)).when(refund_answered(outcome="unknown"))
    outcome.then(unknown(refund_key(), NOON + POLICY.back_off.first))
    outcome.after.when(outcome.reminders[0].message).then(refund_requested(20, asked=2))


def test_a_refund_of_a_capture_that_is_not_known_is_kept_and_takes_nothing_from_the_others() -> None:
    elsewhere = scenario(*CAPTURED, refunded(capture_id="cap_elsewhere"))
    elsewhere.when(refund()).then(refunded(capture_id="cap_elsewhere", repeated=True))
    elsewhere.when(refund(40, "R2")).then(refund_requested(40, "R2"))


def test_an_unknown_part_is_asked_again_with_the_whole_in_mind() -> None:
    first = refund_requested(60, capture_id=CAP_2, whole=90)
    outcome = scenario(*TWO, first).when(refund_answered(outcome="unknown"))
    outcome.after.when(outcome.reminders[0].message).then(
        refund_requested(60, capture_id=CAP_2, whole=90, asked=2)
    )


def test_a_late_answer_changes_nothing_when_it_agrees() -> None:
    done = scenario(*CAPTURED, refund_requested(), refunded())
    done.when(refund_answered(outcome="refunded")).then_nothing_happened()
    done.when(refund_answered(outcome="unknown")).then_nothing_happened()
    done.when(refund_answered(outcome="refused", code="x")).then_nothing_happened()
    scenario().when(refund_answered(outcome="unknown")).then_nothing_happened()


def test_a_refund_that_happened_after_a_refusal_is_told_to_a_person() -> None:
    told = PaymentAnomalyDetected(
        order_number=ORDER,
        explanation=f"the gateway paid back under the key {refund_key()}, refused before",
    )
    given = scenario(*CAPTURED, refund_requested(), refused("processor_declined"))
    given.when(refund_answered(outcome="refunded")).then(told)
    given.given(STREAM, refund_requested(number=2)).when(refund_answered(outcome="refunded")).then(told)
    scenario(*CAPTURED).when(refund_answered(outcome="refunded")).then(told)


def test_the_smallest_capture_that_suffices_is_paid_back_from() -> None:
    scenario(*TWO).when(refund(amount=40)).then(refund_requested(40, capture_id=CAP_1))
    scenario(*TWO).when(refund(amount=50)).then(refund_requested(50, capture_id=CAP_2))


def test_a_refund_larger_than_any_capture_is_paid_back_in_parts() -> None:
    first = scenario(*TWO).when(refund(amount=90))
    first.then(refund_requested(60, capture_id=CAP_2, whole=90))
    second = first.after.when(refund_answered(outcome="refunded"))
    second.then(partly(60, 90, capture_id=CAP_2), refund_requested(30, capture_id=CAP_1, number=2, whole=90))
    second.after.when(refund_answered(number=2, outcome="refunded")).then(
        refunded(90, capture_id=CAP_1, already_refunded=60)
    )


def test_what_a_split_refund_still_needs_is_not_given_to_another() -> None:
    split = scenario(*TWO, refund_requested(60, capture_id=CAP_2, whole=90))
    split.when(refund(20, "R2")).then(refused("exceeds_captured", "R2"))
    split.when(refund(10, "R2")).then(refund_requested(10, "R2"))
    last = split.given(STREAM, partly(60, 90, CAP_2), refund_requested(30, capture_id=CAP_1, number=2, whole=90))
    last.when(refund(20, "R2")).then(refused("exceeds_captured", "R2"))
    last.when(refund(10, "R2")).then(refund_requested(10, "R2"))
    done = last.given(STREAM, refunded(90, capture_id=CAP_1, already_refunded=60))
    done.when(refund(20, "R2")).then(refused("exceeds_captured", "R2"))
    done.when(refund(10, "R2")).then(refund_requested(10, "R2"))


def test_what_a_split_refund_still_needs_of_another_currency_takes_nothing_from_this_one() -> None:
    dollars = refund_requested(20, "R0", capture_id="cap_dollars", whole=50).model_copy(update={"currency": "USD"})
    scenario(*CAPTURED, dollars).when(refund(40)).then(refund_requested(40))


def test_what_was_captured_in_parts_is_paid_back_up_to_their_sum() -> None:
    first = PartiallyCaptured(
        order_number=ORDER,
        fulfilment_id=F1,
        capture_id=CAP_1,
        amount=100,
        currency="EUR",
        authorisation_id="auth_1",
        whole=120,
    )
    rest = captured(F1, 120, capture_id=CAP_2, authorisation_id="auth_2", already_captured=100)
    given = scenario(requested(), authorised(), requested(attempt=2), authorised(attempt=2), first, rest)
    given.when(refund(121)).then(refused("exceeds_captured"))
    both = given.when(refund(120)).then(refund_requested(100, whole=120))
    both.after.when(refund_answered(outcome="refunded")).then(
        partly(100, 120), refund_requested(20, capture_id=CAP_2, number=2, whole=120)
    )


def test_a_part_refused_after_another_was_paid_is_tried_again_for_the_rest_alone() -> None:
    past = (
        *TWO,
        refund_requested(60, capture_id=CAP_2, whole=90),
        partly(60, 90, capture_id=CAP_2),
        refund_requested(30, capture_id=CAP_1, number=2, whole=90),
        refused("processor_declined"),
    )
    scenario(*past).when(refund(amount=90)).then(refund_requested(30, capture_id=CAP_1, number=3, whole=90))
    scenario(*past).when(refund(amount=50)).then(refunded(60, capture_id=CAP_2, already_refunded=60))


def test_a_part_for_which_nothing_is_left_is_refused() -> None:
    taken = refunded(40, "R0", capture_id=CAP_1)
    past = (*TWO, refund_requested(60, capture_id=CAP_2, whole=90), taken)
    scenario(*past).when(refund_answered(outcome="refunded")).then(
        partly(60, 90, capture_id=CAP_2), refused("exceeds_captured")
    )


def test_what_the_channel_took_is_paid_back_there_and_only_recorded() -> None:
    outcome = scenario(*IN_CHANNEL).when(refund())
    outcome.then(refunded(capture_id=CHANNEL_CAPTURE))
    assert outcome.reply == accepted("refunded")
    outcome.after.when(refund()).then(refunded(capture_id=CHANNEL_CAPTURE, repeated=True))


def test_two_captures_of_the_channel_are_paid_back_at_once() -> None:
    second = captured(F2, 20, capture_id="prepaid:second", authorisation_id=PREPAID_ID)
    scenario(*IN_CHANNEL, second).when(refund(amount=60)).then(
        partly(40, 60, capture_id=CHANNEL_CAPTURE),
        refunded(60, capture_id="prepaid:second", already_refunded=40),
    )


def test_a_refund_from_channel_and_card_goes_on_at_the_gateway() -> None:
    past = (*IN_CHANNEL, requested(attempt=2), authorised(attempt=2))
    card = captured(F2, 30, authorisation_id="auth_2")
    scenario(*past, card).when(refund(amount=60)).then(
        partly(40, 60, capture_id=CHANNEL_CAPTURE),
        refund_requested(20, capture_id=CAP_2, whole=60),
    )


@pytest.mark.parametrize("refund_id", ["退款", "line\nbreak", "R" * (181 - len(refund_key("")))])
def test_a_refund_named_by_what_no_header_carries_gets_a_key_that_one_does(refund_id: str) -> None:
    key = derived_key(ORDER, refund_id, 1)
    assert key.isascii()
    assert key.isprintable()
    assert len(key) < 100
    assert key != derived_key(ORDER, refund_id, 2)


def test_the_longest_name_that_a_header_carries_stands_in_the_key() -> None:
    longest = "R" * (180 - len(refund_key("")))
    assert derived_key(ORDER, longest, 1) == refund_key(longest)

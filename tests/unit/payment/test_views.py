"""What the views show of a payment's facts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.payment.views import LEDGER, LEDGER_TOTALS, PAYMENTS
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisationRenewed,
    CaptureRefused,
    PartiallyCaptured,
    PartiallyRefunded,
    PaymentAnomalyDetected,
    PaymentRefunded,
    PaymentVoided,
    RefundRefused,
)
from shared.eventsourcing.testing import NOON
from shared.eventsourcing.views import Fact, Row, View
from tests.unit.payment.given import (
    F1,
    F2,
    ORDER,
    STREAM,
    WEEK,
    authorisation_voided,
    authorised,
    capture_requested,
    captured,
    declined,
    refund_requested,
    requested,
    void_started,
)

REFUNDED = PaymentRefunded(order_number=ORDER, refund_id="R1", amount=40, currency="EUR", capture_id=f"cap_{F1}")
VOIDED = PaymentVoided(order_number=ORDER, amount=60, currency="EUR")


def rows(view: View, *events: Event) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for position, event in enumerate(events):
        if not isinstance(event, view.handles):
            continue
        fact = Fact(
            event=event,
            id=UUID(int=position),
            stream=STREAM,
            version=position,
            lane=1,
            position=position,
            partition_key=ORDER,
            correlation_id=ORDER,
            actor="system",
            reason="",
            occurred_at=NOON,
            recorded_at=NOON + timedelta(seconds=position),
        )
        for key in view.keys(event):
            after = view.project(key, found.get(key), fact)
            if after is not None:
                found[key] = after
    return found


def shown(*events: Event) -> Row:
    return rows(PAYMENTS, *events)[ORDER]


def test_an_authorised_payment_is_shown_with_its_attempts() -> None:
    row = shown(requested(), declined(), requested(2), authorised(2))
    assert (row["status"], row["authorised"], row["currency"]) == ("authorised", 100, "EUR")
    assert row["attempts"] == {
        "1": {"status": "declined", "amount": 100, "currency": "EUR", "decline_code": "do_not_honour"},
        "2": {
            "status": "authorised",
            "amount": 100,
            "currency": "EUR",
            "authorisation_id": "auth_2",
            "expires_at": WEEK.isoformat(),
        },
    }
    assert row["changed_at"] == (NOON + timedelta(seconds=3)).isoformat()


@pytest.mark.parametrize(
    ("status", "past"),
    [
        ("authorising", (requested(),)),
        ("declined", (requested(), declined())),
        ("authorised", (requested(), authorised())),
        (
            "lapsed",
            (requested(), authorised(), AuthorisationLapsed(order_number=ORDER, authorisation_id="auth_1")),
        ),
        ("voiding", (requested(), authorised(), void_started())),
        ("voided", (requested(), authorised(), void_started(), authorisation_voided(), VOIDED)),
        ("partly_captured", (requested(), authorised(), capture_requested(), captured())),
        ("captured", (requested(), authorised(), captured(), authorisation_voided(amount=60))),
        ("captured", (requested(), authorised(), captured(), authorisation_voided(amount=50, expected=60))),
        ("refunded", (requested(), authorised(), captured(), refund_requested(40), REFUNDED)),
        ("none", (PaymentAnomalyDetected(order_number=ORDER, explanation="strange"),)),
    ],
)
def test_one_word_says_where_a_payment_stands(status: str, past: tuple[Event, ...]) -> None:
    assert shown(*past)["status"] == status


def test_a_void_that_differs_shows_what_was_expected_and_what_the_gateway_captured_by_itself() -> None:
    row = shown(requested(), authorised(), authorisation_voided(amount=0, expected=100, captured_unrecorded=100))
    assert (row["status"], row["authorised"], row["voided"], row["captured"]) == ("voided", 100, 0, 0)
    attempt = row["attempts"]["1"]
    assert (attempt["expected"], attempt["captured_unrecorded"]) == (100, 100)


def test_answers_that_are_only_repeated_change_no_sum() -> None:
    once = (requested(), authorised(), captured(), REFUNDED)
    again = (authorised(repeated=True), declined(repeated=True), captured(repeated=True))
    before = shown(*once)
    after = shown(*once, *again, REFUNDED.model_copy(update={"repeated": True}))
    sums = ("authorised", "captured", "refunded", "voided", "attempts", "captures", "refunds")
    assert {name: before[name] for name in sums} == {name: after[name] for name in sums}


def test_captures_and_refunds_in_parts_add_up_on_the_way() -> None:
    part = PartiallyCaptured(
        order_number=ORDER,
        fulfilment_id=F1,
        capture_id="cap_a",
        amount=100,
        currency="EUR",
        authorisation_id="auth_1",
        whole=120,
    )
    paid = PartiallyRefunded(
        order_number=ORDER,
        refund_id="R1",
        capture_id="cap_a",
        amount=10,
        currency="EUR",
        already_refunded=0,
        whole=15,
    )
    two = (requested(), authorised(), requested(2, 50), authorised(2, 50))
    row = shown(*two, capture_requested(amount=100, whole=120), part, refund_requested(10, whole=15), paid)
    assert (row["captured"], row["refunded"]) == (100, 10)
    assert row["captures"][F1]["amount"] == 120
    assert row["refunds"]["R1"] == {"status": "under_way", "amount": 15, "refunded": 10, "currency": "EUR"}
    done = captured(amount=120, already_captured=100)
    assert shown(*two, part, done)["captured"] == 120


def test_a_refusal_is_shown_with_its_code() -> None:
    row = shown(
        requested(),
        authorised(),
        capture_requested(F2),
        CaptureRefused(order_number=ORDER, fulfilment_id=F2, refusal_code="expired"),
        RefundRefused(order_number=ORDER, refund_id="R1", refusal_code="exceeds_captured"),
    )
    assert (row["captures"][F2]["status"], row["captures"][F2]["last_refusal"]) == ("refused", "expired")
    assert row["refunds"]["R1"] == {"status": "refused", "last_refusal": "exceeds_captured"}
    assert row["captured"] == 0


def test_a_refund_that_is_refused_makes_no_payment_of_an_order_that_has_none() -> None:
    refused = RefundRefused(order_number=ORDER, refund_id="R1", refusal_code="exceeds_captured")
    assert rows(PAYMENTS, refused) == {}


def test_a_renewal_moves_the_expiry() -> None:
    later = WEEK + timedelta(days=7)
    renewed = AuthorisationRenewed(order_number=ORDER, authorisation_id="auth_1", expires_at=later)
    unheard = AuthorisationRenewed(order_number=ORDER, authorisation_id="auth_9", expires_at=later)
    assert shown(requested(), authorised(), renewed)["attempts"]["1"]["expires_at"] == later.isoformat()
    assert shown(requested(), authorised(), unheard)["attempts"]["1"]["expires_at"] == WEEK.isoformat()


def test_every_operation_stands_in_the_ledger_once_with_both_sides() -> None:
    found = rows(LEDGER, authorised(), authorised(repeated=True), captured(), captured(repeated=True))
    assert list(found) == [f"{ORDER}/authorisation/1", f"{ORDER}/capture/cap_{F1}"]
    row: Any = found[f"{ORDER}/capture/cap_{F1}"]
    assert sum(entry["debit"] for entry in row["entries"]) == sum(entry["credit"] for entry in row["entries"])
    assert (row["order_number"], row["fact"], row["currency"]) == (ORDER, "payment.captured.v1", "EUR")


def test_the_totals_add_every_movement_once_by_currency_and_account() -> None:
    found = rows(
        LEDGER_TOTALS,
        authorised(),
        authorised(repeated=True),
        authorised(amount=0),
        captured(),
        authorised(2, 10, currency="USD"),
    )
    assert found == {
        "EUR": {
            "currency": "EUR",
            "accounts": {
                "authorised": {"debit": 100, "credit": 40},
                "authorised_contra": {"debit": 40, "credit": 100},
                "gateway_clearing": {"debit": 40, "credit": 0},
                "revenue": {"debit": 0, "credit": 40},
            },
        },
        "USD": {
            "currency": "USD",
            "accounts": {
                "authorised": {"debit": 10, "credit": 0},
                "authorised_contra": {"debit": 0, "credit": 10},
            },
        },
    }

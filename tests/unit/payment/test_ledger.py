"""Double entry: each movement of money once, and always on two sides."""

from collections import Counter

import pytest

from services.payment.domain.ledger import Entry, entries, operation
from shared.events.payload import Event
from shared.events.payment import AuthorisationVoided, PartiallyCaptured, PartiallyRefunded, PaymentRefunded
from tests.unit.payment.given import F1, ORDER, authorisation_voided, authorised, captured, declined

PARTLY_CAPTURED = PartiallyCaptured(
    order_number=ORDER,
    fulfilment_id=F1,
    capture_id="cap_a",
    amount=30,
    currency="EUR",
    authorisation_id="auth_1",
    whole=40,
)
PARTLY_REFUNDED = PartiallyRefunded(
    order_number=ORDER,
    refund_id="R1",
    capture_id="cap_a",
    amount=10,
    currency="EUR",
    already_refunded=0,
    whole=25,
)
REFUNDED = PaymentRefunded(
    order_number=ORDER, refund_id="R1", amount=25, currency="EUR", capture_id="cap_b", already_refunded=10
)
LIFE = (
    authorised(),
    PARTLY_CAPTURED,
    captured(capture_id="cap_b", already_captured=30),
    authorisation_voided(amount=60),
    PARTLY_REFUNDED,
    REFUNDED,
)


def balances(*facts: Event) -> dict[str, int]:
    balance: Counter[str] = Counter()
    for fact in facts:
        for entry in entries(fact):
            balance[entry.account] += entry.debit - entry.credit
    return dict(balance)


def test_an_authorisation_is_a_memorandum_of_what_is_set_aside() -> None:
    assert entries(authorised()) == (
        Entry(account="authorised", debit=100),
        Entry(account="authorised_contra", credit=100),
    )


def test_a_capture_moves_what_was_set_aside_to_revenue() -> None:
    assert entries(captured()) == (
        Entry(account="authorised_contra", debit=40),
        Entry(account="authorised", credit=40),
        Entry(account="gateway_clearing", debit=40),
        Entry(account="revenue", credit=40),
    )


def test_what_the_channel_took_is_owed_by_the_channel() -> None:
    assert balances(captured(capture_id="prepaid:1")) == {
        "authorised_contra": 40,
        "authorised": -40,
        "channel_clearing": 40,
        "revenue": -40,
    }


def test_a_whole_life_leaves_nothing_set_aside_and_parts_are_not_counted_twice() -> None:
    assert balances(*LIFE) == {
        "authorised": 0,
        "authorised_contra": 0,
        "gateway_clearing": 15,
        "revenue": -40,
        "refunds": 25,
    }


@pytest.mark.parametrize(
    ("void", "elsewhere"),
    [
        (authorisation_voided(amount=60, expected=100), {"authorised_contra": -40, "void_differences": 40}),
        (authorisation_voided(amount=140, expected=100), {"authorised_contra": 40, "void_differences": -40}),
        (authorisation_voided(amount=0, expected=100), {"authorised_contra": -100, "void_differences": 100}),
        (
            authorisation_voided(amount=0, expected=100, captured_unrecorded=100),
            {"authorised_contra": 0, "gateway_clearing": 100, "suspense": -100},
        ),
    ],
)
def test_a_void_that_differs_leaves_nothing_set_aside_and_names_the_difference(
    void: AuthorisationVoided, elsewhere: dict[str, int]
) -> None:
    assert balances(authorised(), void) == {"authorised": 0, **elsewhere}


@pytest.mark.parametrize("fact", LIFE)
def test_every_fact_balances(fact: Event) -> None:
    booked = entries(fact)
    assert sum(entry.debit for entry in booked) == sum(entry.credit for entry in booked) > 0


@pytest.mark.parametrize(
    "fact",
    [
        authorised(repeated=True),
        captured(repeated=True),
        REFUNDED.model_copy(update={"repeated": True}),
        authorised(amount=0),
        declined(),
    ],
)
def test_what_moves_no_money_books_nothing(fact: Event) -> None:
    assert entries(fact) == ()


def test_every_operation_of_an_order_has_a_name_of_its_own() -> None:
    names = [operation(fact) for fact in LIFE]
    assert len(set(names)) == len(names)
    assert operation(authorised(repeated=True)) == operation(authorised())


def test_what_the_ledger_does_not_book_has_no_name() -> None:
    with pytest.raises(LookupError, match="declined"):
        operation(declined())

"""The credit that a customer's open orders use, where a limit is set."""

from datetime import timedelta
from typing import Any

import pytest

from services.order.domain.content import frozen
from services.order.domain.messages import FreeCredit
from services.order.domain.review import Finding, ReviewFacts, no_findings
from shared.events.inventory import ReservationReleased
from shared.events.order import CancelOrder, CreditFreed, CreditLimitSet, CreditUsed, OrderPlaced
from shared.events.payload import Payload
from shared.events.values import Customer
from shared.eventsourcing.decider import Recorded, Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.order.samples import (
    NUMBER,
    T0,
    after,
    authorised,
    captured,
    channel_order,
    delivered,
    dispatched,
    finding,
    finds,
    line,
    new,
    of_order,
    stock_reserved,
    take,
)

LATER = T0 + timedelta(hours=1)
CHANGED: dict[str, Any] = {"channel_updated_at": LATER, "notes": "ring twice"}
CONTENT = frozen(channel_order())
OTHER_CUSTOMER = Customer(id="C2", name="Bo")
LIMIT = CreditLimitSet(customer_id="C1", limit=5_000, currency="USD")


def limited(limit: CreditLimitSet = LIMIT) -> Scenario:
    return new().given("customer-C1", limit)


def test_an_order_of_a_customer_with_a_limit_uses_credit_until_it_ends() -> None:
    placed = limited().when(take())
    used = CreditUsed(customer_id="C1", order_number=NUMBER, amount=1300, currency="USD")
    assert placed.decision.events[:2] == (
        *of_order(OrderPlaced(order_number=NUMBER, content=CONTENT, counts_as_credit=True)),
        Recorded("customer-C1", used),
    )
    finished = after(placed.after, stock_reserved(), authorised(), dispatched(), captured()).when(delivered())
    free = FreeCredit(customer_id="C1", order_number=NUMBER)
    assert finished.reminders == (Reminder(NOON, free),)
    freed = CreditFreed(customer_id="C1", order_number=NUMBER, amount=1300, currency="USD")
    finished.after.when(free).then(Recorded("customer-C1", freed)).after.when(free).then_nothing_happened()


def test_a_cancelled_order_frees_its_credit() -> None:
    cancelled = after(limited(), take(), CancelOrder(order_number=NUMBER))
    outcome = cancelled.when(ReservationReleased(order_number=NUMBER, fulfilments=()))
    assert outcome.reminders == (Reminder(NOON, FreeCredit(customer_id="C1", order_number=NUMBER)),)


@pytest.mark.parametrize(
    "ordered", [{"currency": "EUR"}, {"order_discount": 1300}], ids=lambda order: next(iter(order))
)
def test_an_order_in_another_currency_than_the_limit_or_of_no_value_uses_no_credit(
    ordered: dict[str, Any],
) -> None:
    placed = limited().when(take(**ordered))
    assert not [event for event in placed.events if isinstance(event, CreditUsed)]
    cancelled = after(placed.after, CancelOrder(order_number=NUMBER))
    assert cancelled.when(ReservationReleased(order_number=NUMBER, fulfilments=())).reminders == ()


@pytest.mark.parametrize("status", ["in review", "approved", "confirmed", "cancelling"])
def test_credit_is_not_freed_before_the_order_has_ended(status: str) -> None:
    review = finds("order", finding()) if status == "in review" else no_findings
    steps: dict[str, tuple[Payload, ...]] = {
        "confirmed": (stock_reserved(), authorised()),
        "cancelling": (CancelOrder(order_number=NUMBER),),
    }
    counting = after(new(review).given("customer-C1", LIMIT), take(), *steps.get(status, ()))
    counting.when(FreeCredit(customer_id="C1", order_number=NUMBER)).then_nothing_happened()


OTHER = CreditUsed(customer_id="C1", order_number="OTHER", amount=900, currency="USD")


@pytest.mark.parametrize(("currency", "counts"), [("USD", 900), ("EUR", 0)])
def test_what_was_used_counts_against_a_new_limit_in_the_same_currency_alone(currency: str, counts: int) -> None:
    seen: list[ReviewFacts] = []

    def review(facts: ReviewFacts) -> tuple[Finding, ...]:
        seen.append(facts)
        return ()

    limit = CreditLimitSet(customer_id="C1", limit=7_000, currency=currency)
    new(review).given("customer-C1", LIMIT, OTHER, limit).when(take())
    assert [facts.open_credit for facts in seen] == [counts]


def test_the_review_sees_what_the_other_open_orders_add_up_to() -> None:
    seen: list[ReviewFacts] = []

    def review(facts: ReviewFacts) -> tuple[Finding, ...]:
        seen.append(facts)
        return ()

    scenario = after(new(review).given("customer-C1", LIMIT, OTHER), take())
    after(scenario, take(**CHANGED))
    assert [facts.open_credit for facts in seen] == [900, 900]
    assert seen[0].customer is not None
    assert seen[0].customer.credit_limit == 5_000


def test_a_changed_total_counts_in_place_of_the_old_one() -> None:
    placed = after(limited(), take())
    lines = (line("L1", "A", 1, 500),)
    changed = placed.when(take(channel_updated_at=LATER, lines=lines))
    assert FreeCredit not in [type(reminder.message) for reminder in changed.reminders]
    assert [event for event in changed.events if isinstance(event, CreditFreed | CreditUsed)] == [
        CreditFreed(customer_id="C1", order_number=NUMBER, amount=1300, currency="USD"),
        CreditUsed(customer_id="C1", order_number=NUMBER, amount=500, currency="USD"),
    ]


def test_an_order_that_has_come_back_to_a_customer_counts_if_it_is_worth_something() -> None:
    moved = after(limited(), take(), take(channel_updated_at=LATER, customer=OTHER_CUSTOMER))
    back = after(moved, take(channel_updated_at=LATER + timedelta(minutes=1)))
    back.when(FreeCredit(customer_id="C1", order_number=NUMBER)).then_nothing_happened()
    worthless = after(moved, take(channel_updated_at=LATER + timedelta(minutes=1), order_discount=1300))
    freed = CreditFreed(customer_id="C1", order_number=NUMBER, amount=1300, currency="USD")
    worthless.when(FreeCredit(customer_id="C1", order_number=NUMBER)).then(Recorded("customer-C1", freed))


def test_an_order_that_moves_to_another_customer_frees_the_credit_of_the_first() -> None:
    other_limit = LIMIT.model_copy(update={"customer_id": "C2"})
    placed = after(limited().given("customer-C2", other_limit), take())
    outcome = placed.when(take(channel_updated_at=LATER, customer=OTHER_CUSTOMER))
    free = Reminder(NOON, FreeCredit(customer_id="C1", order_number=NUMBER))
    assert free in outcome.reminders
    freed = CreditFreed(customer_id="C1", order_number=NUMBER, amount=1300, currency="USD")
    outcome.after.when(free.message).then(Recorded("customer-C1", freed))
    without_limit = after(new(), take()).when(take(channel_updated_at=LATER, customer=OTHER_CUSTOMER))
    assert free not in without_limit.reminders

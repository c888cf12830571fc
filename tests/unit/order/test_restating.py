"""An order that its channel states anew before it is confirmed: what it has been given it keeps while it may."""

from typing import Any

import pytest

from services.order.domain.messages import TakeChannelOrder
from services.order.domain.order import Approved
from services.order.domain.placement import Reserving
from services.order.domain.review import Finding, ReviewFacts
from shared.events.inventory import ReleaseStock
from shared.events.order import HoldOpened, OrderApproved, OrderConfirmed, OrderReplaced
from shared.events.payment import AuthorisePayment, VoidPayment
from shared.eventsourcing.testing import NOON
from tests.unit.order.samples import (
    ADDRESS,
    NUMBER,
    ORDER_STREAM,
    OTHER_CARD,
    PLACEMENT_STREAM,
    after,
    authorised,
    authorising,
    channel_order,
    declined,
    finding,
    line,
    reserving,
    stock_reserved,
    take,
)

RELEASE = ReleaseStock(order_number=NUMBER, skus=("A", "B"))
VOID = VoidPayment(order_number=NUMBER)
STAGES = {
    "reserving": reserving(),
    "authorising": authorising(),
    "awaiting_payment": after(authorising(), declined()),
}
OTHER_TERMS: dict[str, dict[str, Any]] = {
    "another quantity": {"lines": (line("L1", "A", 3), line("L2", "B", 1, 300))},
    "another price": {"lines": (line("L1", "A", 2, 499), line("L2", "B", 1, 300))},
    "another card": {"payment": OTHER_CARD},
    "another country": {"shipping_address": ADDRESS.model_copy(update={"country": "CA"})},
}


def restated(**changes: Any) -> TakeChannelOrder:
    return take(channel_order(channel_updated_at=NOON, **changes))


@pytest.mark.parametrize("stage", STAGES)
def test_new_notes_leave_the_stock_and_the_payment_where_they_are(stage: str) -> None:
    before = STAGES[stage]

    outcome = before.when(restated(notes="ring twice"))

    assert [type(event) for event in outcome.events] == [OrderReplaced, OrderApproved]
    outcome.then_asked()
    assert outcome.after.states[PLACEMENT_STREAM] == before.states[PLACEMENT_STREAM]
    order = outcome.after.states[ORDER_STREAM]
    assert isinstance(order, Approved)
    assert order.content.notes == "ring twice"


def test_stock_that_comes_after_new_notes_is_paid_and_confirmed_as_before() -> None:
    paid = after(reserving(), restated(notes="ring twice"), stock_reserved()).when(authorised())

    (confirmed, *_) = paid.events
    assert isinstance(confirmed, OrderConfirmed)


@pytest.mark.parametrize("change", OTHER_TERMS)
def test_what_changes_the_stock_or_the_money_is_undone_and_begun_anew(change: str) -> None:
    outcome = authorising().when(restated(**OTHER_TERMS[change]))

    outcome.then_asked(RELEASE, VOID)


def test_another_price_is_taken_while_the_stock_is_still_asked_for() -> None:
    dearer = restated(lines=(line("L1", "A", 2, 600), line("L2", "B", 1, 300)))
    before = reserving()

    outcome = before.when(dearer).then_asked()

    assert isinstance(outcome.after.states[PLACEMENT_STREAM], Reserving)
    (ask,) = outcome.after.when(stock_reserved()).commands
    assert isinstance(ask, AuthorisePayment)
    assert ask.amount == 1500


def test_new_notes_that_the_review_wants_seen_undo_what_was_given() -> None:
    def looks_at_notes(facts: ReviewFacts) -> tuple[Finding, ...]:
        return (finding(),) if facts.order.notes else ()

    outcome = authorising(review=looks_at_notes).when(restated(notes="look"))

    assert any(isinstance(event, HoldOpened) for event in outcome.events)
    outcome.then_asked(RELEASE, VOID)

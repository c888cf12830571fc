"""The time to pay again after a decline: how long it is, and what ends it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from services.order.domain.messages import DeadlinePassed
from services.order.domain.placement import Authorising, Placement
from shared.events.inventory import ReleaseStock, StockBackordered
from shared.events.order import (
    AuthorisationSought,
    CancellationRequested,
    CommandRefused,
    CompensationBegan,
    OpenHold,
    OrderConfirmed,
    PayAgain,
    PaymentWindowOpened,
    ReleaseHold,
)
from shared.events.payment import AuthorisationLapsed, AuthorisePayment, VoidPayment
from shared.events.values import PaymentMethod
from shared.eventsourcing.decider import Reminder, Reply
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.order.samples import (
    EXPIRES,
    NUMBER,
    OTHER_CARD,
    PAY,
    PLACEMENT_STREAM,
    POLICY,
    VALUE,
    WINDOW_END,
    after,
    authorised,
    authorising,
    declined,
    finding,
    finds,
    new,
    of_order,
    of_placement,
    reserving,
    shipping,
    stock_reserved,
    take,
)

PLACEMENT_STATE: TypeAdapter[Placement] = TypeAdapter(Placement)
HELD = OpenHold(order_number=NUMBER, explanation="wait")
LAPSED = AuthorisationLapsed(order_number=NUMBER, authorisation_id="a1")
LATEST = EXPIRES - POLICY.authorise_within
"""The end of a window that the reservation cuts short: its last payment is answered while the goods are there."""


def release(number: int = 1) -> ReleaseHold:
    return ReleaseHold(order_number=NUMBER, hold_id=f"H{number}")


def test_a_declined_payment_opens_a_window_to_pay_again() -> None:
    outcome = authorising().when(declined())
    opened = PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=WINDOW_END)
    outcome.then(*of_placement(opened)).then_asked()
    assert outcome.reminders == (Reminder(WINDOW_END, DeadlinePassed(order_number=NUMBER, step=3)),)


def paying_again() -> Scenario:
    return after(authorising(), declined(), PAY)


def test_paying_again_is_the_next_attempt_with_the_other_method() -> None:
    outcome = after(authorising(), declined()).when(PAY)
    (sought,) = outcome.events
    assert isinstance(sought, AuthorisationSought)
    assert (sought.attempt, sought.amount, sought.payment) == (2, VALUE, OTHER_CARD)
    ask = AuthorisePayment(order_number=NUMBER, attempt=2, amount=VALUE, currency="USD", payment=OTHER_CARD)
    outcome.then_asked(ask)
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "status": "authorising"})
    assert isinstance(outcome.after.when(authorised(attempt=2)).events[0], OrderConfirmed)


def test_an_order_paid_again_otherwise_than_ordered_says_so_when_it_is_confirmed() -> None:
    prepaid = PayAgain(order_number=NUMBER, payment=PaymentMethod(kind="prepaid", reference="paypal-77"))

    (as_ordered, *_) = paying_again().when(authorised(attempt=2)).events
    (otherwise, *_) = after(authorising(), declined(), prepaid).when(authorised(attempt=2)).events
    released = after(authorising(), declined(), prepaid, HELD, authorised(attempt=2)).when(
        release(), reason="fine"
    )

    assert isinstance(as_ordered, OrderConfirmed)
    assert isinstance(otherwise, OrderConfirmed)
    assert (as_ordered.paid_by, otherwise.paid_by) == (None, "prepaid")
    assert [event.paid_by for event in released.events if isinstance(event, OrderConfirmed)] == ["prepaid"]


def test_a_second_decline_leaves_the_rest_of_the_window() -> None:
    (opened,) = paying_again().at(NOON + timedelta(hours=1)).when(declined(attempt=2)).events
    assert opened == PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=WINDOW_END)


def test_a_decline_after_the_window_cancels_the_order() -> None:
    outcome = paying_again().at(WINDOW_END).when(declined(attempt=2))
    assert outcome.events[0] == CancellationRequested(order_number=NUMBER, cause="payment_declined")


def test_the_order_is_cancelled_when_the_window_closes() -> None:
    window = after(authorising(), declined()).at(WINDOW_END)
    window.when(DeadlinePassed(order_number=NUMBER, step=3)).then(
        *of_order(CancellationRequested(order_number=NUMBER, cause="payment_declined")),
        *of_placement(CompensationBegan(order_number=NUMBER, parts=("stock", "payment"), skus=("A", "B"))),
    ).then_asked(ReleaseStock(order_number=NUMBER, skus=("A", "B")), VoidPayment(order_number=NUMBER))


def test_a_window_that_closes_after_it_was_paid_does_nothing() -> None:
    paying_again().when(DeadlinePassed(order_number=NUMBER, step=3)).then_nothing_happened()


def test_a_hold_lets_the_customer_pay_in_time_and_confirms_nothing() -> None:
    paid = after(authorising(), declined(), HELD).when(PAY)
    assert [type(command) for command in paid.commands] == [AuthorisePayment]

    secured = paid.after.when(authorised(2)).then_asked()
    assert isinstance(secured.after.when(release(), reason="fine").events[-2], OrderConfirmed)


def test_paying_again_is_refused_with_a_reason() -> None:
    window = after(authorising(), declined())
    no_token = PayAgain(order_number=NUMBER, payment=PaymentMethod(kind="card"))
    for scenario, message, why in (
        (window, no_token, "needs a token"),
        (window.at(WINDOW_END), PAY, "ended"),
        (authorising(), PAY, "not waiting"),
        (shipping(), PAY, "not waiting"),
        (new(finds("order", finding())).when(take()).after, PAY, "not waiting"),
    ):
        outcome = scenario.when(message)
        (refused,) = outcome.events
        assert isinstance(refused, CommandRefused)
        assert refused.command == "order.pay-again.v1"
        assert why in refused.explanation
        assert outcome.reply is not None
        assert outcome.reply.outcome == "refused"


def test_an_unknown_order_can_not_be_paid() -> None:
    outcome = new().when(PAY)
    outcome.then_nothing_happened()
    assert outcome.reply is not None
    assert outcome.reply.outcome == "not_found"


def lapsed_while_held() -> Scenario:
    """Paid at the second attempt and held; the authorisation lapsed meanwhile, and another is under way."""
    return after(authorising(), declined(), PAY, HELD, authorised(attempt=2), LAPSED, release())


@pytest.mark.parametrize(
    ("scenario", "attempt"),
    [
        (authorising(), 1),
        (after(reserving(), HELD, stock_reserved(), release()), 1),
        (lapsed_while_held(), 3),
    ],
    ids=["answered late", "held with its stock", "lapsed while held"],
)
def test_a_window_leaves_the_reservation_time_for_one_more_answer(scenario: Scenario, attempt: int) -> None:
    outcome = scenario.at(EXPIRES - timedelta(hours=10)).when(declined(attempt))
    opened = PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=LATEST)
    outcome.then(*of_placement(opened)).then_asked()
    assert [reminder.at for reminder in outcome.reminders] == [LATEST]


def test_the_window_of_an_order_that_waited_for_stock_ends_before_its_reservation_too() -> None:
    expires = POLICY.reservation_expires_at(NOON, allow_backorder=True)
    waiting = StockBackordered(order_number=NUMBER, waiting=(), expires_at=expires)
    served = after(reserving(allow_backorder=True), waiting, stock_reserved(expires_at=expires))
    (opened,) = served.at(expires - timedelta(hours=10)).when(declined()).events
    assert isinstance(opened, PaymentWindowOpened)
    assert opened.until == expires - POLICY.authorise_within


def test_an_order_whose_reservation_leaves_no_time_worth_telling_of_is_cancelled() -> None:
    enough = POLICY.shortest_window
    (opened,) = authorising().at(LATEST - enough).when(declined()).events
    assert opened == PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=LATEST)
    for now in (LATEST - enough + timedelta(seconds=1), EXPIRES):
        authorising().at(now).when(declined()).then(
            *of_order(CancellationRequested(order_number=NUMBER, cause="payment_declined")),
            *of_placement(CompensationBegan(order_number=NUMBER, parts=("stock", "payment"), skus=("A", "B"))),
        ).then_asked(ReleaseStock(order_number=NUMBER, skus=("A", "B")), VoidPayment(order_number=NUMBER))


def test_a_window_that_the_customer_was_told_of_stands_until_its_end() -> None:
    cut_short = after(authorising().at(EXPIRES - timedelta(hours=10)), declined())
    late = after(cut_short.at(LATEST - timedelta(minutes=1)), PAY)
    (opened,) = late.when(declined(attempt=2)).events
    assert opened == PaymentWindowOpened(order_number=NUMBER, decline_code="no_funds", until=LATEST)


def test_a_placement_that_was_stored_before_it_knew_of_its_reservations_end_has_the_whole_window() -> None:
    scenario = authorising()
    placement = scenario.states[PLACEMENT_STREAM]
    assert isinstance(placement, Authorising)
    stored = PLACEMENT_STATE.dump_python(placement, mode="json")
    del stored["expires_at"]
    read = PLACEMENT_STATE.validate_json(json.dumps(stored))
    older = replace(scenario, states={**scenario.states, PLACEMENT_STREAM: read})
    late = EXPIRES - timedelta(hours=1)
    (opened,) = older.at(late).when(declined()).events
    assert isinstance(opened, PaymentWindowOpened)
    assert opened.until == late + POLICY.payment_window

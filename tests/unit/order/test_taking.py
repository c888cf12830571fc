"""Taking orders from channels: the newest statement wins."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.order.domain.content import frozen
from services.order.domain.messages import DeadlinePassed, RefuseIntake, TakeChannelOrder
from services.order.domain.review import Finding, ReviewFacts
from shared.events.channel import ChannelOrderRejected
from shared.events.inventory import ReleaseStock, ReservationReleased, ReserveStock, StockBackordered
from shared.events.order import (
    CancelOrder,
    CompensationBegan,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    OpenHold,
    OrderApproved,
    OrderPlaced,
    OrderReaffirmed,
    OrderReplaced,
    ReservationRequested,
    RestatementHeld,
    RestatementIgnored,
)
from shared.events.payment import AuthorisePayment, PaymentVoided, VoidPayment
from shared.events.shipping import HoldShipment
from shared.events.values import RequestedLine, Shortage
from shared.eventsourcing.decider import Recorded, Reminder, Reply
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.order.samples import (
    ADDRESS,
    EXPIRES,
    F1,
    NUMBER,
    OTHER_CARD,
    POLICY,
    T0,
    after,
    authorising,
    captured,
    channel_order,
    delivered,
    dispatched,
    finding,
    finds,
    line,
    new,
    of_order,
    of_placement,
    reserving,
    shipping,
    stock_reserved,
    take,
)

LATER = T0 + timedelta(hours=1)
CHANGED: dict[str, Any] = {"channel_updated_at": LATER, "notes": "ring twice"}
URGENT: dict[str, Any] = {**CHANGED, "priority": 2}
"""Asks for the stock in another way."""
CONTENT = frozen(channel_order())
NEW_CONTENT = frozen(channel_order(**CHANGED))
ASK = ReserveStock(
    order_number=NUMBER,
    lines=(
        RequestedLine(line_id="L1", sku="A", quantity=2),
        RequestedLine(line_id="L2", sku="B", quantity=1),
    ),
    country="US",
    expires_at=EXPIRES,
)
RELEASE = ReleaseStock(order_number=NUMBER, skus=("A", "B"))
BACKORDERED = StockBackordered(
    order_number=NUMBER,
    waiting=(Shortage(line_id="L2", sku="B", missing=1),),
    expires_at=POLICY.reservation_expires_at(NOON, allow_backorder=True),
)


def test_a_new_order_that_the_review_passes_is_placed_approved_and_reserved_at_once() -> None:
    outcome = new().when(take())
    outcome.then(
        *of_order(
            OrderPlaced(order_number=NUMBER, content=CONTENT),
            OrderApproved(order_number=NUMBER, automatic=True),
        ),
        *of_placement(ReservationRequested(order_number=NUMBER, expires_at=EXPIRES)),
    ).then_asked(ASK)
    assert outcome.reminders == (
        Reminder(NOON + POLICY.reserve_within, DeadlinePassed(order_number=NUMBER, step=1)),
    )
    assert outcome.reply == Reply("created", {"order_number": NUMBER, "outcome": "placed"})


def test_each_finding_of_the_review_opens_a_hold_and_nothing_is_reserved() -> None:
    review = finds("order", finding(), finding("customer_blocked"))
    new(review).when(take()).then(
        *of_order(
            OrderPlaced(order_number=NUMBER, content=CONTENT),
            HoldOpened(
                order_number=NUMBER,
                hold_id="H1",
                reason="amount_over_limit",
                explanation="Look at it.",
                owner="sales",
            ),
            HoldOpened(
                order_number=NUMBER,
                hold_id="H2",
                reason="customer_blocked",
                explanation="Look at it.",
                owner="sales",
            ),
        )
    ).then_asked()


def test_an_identical_statement_changes_nothing() -> None:
    outcome = reserving().when(take())
    outcome.then_nothing_happened()
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "outcome": "unchanged"})


def in_review() -> Scenario:
    return after(new(finds("order", finding())), take())


STATUSES: dict[str, Callable[[], Scenario]] = {
    "in review": in_review,
    "approved": reserving,
    "confirmed": shipping,
    "cancelling": lambda: after(reserving(), CancelOrder(order_number=NUMBER)),
    "cancelled": lambda: after(in_review(), CancelOrder(order_number=NUMBER)),
    "completed": lambda: after(shipping(), dispatched(), captured(), delivered()),
}


@pytest.mark.parametrize("status", STATUSES)
def test_the_same_content_stated_later_only_moves_the_time_on(status: str) -> None:
    reaffirmed = OrderReaffirmed(order_number=NUMBER, channel_updated_at=LATER)
    outcome = STATUSES[status]().when(take(channel_updated_at=LATER)).then(*of_order(reaffirmed)).then_asked()
    between = take(channel_updated_at=T0 + timedelta(minutes=1), notes="between")
    assert outcome.after.when(between).events == (_ignored(T0 + timedelta(minutes=1), LATER),)


def _ignored(stated: datetime, current: datetime) -> RestatementIgnored:
    return RestatementIgnored(order_number=NUMBER, channel_updated_at=stated, current_updated_at=current)


def test_an_older_statement_is_dropped_and_recorded() -> None:
    older = T0 - timedelta(hours=1)
    outcome = reserving().when(take(channel_updated_at=older, notes="old"))
    outcome.then(*of_order(_ignored(older, T0))).then_asked()
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "outcome": "ignored"})


def test_another_content_at_the_same_time_is_rejected_with_its_original_bytes() -> None:
    outcome = reserving().when(take(notes="other", original="b3JpZ2luYWw="))
    (recorded,) = outcome.decision.events
    rejected = recorded.event
    assert isinstance(rejected, ChannelOrderRejected)
    assert recorded.stream == f"order-{NUMBER}"
    assert (rejected.code, rejected.original) == ("conflicting_restatement", "b3JpZ2luYWw=")
    assert (rejected.channel, rejected.channel_order_id) == ("web", "1001")
    assert (rejected.source, rejected.headers) == ("channel.orders/0/7", {"ce_id": "1"})
    assert "channel_updated_at" in rejected.explanation


def test_a_caller_who_waits_is_answered_the_rejection_and_nothing_is_recorded() -> None:
    outcome = reserving().when(take(notes="other", original=""))
    outcome.then_nothing_happened()
    assert outcome.reply is not None
    assert outcome.reply.outcome == "refused"
    assert outcome.reply.body["code"] == "conflicting_restatement"
    assert outcome.reply.body["order_number"] == NUMBER
    assert "channel_updated_at" in outcome.reply.body["detail"]


def test_another_order_under_the_same_number_is_rejected_as_a_collision() -> None:
    (rejected,) = reserving().when(take(channel_order_id="2002")).events
    assert isinstance(rejected, ChannelOrderRejected)
    assert rejected.code == "number_collision"
    assert "1001" in rejected.explanation


def test_a_change_while_the_stock_is_asked_for_undoes_that_first_and_begins_again_when_it_is_undone() -> None:
    outcome = reserving().when(take(**URGENT))
    outcome.then(
        *of_placement(CompensationBegan(order_number=NUMBER, parts=("stock",), skus=("A", "B"))),
        *of_order(
            OrderReplaced(order_number=NUMBER, content=frozen(channel_order(**URGENT))),
            OrderApproved(order_number=NUMBER, automatic=True),
        ),
    ).then_asked(RELEASE)
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "outcome": "replaced"})
    undone = outcome.after.when(ReservationReleased(order_number=NUMBER, fulfilments=()))
    undone.then_asked(*new().when(take(**URGENT)).commands)


def test_a_change_that_asks_for_the_same_stock_leaves_a_backorder_its_place_in_the_queue() -> None:
    changed: dict[str, Any] = {**CHANGED, "allow_backorder": True, "payment": OTHER_CARD}
    waiting = after(reserving(allow_backorder=True), BACKORDERED)
    outcome = waiting.when(take(**changed))
    content = frozen(channel_order(**changed))
    outcome.then(
        *of_order(
            OrderReplaced(order_number=NUMBER, content=content),
            OrderApproved(order_number=NUMBER, automatic=True),
        )
    ).then_asked()
    expires_at = POLICY.reservation_expires_at(NOON, allow_backorder=True)
    (asked,) = outcome.after.when(stock_reserved(expires_at=expires_at)).commands
    assert isinstance(asked, AuthorisePayment)
    assert asked.payment == OTHER_CARD


@pytest.mark.parametrize(
    "change",
    [
        {"lines": (line(), line("L2", "B", 2, 300))},
        {"shipping_address": ADDRESS.model_copy(update={"region": "TX"})},
        {"allow_partial": True},
        {"allow_backorder": False},
        {"priority": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_what_stock_is_asked_for_ends_a_backorder_and_asks_anew(change: dict[str, Any]) -> None:
    waiting = after(reserving(allow_backorder=True), BACKORDERED)
    waiting.when(take(**{**CHANGED, "allow_backorder": True, **change})).then_asked(RELEASE)


def test_a_change_that_has_to_be_looked_at_ends_a_backorder() -> None:
    def review(facts: ReviewFacts) -> tuple[Finding, ...]:
        return (finding(),) if facts.order.notes else ()

    waiting = after(new(review), take(allow_backorder=True), BACKORDERED)
    waiting.when(take(**CHANGED, allow_backorder=True)).then_asked(RELEASE)


def test_a_change_of_a_backorder_on_a_hold_by_hand_ends_it() -> None:
    waiting = after(reserving(allow_backorder=True), BACKORDERED)
    held = after(waiting, OpenHold(order_number=NUMBER, explanation="wait"))
    held.when(take(**CHANGED, allow_backorder=True)).then_asked(RELEASE)


def test_a_change_while_the_payment_is_under_way_waits_for_both_answers() -> None:
    changed = after(authorising(), take(**URGENT))
    released = changed.when(ReservationReleased(order_number=NUMBER, fulfilments=(F1,)))
    released.then_asked()
    assert authorising().when(take(**URGENT)).commands == (RELEASE, VoidPayment(order_number=NUMBER))
    voided = released.after.when(PaymentVoided(order_number=NUMBER, amount=1300, currency="USD"))
    voided.then_asked(*new().when(take(**URGENT)).commands)
    (again,) = voided.after.when(stock_reserved()).commands
    assert isinstance(again, AuthorisePayment)
    assert again.attempt == 2


def test_the_stock_is_given_back_by_the_skus_of_the_old_content() -> None:
    lines = (line("L9", "Z", 1, 100),)
    outcome = reserving().when(take(channel_updated_at=LATER, lines=lines))
    outcome.then_asked(RELEASE)


def test_a_change_in_review_is_reviewed_again_and_replaces_the_old_holds() -> None:
    def review(facts: ReviewFacts) -> tuple[Finding, ...]:
        return (finding(),) if not facts.order.notes else ()

    held = after(new(review), take())
    outcome = held.when(take(**CHANGED)).then(
        *of_order(
            OrderReplaced(order_number=NUMBER, content=NEW_CONTENT),
            HoldReleased(order_number=NUMBER, hold_id="H1", reason="amount_over_limit"),
            OrderApproved(order_number=NUMBER, automatic=True),
        ),
        *of_placement(ReservationRequested(order_number=NUMBER, expires_at=EXPIRES)),
    )
    outcome.after.when(take(**CHANGED)).then_nothing_happened()


def test_a_hold_by_hand_outlives_a_change_and_keeps_the_order_in_review() -> None:
    held = after(reserving(), OpenHold(order_number=NUMBER, explanation="wait"))
    outcome = held.when(take(**CHANGED))
    assert outcome.events[1:] == (OrderReplaced(order_number=NUMBER, content=NEW_CONTENT),)
    outcome.after.when(ReservationReleased(order_number=NUMBER, fulfilments=())).then_asked()


def test_a_change_of_an_order_on_a_hold_by_hand_is_reviewed_all_the_same() -> None:
    def review(facts: ReviewFacts) -> tuple[Finding, ...]:
        return (finding(),) if facts.order.notes else ()

    held = after(new(review), take(), OpenHold(order_number=NUMBER, explanation="wait"))
    *_, hold = held.when(take(**CHANGED)).events
    assert isinstance(hold, HoldOpened)
    assert (hold.hold_id, hold.reason) == ("H2", "amount_over_limit")


def test_a_second_change_while_the_first_is_undone_asks_for_nothing_twice() -> None:
    undoing = after(reserving(), take(**CHANGED))
    again: dict[str, Any] = {"channel_updated_at": LATER + timedelta(hours=1), "notes": "third"}
    undoing.when(take(**again)).then(
        *of_order(
            OrderReplaced(order_number=NUMBER, content=frozen(channel_order(**again))),
            OrderApproved(order_number=NUMBER, automatic=True),
        )
    ).then_asked()


def test_a_change_after_confirmation_is_held_for_a_person_and_stops_the_shipments() -> None:
    outcome = shipping().when(take(**CHANGED))
    held, hold, stopped = outcome.events
    assert held == RestatementHeld(order_number=NUMBER, proposed=NEW_CONTENT)
    assert isinstance(hold, HoldOpened)
    assert (hold.reason, hold.owner) == ("changed_after_confirmation", "customer-care")
    assert stopped == FulfilmentProgressed(order_number=NUMBER, fulfilment_id=F1, status="held")
    outcome.then_asked(HoldShipment(order_number=NUMBER, fulfilment_id=F1))
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "outcome": "held"})
    outcome.after.when(take(**CHANGED)).then_nothing_happened()


def test_a_second_change_after_confirmation_is_kept_under_the_hold_that_is_open() -> None:
    held = after(shipping(), take(**CHANGED))
    again: dict[str, Any] = {"channel_updated_at": LATER + timedelta(hours=1), "notes": "third"}
    proposed = frozen(channel_order(**again))
    held.when(take(**again)).then(*of_order(RestatementHeld(order_number=NUMBER, proposed=proposed)))


def test_a_change_while_a_confirmed_order_is_cancelled_is_held() -> None:
    cancelling = after(shipping(), CancelOrder(order_number=NUMBER))
    held = cancelling.when(take(**CHANGED))
    assert isinstance(held.events[0], RestatementHeld)
    held.after.when(take(**CHANGED)).then_nothing_happened()


@pytest.mark.parametrize("ended", ["cancelling", "cancelled", "completed"])
def test_a_change_of_an_order_that_ends_is_given_back_and_what_says_nothing_new_is_not(ended: str) -> None:
    scenario = STATUSES[ended]()
    outcome = scenario.when(take(original="b25l", **CHANGED))
    rejected = ChannelOrderRejected(
        code="order_ended",
        explanation=f"The order is {ended}; a change of it is not carried out any more.",
        channel="web",
        channel_order_id="1001",
        source="channel.orders/0/7",
        headers={"ce_id": "1"},
        original="b25l",
    )
    outcome.then(*of_order(rejected)).then_asked()
    assert outcome.reply is not None
    assert (outcome.reply.outcome, outcome.reply.body["code"]) == ("refused", "order_ended")
    older = T0 - timedelta(minutes=1)
    scenario.when(take(channel_updated_at=older, notes="x")).then(*of_order(_ignored(older, T0)))
    scenario.when(take()).then().then_asked()


def refusal() -> RefuseIntake:
    return RefuseIntake(
        intake_id="i1",
        code="malformed",
        explanation="The message is not JSON.",
        source="channel.orders/0/7",
        headers={"ce_id": "1"},
        original_base64="eA==",
    )


def test_what_the_intake_cannot_take_is_given_back_once() -> None:
    rejected = ChannelOrderRejected(
        code="malformed",
        explanation="The message is not JSON.",
        source="channel.orders/0/7",
        headers={"ce_id": "1"},
        original="eA==",
    )
    outcome = new().when(refusal()).then(Recorded("intake-i1", rejected))
    outcome.after.when(refusal()).then_nothing_happened()


def test_the_intake_names_the_streams_of_order_placement_and_customer() -> None:
    route = new().model.routes[TakeChannelOrder]
    assert route.streams(take()) == (f"order-{NUMBER}", f"placement-{NUMBER}", "customer-C1")

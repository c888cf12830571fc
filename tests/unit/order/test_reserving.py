"""The stock of an order: there, partly there, awaited, refused, expired, or not answered for."""

from datetime import timedelta
from typing import Any

from services.order.domain.content import frozen
from services.order.domain.messages import DeadlinePassed
from shared.events.inventory import (
    ReleaseStock,
    ReservationExpired,
    ReservationRefused,
    ReservationReleased,
    ReserveStock,
    StockBackordered,
)
from shared.events.order import (
    AuthorisationSought,
    BackorderEnded,
    CancellationRequested,
    CancelOrder,
    CompensationAnswered,
    CompensationBegan,
    HoldOpened,
    HoldReleased,
    LinesDropped,
    OpenHold,
    OrderBackordered,
    OrderCancelled,
    OrderConfirmed,
    PricedFulfilment,
    ReleaseHold,
    ReservationRequested,
    StockMissing,
    StockSecured,
)
from shared.events.payment import AuthorisePayment, VoidPayment
from shared.events.values import Shortage
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON, Outcome, Scenario
from tests.unit.order.samples import (
    CARD,
    EXPIRES,
    F1,
    NUMBER,
    POLICY,
    SPLIT,
    T0,
    VALUE,
    WHOLE,
    after,
    authorised,
    authorising,
    channel_order,
    dispatched,
    finding,
    finds,
    new,
    of_order,
    of_placement,
    plan,
    reserving,
    shipping,
    stock_reserved,
    take,
)

LACKS_B = (Shortage(line_id="L2", sku="B", missing=1),)
REFUSED = ReservationRefused(order_number=NUMBER, shortages=LACKS_B)
BACKORDERED = StockBackordered(order_number=NUMBER, waiting=LACKS_B)
EXPIRED = ReservationExpired(order_number=NUMBER)
RELEASED = ReservationReleased(order_number=NUMBER, fulfilments=())
RELEASE = ReleaseStock(order_number=NUMBER, skus=("A", "B"))
OVERDUE = DeadlinePassed(order_number=NUMBER, step=1)
PRICED = (PricedFulfilment(**WHOLE[0].model_dump(), amount=VALUE),)
HELD = OpenHold(order_number=NUMBER, explanation="wait")


def sought(amount: int = VALUE, fulfilments: tuple[PricedFulfilment, ...] = PRICED) -> AuthorisationSought:
    return AuthorisationSought(
        order_number=NUMBER, attempt=1, amount=amount, currency="USD", payment=CARD, fulfilments=fulfilments
    )


def authorise(amount: int = VALUE) -> AuthorisePayment:
    return AuthorisePayment(order_number=NUMBER, attempt=1, amount=amount, currency="USD", payment=CARD)


def overdue(number: int = 1) -> HoldOpened:
    return HoldOpened(
        order_number=NUMBER,
        hold_id=f"H{number}",
        reason="reservation_overdue",
        explanation="Inventory has not answered whether the stock is there; it is asked again.",
        owner="warehouse",
    )


def test_once_the_stock_is_there_its_value_is_authorised() -> None:
    outcome = reserving().when(stock_reserved())
    outcome.then(*of_placement(sought())).then_asked(authorise())
    deadline = DeadlinePassed(order_number=NUMBER, step=2)
    assert outcome.reminders == (Reminder(NOON + POLICY.authorise_within, deadline),)


def test_each_fulfilment_is_priced_by_its_units() -> None:
    (event,) = reserving().when(stock_reserved(SPLIT)).events
    assert isinstance(event, AuthorisationSought)
    assert [one.amount for one in event.fulfilments] == [800, 500]


def test_what_is_not_there_is_dropped_and_not_charged() -> None:
    plans = (plan(1, ("L1", "A", 2)),)
    priced = (PricedFulfilment(**plans[0].model_dump(), amount=1000),)
    reserving(allow_partial=True).when(stock_reserved(plans, short=LACKS_B)).then(
        *of_order(
            LinesDropped(order_number=NUMBER, dropped=LACKS_B, amount=300, currency="USD", cause="shortage")
        ),
        *of_placement(sought(1000, priced)),
    ).then_asked(authorise(1000))


def test_stock_that_comes_while_a_hold_is_open_waits_for_the_release() -> None:
    held = after(reserving(), HELD)
    outcome = held.when(stock_reserved())
    outcome.then(*of_placement(StockSecured(order_number=NUMBER, fulfilments=PRICED))).then_asked()
    released = outcome.after.when(ReleaseHold(order_number=NUMBER, hold_id="H1"), reason="fine")
    assert released.events[1:] == (sought(),)
    released.then_asked(authorise())


def test_a_doubled_answer_changes_nothing() -> None:
    authorising().when(stock_reserved()).then_nothing_happened()


def test_a_late_answer_to_an_earlier_request_is_given_back_by_name_and_the_stock_asked_for_again() -> None:
    outcome = reserving().when(stock_reserved(expires_at=EXPIRES - timedelta(hours=1)))
    outcome.then()
    release, ask = outcome.commands
    assert release == ReleaseStock(order_number=NUMBER, skus=("A", "B"), fulfilments=(F1,))
    assert ask == new().when(take()).commands[0]


EARLIER = EXPIRES - timedelta(hours=1)


def test_a_late_refusal_of_an_earlier_request_is_not_believed() -> None:
    late = REFUSED.model_copy(update={"expires_at": EARLIER})
    reserving().when(late).then_nothing_happened()
    waiting = after(reserving(allow_backorder=True), BACKORDERED)
    waiting.when(late).then_nothing_happened()
    known = REFUSED.model_copy(update={"expires_at": EXPIRES})
    assert reserving().when(known).events[-1] == OrderCancelled(order_number=NUMBER, cause="shortage")


def test_a_late_backorder_of_an_earlier_request_is_given_back_by_name_and_the_stock_asked_for_again() -> None:
    late = BACKORDERED.model_copy(update={"expires_at": EARLIER, "fulfilments": (plan(1, ("L1", "A", 2)),)})
    release = ReleaseStock(order_number=NUMBER, skus=("A", "B"), fulfilments=(F1,))
    reserving().when(late).then().then_asked(release, new().when(take()).commands[0])


def test_a_late_backorder_that_holds_nothing_changes_nothing() -> None:
    reserving().when(BACKORDERED.model_copy(update={"expires_at": EARLIER})).then_nothing_happened()


def test_stock_for_an_order_that_was_cancelled_is_given_back() -> None:
    cancelled = after(reserving(), CancelOrder(order_number=NUMBER), RELEASED)
    cancelled.when(stock_reserved()).then().then_asked(RELEASE)
    cancelled.when(BACKORDERED).then().then_asked(RELEASE)


def test_stock_of_what_the_order_no_longer_holds_is_given_back_as_well() -> None:
    cancelled = after(reserving(), CancelOrder(order_number=NUMBER), RELEASED)
    release = ReleaseStock(order_number=NUMBER, skus=("A", "B", "C"))
    cancelled.when(stock_reserved((plan(1, ("L1", "C", 2)),))).then().then_asked(release)
    missing = (Shortage(line_id="L1", sku="C", missing=1),)
    cancelled.when(BACKORDERED.model_copy(update={"waiting": missing})).then().then_asked(release)


def test_stock_that_comes_while_it_is_being_given_back_is_covered_by_the_release() -> None:
    undoing = after(reserving(), CancelOrder(order_number=NUMBER))
    undoing.when(stock_reserved()).then_nothing_happened()
    undoing.when(BACKORDERED).then_nothing_happened()


def test_stock_that_comes_after_it_was_given_back_is_given_back_again() -> None:
    voiding = after(authorising(), CancelOrder(order_number=NUMBER), RELEASED)
    voiding.when(stock_reserved()).then().then_asked(RELEASE)


def test_stock_for_an_unknown_order_is_not_touched() -> None:
    new().when(stock_reserved()).then_nothing_happened()


def test_a_reservation_repeated_after_confirmation_gives_back_what_the_delivery_does_not_know() -> None:
    shipping().when(stock_reserved()).then_nothing_happened()
    other = plan(7, ("L1", "A", 2))
    release = ReleaseStock(order_number=NUMBER, skus=("A",), fulfilments=(other.fulfilment_id,))
    shipping().when(stock_reserved((WHOLE[0], other))).then().then_asked(release)


def test_without_an_answer_the_stock_is_asked_for_again_under_a_hold_that_the_answer_releases() -> None:
    outcome = reserving().when(OVERDUE)
    outcome.then(*of_order(overdue())).then_asked(new().when(take()).commands[0])
    assert outcome.reminders == (Reminder(NOON + POLICY.reserve_within, OVERDUE),)
    again = outcome.after.when(OVERDUE).then()
    assert len(again.commands) == 1
    outcome.after.when(stock_reserved()).then(
        *of_order(HoldReleased(order_number=NUMBER, hold_id="H1", reason="reservation_overdue")),
        *of_placement(sought()),
    )


def test_releasing_an_overdue_hold_by_hand_asks_for_nothing_twice() -> None:
    late = after(reserving(), OVERDUE)
    late.when(ReleaseHold(order_number=NUMBER, hold_id="H1"), reason="known").then_asked()


def test_a_deadline_that_comes_after_the_stock_does_nothing() -> None:
    authorising().when(OVERDUE).then_nothing_happened()
    after(reserving(), CancelOrder(order_number=NUMBER), RELEASED).when(OVERDUE).then_nothing_happened()


def test_an_order_whose_stock_is_refused_is_cancelled() -> None:
    reserving().when(REFUSED).then(
        *of_placement(StockMissing(order_number=NUMBER, shortages=LACKS_B)),
        *of_order(
            CancellationRequested(order_number=NUMBER, cause="shortage"),
            OrderCancelled(order_number=NUMBER, cause="shortage"),
        ),
    ).then_asked()


def test_a_shortage_that_the_review_wants_seen_is_held_and_the_release_asks_again() -> None:
    outcome = reserving(finds("shortage", finding("shortage"))).when(REFUSED)
    assert outcome.events == (
        StockMissing(order_number=NUMBER, shortages=LACKS_B),
        HoldOpened(order_number=NUMBER, hold_id="H1", reason="shortage", explanation="Look at it.", owner="sales"),
    )
    released = outcome.after.at(NOON + timedelta(hours=1)).when(
        ReleaseHold(order_number=NUMBER, hold_id="H1"), reason="found some"
    )
    assert isinstance(released.events[1], ReservationRequested)
    assert len(released.commands) == 1


def test_an_order_held_for_a_shortage_can_be_cancelled_at_once() -> None:
    short = after(reserving(finds("shortage", finding("shortage"))), REFUSED)
    assert short.when(CancelOrder(order_number=NUMBER), reason="no").events == (
        CancellationRequested(order_number=NUMBER, cause="operator"),
        OrderCancelled(order_number=NUMBER, cause="operator"),
    )


def test_a_refusal_under_another_hold_still_cancels() -> None:
    held = after(reserving(), HELD)
    assert held.when(REFUSED).events[-1] == OrderCancelled(order_number=NUMBER, cause="shortage")


def backordered() -> Outcome:
    return reserving(allow_backorder=True).when(BACKORDERED)


def test_a_backorder_waits_for_the_stock() -> None:
    outcome = backordered().then(*of_placement(OrderBackordered(order_number=NUMBER, waiting=LACKS_B)))
    outcome.then_asked()
    deadline = DeadlinePassed(order_number=NUMBER, step=2)
    assert outcome.reminders == (Reminder(NOON + POLICY.backorder_within, deadline),)
    expires_at = POLICY.reservation_expires_at(NOON, allow_backorder=True)
    arrived = outcome.after.when(stock_reserved(expires_at=expires_at)).then(*of_placement(sought()))
    assert isinstance(arrived.after.when(authorised()).events[0], OrderConfirmed)
    outcome.after.when(BACKORDERED).then_nothing_happened()


def test_a_backorder_that_arrives_while_a_hold_is_open_waits_for_the_release() -> None:
    expires_at = POLICY.reservation_expires_at(NOON, allow_backorder=True)
    arrived = after(backordered().after, HELD).when(stock_reserved(expires_at=expires_at)).then_asked()
    arrived.after.when(ReleaseHold(order_number=NUMBER, hold_id="H1"), reason="fine").then_asked(authorise())


def test_a_backorder_that_inventory_gives_up_is_cancelled() -> None:
    assert backordered().after.when(REFUSED).events[-1] == OrderCancelled(order_number=NUMBER, cause="shortage")


def test_a_backorder_that_takes_too_long_is_cancelled_and_what_is_reserved_given_back() -> None:
    backordered().after.when(DeadlinePassed(order_number=NUMBER, step=2)).then(
        *of_order(CancellationRequested(order_number=NUMBER, cause="shortage")),
        *of_placement(CompensationBegan(order_number=NUMBER, parts=("stock",), skus=("A", "B"))),
    ).then_asked(RELEASE)


BACKORDER_OVERDUE = DeadlinePassed(order_number=NUMBER, step=2)
BOTH_ALLOWED: dict[str, Any] = {"allow_partial": True, "allow_backorder": True}


def test_a_backorder_that_takes_too_long_goes_on_with_a_part_where_that_is_allowed() -> None:
    waiting = after(reserving(**BOTH_ALLOWED), BACKORDERED)
    late = waiting.when(BACKORDER_OVERDUE)
    late.then(
        *of_order(BackorderEnded(order_number=NUMBER)),
        *of_placement(CompensationBegan(order_number=NUMBER, parts=("stock",), skus=("A", "B"))),
    ).then_asked(RELEASE)
    released = late.after.when(RELEASED)
    released.then(
        *of_placement(
            CompensationAnswered(order_number=NUMBER, part="stock"),
            ReservationRequested(order_number=NUMBER, expires_at=EXPIRES),
        )
    )
    (ask,) = released.commands
    assert isinstance(ask, ReserveStock)
    assert (ask.allow_partial, ask.allow_backorder) == (True, False)
    released.after.when(stock_reserved((plan(1, ("L1", "A", 2)),), short=LACKS_B)).then(
        *of_order(
            LinesDropped(order_number=NUMBER, dropped=LACKS_B, amount=300, currency="USD", cause="shortage")
        ),
        *of_placement(sought(1000, (PricedFulfilment(**plan(1, ("L1", "A", 2)).model_dump(), amount=1000),))),
    ).then_asked(authorise(1000))


def test_a_backorder_that_takes_too_long_is_cancelled_when_no_part_is_there_either() -> None:
    released = after(reserving(**BOTH_ALLOWED), BACKORDERED, BACKORDER_OVERDUE, RELEASED)
    assert released.when(REFUSED).events[-1] == OrderCancelled(order_number=NUMBER, cause="shortage")


def test_a_change_of_an_order_whose_backorder_ended_may_wait_for_stock_again() -> None:
    ended = after(reserving(**BOTH_ALLOWED), BACKORDERED, BACKORDER_OVERDUE)
    changed = take(channel_updated_at=T0 + timedelta(hours=1), notes="gift", **BOTH_ALLOWED)
    (ask,) = after(ended, changed).when(RELEASED).commands
    assert isinstance(ask, ReserveStock)
    assert ask.allow_backorder


def test_a_reservation_that_ran_out_cancels_the_order_and_voids_its_payment() -> None:
    outcome = authorising().when(EXPIRED)
    outcome.then(
        *of_order(CancellationRequested(order_number=NUMBER, cause="reservation_expired")),
        *of_placement(CompensationBegan(order_number=NUMBER, parts=("stock", "payment"), skus=("A", "B"))),
    ).then_asked(RELEASE, VoidPayment(order_number=NUMBER))


def test_a_reservation_that_ran_out_while_the_order_stood_on_a_hold_cancels_it() -> None:
    held = after(reserving(), HELD, stock_reserved())
    assert held.when(EXPIRED).events[0] == CancellationRequested(order_number=NUMBER, cause="reservation_expired")
    paid = after(authorising(), HELD, authorised())
    paid.when(EXPIRED).then_asked(RELEASE, VoidPayment(order_number=NUMBER))


def test_a_reservation_that_ran_out_after_everything_had_left_changes_nothing() -> None:
    after(shipping(), dispatched()).when(EXPIRED).then_nothing_happened()


def test_the_expiry_of_a_reservation_that_is_given_back_does_nothing() -> None:
    after(reserving(), CancelOrder(order_number=NUMBER)).when(EXPIRED).then_nothing_happened()


def test_what_is_not_given_back_in_time_is_asked_for_again_under_a_hold() -> None:
    undoing = after(reserving(), CancelOrder(order_number=NUMBER))
    late = DeadlinePassed(order_number=NUMBER, step=2)
    outcome = undoing.when(late).then_asked(RELEASE)
    assert outcome.reminders == (Reminder(NOON + POLICY.compensate_within, late),)
    (hold,) = outcome.events
    assert isinstance(hold, HoldOpened)
    assert (hold.reason, hold.owner) == ("compensation_overdue", "operations")
    outcome.after.when(late).then().then_asked(RELEASE)
    outcome.after.when(RELEASED).then(
        *of_order(HoldReleased(order_number=NUMBER, hold_id="H1", reason="compensation_overdue")),
        *of_placement(CompensationAnswered(order_number=NUMBER, part="stock")),
        *of_order(OrderCancelled(order_number=NUMBER, cause="operator")),
    )


def test_a_doubled_release_changes_nothing() -> None:
    after(reserving(), CancelOrder(order_number=NUMBER), RELEASED).when(RELEASED).then_nothing_happened()
    reserving().when(RELEASED).then_nothing_happened()


def test_the_reservation_outlasts_the_waits_of_the_placement() -> None:
    needed = POLICY.reserve_within + POLICY.authorise_within + POLICY.payment_window
    assert needed < EXPIRES - NOON
    with_backorder = POLICY.reservation_expires_at(NOON, allow_backorder=True)
    assert with_backorder - NOON > needed + POLICY.backorder_within


def test_the_stock_of_what_is_worth_nothing_is_confirmed_without_a_payment() -> None:
    free = channel_order(order_discount=VALUE)
    scenario: Scenario = after(new(), take(free))
    events = scenario.when(stock_reserved()).events
    assert [type(event).__name__ for event in events] == [
        "StockSecured",
        "OrderConfirmed",
        "KeepRequested",
    ]
    assert frozen(free).total == 0

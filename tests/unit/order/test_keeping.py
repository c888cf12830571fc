"""Between confirmation and shipping: nothing leaves before inventory has said that its units stay reserved."""

import pytest

from services.order.domain.messages import DeadlinePassed, KeepOverdue
from shared.events.inventory import KeepReservation, ReleaseStock, ReservationExpired
from shared.events.order import (
    CancelOrder,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    KeepRequested,
    OpenHold,
    ReleaseHold,
    StockKept,
    StockMissing,
)
from shared.events.payload import Payload
from shared.events.payment import AuthorisationLapsed, VoidPayment
from shared.events.shipping import CancelShipment, HoldShipment, RequestShipment, ResumeShipment, ShipmentCancelled
from shared.events.values import FulfilmentPlan, Shortage
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.order.samples import (
    ADDRESS,
    F1,
    F2,
    KEPT,
    NUMBER,
    PLACEMENT_STREAM,
    POLICY,
    SPLIT,
    VALUE,
    WHOLE,
    after,
    authorised,
    authorising,
    channel_order,
    confirmed,
    dispatched,
    new,
    of_order,
    of_placement,
    shipping,
    stock_reserved,
    take,
)

EXPIRED = ReservationExpired(order_number=NUMBER)
GONE = ReservationExpired(order_number=NUMBER, shortages=(Shortage(line_id="L1", sku="A", missing=2),))
"""The answer that the same units are not to be had again."""
KEEP = KeepReservation(order_number=NUMBER)
HELD = OpenHold(order_number=NUMBER, explanation="wait")
CANCEL = CancelOrder(order_number=NUMBER)
MISSING = StockMissing(order_number=NUMBER, shortages=GONE.shortages)
AGAIN = KeepRequested(order_number=NUMBER, again=True)
STOCK_KEPT = StockKept(order_number=NUMBER)


def take_again(plans: tuple[FulfilmentPlan, ...] = WHOLE) -> KeepReservation:
    return KeepReservation(order_number=NUMBER, fulfilments=plans)


def release(number: int = 1) -> ReleaseHold:
    return ReleaseHold(order_number=NUMBER, hold_id=f"H{number}")


def released(number: int = 1) -> HoldReleased:
    return HoldReleased(order_number=NUMBER, hold_id=f"H{number}", reason="shortage")


def overdue(ask: int) -> KeepOverdue:
    return KeepOverdue(order_number=NUMBER, ask=ask)


def progressed(status: str, fulfilment_id: str = F1) -> FulfilmentProgressed:
    return FulfilmentProgressed.model_validate(
        {"order_number": NUMBER, "fulfilment_id": fulfilment_id, "status": status}
    )


def missing(plans: tuple[FulfilmentPlan, ...] = WHOLE) -> Scenario:
    """Confirmed, while its reservation ran out and its units went to somebody else."""
    return after(confirmed(plans), EXPIRED, GONE)


def requested(scenario: Scenario, message: Payload) -> list[str]:
    """The fulfilments that shipping is asked for when a message comes."""
    commands = scenario.when(message, actor="ann", reason="because").commands
    return [one.fulfilment_id for one in commands if isinstance(one, RequestShipment | ResumeShipment)]


def test_a_confirmed_order_waits_for_its_stock_to_be_kept_before_anything_is_requested() -> None:
    outcome = authorising(SPLIT).when(authorised())
    outcome.then_asked(KEEP)
    assert requested(outcome.after, KEPT) == [F1, F2]


def test_the_deadline_of_the_payment_passes_for_the_stock_and_asks_again() -> None:
    outcome = after(authorising(), authorised()).when(DeadlinePassed(order_number=NUMBER, step=2))
    outcome.then().then_asked(KEEP)
    assert outcome.reminders == (Reminder(NOON + POLICY.reserve_within, overdue(1)),)
    shipping().when(DeadlinePassed(order_number=NUMBER, step=2)).then_nothing_happened()


def test_an_order_that_needs_no_payment_asks_again_at_the_deadline_of_its_reservation() -> None:
    free = after(new(), take(channel_order(order_discount=VALUE)), stock_reserved())
    outcome = free.when(DeadlinePassed(order_number=NUMBER, step=1))
    outcome.then().then_asked(KEEP)
    assert outcome.reminders == (Reminder(NOON + POLICY.reserve_within, overdue(1)),)


def test_an_order_that_a_hold_kept_from_being_confirmed_has_a_deadline_of_its_own_for_its_stock() -> None:
    outcome = after(authorising(), HELD, authorised()).when(release(), reason="fine")
    outcome.then_asked(KEEP)
    assert outcome.reminders == (Reminder(NOON + POLICY.reserve_within, overdue(1)),)


def test_an_answer_that_comes_twice_requests_nothing_twice() -> None:
    shipping().when(KEPT).then_nothing_happened()


def test_a_reservation_that_ran_out_as_the_order_was_confirmed_is_asked_for_again() -> None:
    outcome = confirmed(SPLIT).when(EXPIRED)
    outcome.then(*of_placement(AGAIN)).then_asked(take_again(SPLIT))
    assert outcome.reminders == (Reminder(NOON + POLICY.reserve_within, overdue(2)),)
    outcome.after.when(EXPIRED).then_nothing_happened()
    assert requested(outcome.after, KEPT) == [F1, F2]


def test_units_that_are_not_to_be_had_again_hold_the_order_and_are_named() -> None:
    outcome = after(confirmed(), EXPIRED).when(GONE)
    fact, hold = outcome.events
    assert fact == MISSING
    assert isinstance(hold, HoldOpened)
    assert (hold.reason, hold.owner) == ("shortage", "warehouse")
    assert "missing: 2 of A." in hold.explanation
    outcome.then_asked()
    outcome.after.when(GONE).then_nothing_happened()


def test_a_hold_for_many_missing_units_names_the_first_and_counts_the_rest() -> None:
    shortages = tuple(Shortage(line_id=f"L{n}", sku=f"S{n}", missing=1) for n in range(12))
    told = ReservationExpired(order_number=NUMBER, shortages=shortages)
    hold = after(confirmed(), EXPIRED).when(told).events[1]
    assert isinstance(hold, HoldOpened)
    assert "1 of S9, 2 more SKUs." in hold.explanation


def test_a_hold_says_what_to_do_though_the_names_of_what_is_missing_are_too_long_for_it() -> None:
    shortages = tuple(Shortage(line_id=f"L{n}", sku=f"{n}".ljust(200, "S"), missing=1) for n in range(10))
    told = ReservationExpired(order_number=NUMBER, shortages=shortages)
    hold = after(confirmed(), EXPIRED).when(told).events[1]
    assert isinstance(hold, HoldOpened)
    assert "a release asks for the same units again." in hold.explanation
    assert hold.explanation.endswith("S…")


def test_the_release_of_the_hold_asks_for_the_same_units_again_and_ships_only_what_is_kept() -> None:
    outcome = missing().when(release(), reason="stock came")
    outcome.then(*of_order(released()), *of_placement(AGAIN)).then_asked(take_again())
    assert requested(outcome.after, KEPT) == [F1]
    refused = outcome.after.when(GONE)
    refused.then_asked()
    assert [type(event) for event in refused.events] == [StockMissing, HoldOpened]


def test_the_release_of_another_hold_lets_nothing_leave_that_is_missing() -> None:
    outcome = after(missing(), HELD).when(release(2), reason="fine")
    outcome.then_asked()


def test_stock_that_is_found_by_an_earlier_question_releases_the_hold() -> None:
    outcome = missing().when(KEPT)
    outcome.then(*of_placement(STOCK_KEPT), *of_order(released()), *of_placement(progressed("requested")))
    assert [type(command) for command in outcome.commands] == [RequestShipment]


@pytest.mark.parametrize("past", [(), (EXPIRED,)], ids=["to keep", "to take again"])
def test_a_question_that_is_not_answered_in_time_is_asked_again_under_an_alarm(past: tuple[Payload, ...]) -> None:
    late = overdue(1 + len(past))
    ask = take_again() if past else KEEP
    outcome = after(confirmed(), *past).when(late).then_asked(ask)
    assert outcome.reminders == (Reminder(NOON + POLICY.reserve_within, late),)
    (hold,) = outcome.events
    assert isinstance(hold, HoldOpened)
    assert (hold.reason, hold.owner) == ("reservation_overdue", "warehouse")
    outcome.after.when(late).then().then_asked(ask)
    answered = outcome.after.when(KEPT)
    assert answered.events[0] == HoldReleased(order_number=NUMBER, hold_id="H1", reason="reservation_overdue")
    assert requested(outcome.after, KEPT) == [F1]


def test_the_deadline_of_a_question_that_was_answered_or_asked_anew_does_nothing() -> None:
    after(confirmed(), EXPIRED).when(overdue(1)).then_nothing_happened()
    missing().when(overdue(2)).then_nothing_happened()
    shipping().when(overdue(1)).then_nothing_happened()


def test_what_is_kept_while_a_hold_is_open_leaves_after_its_release() -> None:
    outcome = after(confirmed(), HELD).when(KEPT)
    outcome.then(*of_placement(STOCK_KEPT)).then_asked()
    assert requested(outcome.after, release()) == [F1]


def test_what_is_kept_while_its_payment_has_lapsed_leaves_once_it_is_paid_again() -> None:
    lapsed = AuthorisationLapsed(order_number=NUMBER, authorisation_id="a1")
    kept = after(confirmed(), lapsed, KEPT)
    assert requested(kept, release()) == []
    assert requested(after(kept, release()), authorised(2)) == [F1]


def test_an_order_that_is_cancelled_before_its_stock_is_kept_takes_everything_back() -> None:
    outcome = confirmed().when(CANCEL, reason="changed her mind")
    outcome.then_asked(CancelShipment(order_number=NUMBER, fulfilment_id=F1))
    late = after(outcome.after, KEPT)
    undone = late.when(ShipmentCancelled(order_number=NUMBER, fulfilment_id=F1))
    undone.then_asked(ReleaseStock(order_number=NUMBER, skus=("A", "B")), VoidPayment(order_number=NUMBER))
    undone.after.when(KEPT).then_nothing_happened()
    undone.after.when(GONE).then_nothing_happened()
    undone.after.when(overdue(1)).then_nothing_happened()


def test_an_order_that_is_being_recalled_still_hears_what_became_of_its_stock() -> None:
    recalling = after(confirmed(SPLIT), EXPIRED, CANCEL)
    (fact, hold) = recalling.when(GONE).events
    assert fact == MISSING
    assert isinstance(hold, HoldOpened)
    after(recalling, GONE).when(release(), reason="stock came").then_asked(take_again(SPLIT))


def test_what_shipping_had_already_stands_still_until_its_units_are_reserved_again() -> None:
    outcome = shipping().when(EXPIRED)
    outcome.then(*of_placement(AGAIN, progressed("held")))
    outcome.then_asked(take_again(), HoldShipment(order_number=NUMBER, fulfilment_id=F1))
    outcome.after.when(KEPT).then_asked(ResumeShipment(order_number=NUMBER, fulfilment_id=F1, address=ADDRESS))


def test_an_order_that_was_confirmed_before_this_wait_existed_is_with_shipping() -> None:
    old = authorising().given(PLACEMENT_STREAM, progressed("requested"))
    state = old.states[PLACEMENT_STREAM]
    assert (state.status, state.delivery.stock, state.delivery.at_hand[0].status) == (
        "shipping",
        "kept",
        "requested",
    )


def test_of_a_part_that_has_left_nothing_is_asked_for_again() -> None:
    left = after(shipping(SPLIT), dispatched(F2))
    left.when(EXPIRED).then_asked(take_again(SPLIT[:1]), HoldShipment(order_number=NUMBER, fulfilment_id=F1))
    after(left, EXPIRED, dispatched(F1)).when(overdue(2)).then_nothing_happened()

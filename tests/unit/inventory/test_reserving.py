"""Reserving an order's lines, keeping the reservation, asking again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.inventory.domain.model import model
from services.inventory.domain.policy import Policy
from services.inventory.domain.reservation import RESERVATION, Reserved, Unreserved
from shared.events.inventory import (
    FulfilmentShipped,
    KeepReservation,
    LocatedQuantity,
    LowStockReported,
    ReservationExpired,
    ReservationKept,
    ReservationRefused,
    ReservationReleased,
    StockAllocated,
    StockBackordered,
    StockLevelsSet,
    StockReceived,
)
from shared.eventsourcing.decider import Recorded
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.inventory.sample import (
    CENTRAL,
    DEADLINE,
    EAST,
    WEST,
    allocated,
    backordered,
    expires,
    inventory,
    line,
    missing,
    plan,
    queued,
    reserve,
    reserved,
)

LINES = (line("1", "A", 2), line("2", "B", 1))
WHOLE = plan("O1-F1", EAST, *LINES)
KEEP = KeepReservation(order_number="O1")


def refused(*shortages: tuple[str, str, int]) -> Recorded:
    return Recorded(
        "reservation-O1",
        ReservationRefused(
            order_number="O1",
            shortages=tuple(missing(*shortage) for shortage in shortages),
            expires_at=DEADLINE,
        ),
    )


def test_an_order_is_reserved_at_one_location_until_its_deadline() -> None:
    outcome = inventory(A={EAST: 5, WEST: 5}, B={EAST: 5, WEST: 5}).when(reserve(*LINES))
    outcome.then(allocated("A", EAST=2), allocated("B", EAST=1), reserved(WHOLE))
    assert outcome.reminders == (expires("A", "B"),)
    assert outcome.state(RESERVATION, "O1") == Reserved(
        fulfilments=(WHOLE,), short=(), expires_at=DEADLINE, kept=False, numbered=1, shipped=()
    )


def test_an_order_that_no_location_has_alone_is_split_into_numbered_fulfilments() -> None:
    outcome = inventory(A={EAST: 5}, B={WEST: 5}).when(reserve(*LINES))
    outcome.then(
        allocated("A", EAST=2),
        allocated("B", WEST=1),
        reserved(plan("O1-F1", EAST, LINES[0]), plan("O1-F2", WEST, LINES[1])),
    )


def test_a_line_is_split_when_no_location_has_all_its_units() -> None:
    inventory(A={EAST: 2, CENTRAL: 1}).when(reserve(line("1", "A", 3))).then(
        allocated("A", EAST=2, CENTRAL=1),
        reserved(plan("O1-F1", EAST, line("1", "A", 2)), plan("O1-F2", CENTRAL, line("1", "A", 1))),
    )


def test_several_lines_of_one_sku_are_allocated_together_and_shared_out_in_their_order() -> None:
    lines = (line("1", "A", 2), line("2", "A", 3), line("3", "A", 1))
    inventory(A={EAST: 4, WEST: 2}).when(reserve(*lines)).then(
        allocated("A", EAST=4, WEST=2),
        reserved(
            plan("O1-F1", EAST, line("1", "A", 2), line("2", "A", 2)),
            plan("O1-F2", WEST, line("2", "A", 1), line("3", "A", 1)),
        ),
    )


def test_nothing_is_reserved_for_an_order_that_lacks_a_unit_and_takes_no_part() -> None:
    outcome = inventory(A={EAST: 1}, B={EAST: 5}).when(reserve(*LINES))
    outcome.then(refused(("1", "A", 1)))
    assert outcome.reminders == ()
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="refused")


def test_shortages_of_several_lines_of_one_sku_stand_on_the_later_lines() -> None:
    lines = (line("1", "A", 2), line("2", "A", 3), line("3", "A", 1))
    inventory(A={EAST: 3}).when(reserve(*lines)).then(refused(("2", "A", 2), ("3", "A", 1)))


def test_an_order_that_takes_a_part_gets_what_there_is_and_learns_what_is_short() -> None:
    inventory(A={EAST: 1}, B={EAST: 5}).when(reserve(*LINES, partial=True)).then(
        allocated("A", EAST=1),
        allocated("B", EAST=1),
        reserved(plan("O1-F1", EAST, line("1", "A", 1), LINES[1]), short=(missing("1", "A", 1),)),
    )


def test_a_part_may_lack_a_whole_sku() -> None:
    inventory(A={EAST: 5}).when(reserve(*LINES, partial=True)).then(
        allocated("A", EAST=2), reserved(plan("O1-F1", EAST, LINES[0]), short=(missing("2", "B", 1),))
    )


def test_an_order_that_takes_a_part_is_refused_when_there_is_nothing_at_all() -> None:
    inventory().when(reserve(*LINES, partial=True)).then(refused(("1", "A", 2), ("2", "B", 1)))


def test_an_order_without_lines_is_refused() -> None:
    inventory().when(reserve(backorder=True)).then(refused())


def test_an_order_that_waits_reserves_what_there_is_and_queues_the_rest_on_its_skus() -> None:
    lines = (line("1", "A", 2), line("2", "A", 3), line("3", "B", 1))
    outcome = inventory(A={EAST: 3}, B={EAST: 1}).when(reserve(*lines, backorder=True, priority=7))
    outcome.then(
        allocated("A", EAST=3),
        queued("A", 2, priority=7, held_at=(EAST,)),
        allocated("B", EAST=1),
        backordered(
            plan("O1-F1", EAST, line("1", "A", 2), line("2", "A", 1), line("3", "B", 1)),
            waiting=(missing("2", "A", 2),),
        ),
    )
    assert outcome.reminders == (expires("A", "B"),)


def test_an_order_that_waits_may_have_nothing_yet() -> None:
    inventory().when(reserve(*LINES, backorder=True, partial=True)).then(
        queued("A", 2), queued("B", 1), backordered(waiting=(missing("1", "A", 2), missing("2", "B", 1)))
    )


def test_an_order_that_would_wait_but_lacks_nothing_is_reserved() -> None:
    inventory(A={EAST: 2}, B={EAST: 1}).when(reserve(*LINES, backorder=True)).then(
        allocated("A", EAST=2), allocated("B", EAST=1), reserved(WHOLE)
    )


def test_safety_stock_is_not_promised_at_any_location() -> None:
    levels = StockLevelsSet(sku="A", safety_stock=2, reorder_point=0)
    scenario = inventory(A={EAST: 3, WEST: 1}).given("stock-A", levels)
    scenario.when(reserve(line("1", "A", 2))).then(refused(("1", "A", 1)))
    scenario.when(reserve(line("1", "A", 1))).then(
        allocated("A", EAST=1), reserved(plan("O1-F1", EAST, line("1", "A", 1)))
    )


def test_what_is_reserved_is_not_promised_again() -> None:
    first = inventory(A={EAST: 2}, B={EAST: 2}).when(reserve(*LINES))
    refusal = ReservationRefused(order_number="O2", shortages=(missing("1", "A", 1),), expires_at=DEADLINE)
    first.after.when(reserve(line("1", "A", 1), order="O2")).then(Recorded("reservation-O2", refusal))


def test_more_units_of_a_sku_than_a_message_can_state_are_refused_not_raised() -> None:
    lines = (line("1", "A", 10**9), line("2", "A", 1), line("3", "B", 1))
    inventory().when(reserve(*lines, backorder=True)).then(
        refused(("1", "A", 10**9), ("2", "A", 1), ("3", "B", 1))
    )
    inventory().when(reserve(lines[0], backorder=True)).then(
        queued("A", 10**9), backordered(waiting=(missing("1", "A", 10**9),))
    )


def test_locations_are_data_and_stock_at_one_that_is_not_listed_is_used_as_well() -> None:
    received = StockReceived(sku="A", location="CELLAR", quantity=1)
    scenario = Scenario(model(Policy(locations={}))).given("stock-A", received)
    in_cellar = StockAllocated(
        sku="A", order_number="O1", allocations=(LocatedQuantity(location="CELLAR", quantity=1),)
    )
    scenario.when(reserve(line("1", "A", 1))).then(
        Recorded("stock-A", in_cellar), reserved(plan("O1-F1", "CELLAR", line("1", "A", 1)))
    )


def test_a_location_too_many_of_a_split_that_is_found_greedily_gets_no_fulfilment() -> None:
    stock = inventory(A={WEST: 6, CENTRAL: 4}, B={EAST: 6, CENTRAL: 4})
    lines = (line("1", "A", 6), line("2", "B", 6))
    replace(stock, model=model(Policy(most_splits=1))).when(reserve(*lines)).then(
        allocated("A", WEST=6),
        allocated("B", EAST=6),
        reserved(plan("O1-F1", EAST, lines[1]), plan("O1-F2", WEST, lines[0])),
    )


def test_reserving_reports_low_stock_once() -> None:
    levels = StockLevelsSet(sku="A", safety_stock=0, reorder_point=4)
    scenario = inventory(A={EAST: 5}).given("stock-A", levels)
    first = scenario.when(reserve(line("1", "A", 2)))
    first.then(
        allocated("A", EAST=2),
        Recorded("stock-A", LowStockReported(sku="A", available=3, reorder_point=4)),
        reserved(plan("O1-F1", EAST, line("1", "A", 2))),
    )
    second = first.after.when(reserve(line("1", "A", 1), order="O2"))
    second.then(allocated("A", "O2", EAST=1), reserved(plan("O2-F1", EAST, line("1", "A", 1)), order="O2"))


def test_stock_is_low_when_less_can_be_promised_than_the_reorder_point_whatever_lies_in_safety_stock() -> None:
    levels = StockLevelsSet(sku="A", safety_stock=10, reorder_point=3)
    scenario = inventory(A={EAST: 12, WEST: 12}).given("stock-A", levels)
    scenario.when(reserve(line("1", "A", 4))).then(
        allocated("A", EAST=2, WEST=2),
        Recorded("stock-A", LowStockReported(sku="A", available=0, reorder_point=3)),
        reserved(plan("O1-F1", EAST, line("1", "A", 2)), plan("O1-F2", WEST, line("1", "A", 2))),
    )


def test_a_reservation_asked_for_again_is_stated_again_and_takes_nothing_more() -> None:
    first = inventory(A={EAST: 9}, B={EAST: 9}).when(reserve(*LINES))
    again = first.after.when(reserve(*LINES))
    again.then(reserved(WHOLE))
    assert again.reminders == ()
    assert again.after == first.after


def test_an_order_that_waits_and_asks_again_is_told_again_what_it_waits_for() -> None:
    first = inventory(A={EAST: 2}).when(reserve(*LINES, backorder=True))
    again = first.after.when(reserve(*LINES, backorder=True))
    again.then(backordered(plan("O1-F1", EAST, LINES[0]), waiting=(missing("2", "B", 1),)))
    assert again.after == first.after


def test_a_refused_order_that_asks_again_is_decided_anew() -> None:
    refusal = inventory(A={EAST: 2}).when(reserve(*LINES))
    refusal.after.when(reserve(*LINES)).then(refused(("2", "B", 1)))
    received = StockReceived(sku="B", location=EAST, quantity=1)
    refusal.after.given("stock-B", received).when(reserve(*LINES)).then(
        allocated("A", EAST=2), allocated("B", EAST=1), reserved(WHOLE)
    )


@pytest.mark.parametrize(
    "end",
    [
        ReservationReleased(order_number="O1", fulfilments=("O1-F1",)),
        ReservationExpired(order_number="O1"),
    ],
)
def test_a_new_reservation_after_a_complete_end_numbers_its_fulfilments_on(
    end: ReservationReleased | ReservationExpired,
) -> None:
    ended = (
        inventory(A={EAST: 9}, B={EAST: 9})
        .given("reservation-O1", reserved(WHOLE).event)
        .given("reservation-O1", end)
    )
    later = DEADLINE + timedelta(days=1)
    ended.when(reserve(*LINES, expires_at=later)).then(
        allocated("A", EAST=2),
        allocated("B", EAST=1),
        reserved(plan("O1-F2", EAST, *LINES), expires_at=later),
    )


def test_once_goods_have_left_nothing_is_reserved_for_the_order_again() -> None:
    shipped = inventory(A={EAST: 9}, B={EAST: 9}).given(
        "reservation-O1",
        reserved(WHOLE).event,
        FulfilmentShipped(order_number="O1", fulfilment_id="O1-F1"),
    )
    outcome = shipped.when(reserve(*LINES))
    outcome.then_nothing_happened()
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="shipped", numbered=1, shipped=("O1-F1",))


def test_a_reservation_that_is_kept_says_so_as_often_as_it_is_asked() -> None:
    first = inventory(A={EAST: 9}, B={EAST: 9}).when(reserve(*LINES)).after.when(KEEP)
    first.then(Recorded("reservation-O1", ReservationKept(order_number="O1")))
    again = first.after.when(KEEP).then(Recorded("reservation-O1", ReservationKept(order_number="O1")))
    assert again.after.states == first.after.states


def test_an_order_that_waits_can_keep_its_reservation_and_keeps_it_when_it_is_whole() -> None:
    kept = inventory().when(reserve(*LINES, backorder=True)).after.when(KEEP)
    kept.then(ReservationKept(order_number="O1"))
    kept.after.when(KEEP).then(ReservationKept(order_number="O1"))
    whole = kept.after.given("reservation-O1", reserved(WHOLE).event)
    assert isinstance(state := whole.states["reservation-O1"], Reserved)
    assert state.kept


def test_who_keeps_an_expired_reservation_is_told_again_that_it_expired() -> None:
    expired = inventory().given("reservation-O1", reserved(WHOLE).event, ReservationExpired(order_number="O1"))
    expired.when(KEEP).then(Recorded("reservation-O1", ReservationExpired(order_number="O1")))


@pytest.mark.parametrize("past", [(), (ReservationReleased(order_number="O1", fulfilments=()),)])
def test_keeping_what_was_never_reserved_or_was_released_changes_nothing(
    past: tuple[ReservationReleased, ...],
) -> None:
    inventory().given("reservation-O1", *past).when(KEEP).then_nothing_happened()


def test_facts_that_concern_no_reservation_or_no_longer_concern_it_leave_it_as_it_is() -> None:
    scenario = inventory().given(
        "reservation-O1",
        ReservationKept(order_number="O1"),
        StockReceived(sku="A", location=EAST, quantity=1),
        StockBackordered(order_number="O1", waiting=()),
    )
    assert scenario.states["reservation-O1"] == Unreserved()


def test_a_deadline_is_the_one_that_was_asked_for() -> None:
    later = NOON + timedelta(days=3)
    outcome = inventory(A={EAST: 2}, B={EAST: 1}).when(reserve(*LINES, expires_at=later))
    assert isinstance(state := outcome.state(RESERVATION, "O1"), Reserved)
    assert state.expires_at == later
    assert [reminder.at for reminder in outcome.reminders] == [later]


def test_a_request_that_is_repeated_after_its_reservation_ran_out_reserves_nothing() -> None:
    stock = inventory(A={EAST: 9}, B={EAST: 9})
    expired = stock.given("reservation-O1", reserved(WHOLE).event, ReservationExpired(order_number="O1"))

    outcome = expired.when(reserve(*LINES))

    outcome.then(Recorded("reservation-O1", ReservationExpired(order_number="O1")))
    assert not outcome.reminders

"""Goods that left a location, as planned and otherwise."""

from services.inventory.domain.messages import BookDispatch
from services.inventory.domain.reservation import RESERVATION, Reserved, Unreserved, Waiting
from services.inventory.domain.stock import STOCK, Shelf
from shared.events.inventory import FulfilmentShipped, LowStockReported, StockChangeRefused, StockLevelsSet
from shared.eventsourcing.decider import Recorded, Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.inventory.sample import (
    EAST,
    WEST,
    allocated,
    deallocated,
    dispatched,
    filled,
    hands_over,
    inventory,
    line,
    plan,
    release,
    reserve,
    shipped,
)

LINES = (line("1", "A", 2), line("2", "B", 1))


def left(fulfilment_id: str) -> Recorded:
    return Recorded("reservation-O1", FulfilmentShipped(order_number="O1", fulfilment_id=fulfilment_id))


def unaccounted(sku: str, units: int) -> Recorded:
    explanation = (
        f"{units} of {sku} left WH-EAST in O1-F1 that were neither reserved for it nor free on hand: "
        "count the location"
    )
    return Recorded(
        f"stock-{sku}", StockChangeRefused(sku=sku, location=EAST, change=-units, explanation=explanation)
    )


def together() -> Scenario:
    """An order with two A and one B in O1-F1, in the east."""
    return inventory(A={EAST: 5}, B={EAST: 5}).when(reserve(*LINES)).after


def split() -> Scenario:
    """An order with two A in O1-F1 in the east and one B in O1-F2 in the west."""
    return inventory(A={EAST: 5}, B={WEST: 5}).when(reserve(*LINES)).after


def test_a_dispatch_takes_its_units_off_the_shelf_and_out_of_the_reservation() -> None:
    outcome = together().when(dispatched("O1-F1", EAST, *LINES))
    outcome.then(shipped("A", EAST, 2), shipped("B", EAST, 1), left("O1-F1"))
    assert outcome.state(STOCK, "A").shelf(EAST) == Shelf(on_hand=3, reserved=0)
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="shipped", numbered=1, shipped=("O1-F1",))


def test_a_dispatch_told_twice_has_happened_once() -> None:
    together().when(dispatched("O1-F1", EAST, *LINES)).after.when(
        dispatched("O1-F1", EAST, *LINES)
    ).then_nothing_happened()


def test_one_fulfilment_leaves_while_another_stays_reserved() -> None:
    outcome = split().when(dispatched("O1-F1", EAST, LINES[0]))
    outcome.then(shipped("A", EAST, 2), left("O1-F1"))
    assert isinstance(state := outcome.state(RESERVATION, "O1"), Reserved)
    assert (state.fulfilments, state.shipped) == ((plan("O1-F2", WEST, LINES[1]),), ("O1-F1",))
    both = outcome.after.when(dispatched("O1-F2", WEST, LINES[1])).after
    both.when(dispatched("O1-F1", EAST, LINES[0])).then_nothing_happened()


def test_several_lines_of_one_sku_leave_together() -> None:
    lines = (line("1", "A", 2), line("2", "A", 1))
    scenario = inventory(A={EAST: 3}).when(reserve(*lines)).after
    scenario.when(dispatched("O1-F1", EAST, *lines)).then(shipped("A", EAST, 3), left("O1-F1"))


def test_a_dispatch_does_not_make_stock_low() -> None:
    levels = StockLevelsSet(sku="A", safety_stock=0, reorder_point=4)
    scenario = inventory(A={EAST: 5}).given("stock-A", levels).when(reserve(line("1", "A", 2)))
    assert LowStockReported(sku="A", available=3, reorder_point=4) in scenario.events
    scenario.after.when(dispatched("O1-F1", EAST, line("1", "A", 2))).then(shipped("A", EAST, 2), left("O1-F1"))


def test_what_was_reserved_and_did_not_leave_becomes_available_and_serves_who_waits() -> None:
    scenario = inventory(A={EAST: 2}).when(reserve(line("1", "A", 2))).after
    scenario = scenario.when(reserve(line("1", "A", 1), order="O2", backorder=True)).after
    outcome = scenario.when(dispatched("O1-F1", EAST, line("1", "A", 1)))
    outcome.then(deallocated("A", EAST=1), shipped("A", EAST, 1), filled("A", "O2", 0, EAST=1), left("O1-F1"))
    assert outcome.reminders == (hands_over("A", "O2"),)


def test_what_left_beyond_the_reservation_is_taken_from_what_nobody_reserved() -> None:
    together().when(dispatched("O1-F1", EAST, line("1", "A", 4), LINES[1])).then(
        allocated("A", EAST=2), shipped("A", EAST, 4), shipped("B", EAST, 1), left("O1-F1")
    )


def test_what_left_from_another_location_than_planned_is_taken_there() -> None:
    scenario = inventory(A={EAST: 2, WEST: 2}).when(reserve(line("1", "A", 2))).after
    scenario.when(dispatched("O1-F1", WEST, line("1", "A", 2))).then(
        deallocated("A", EAST=2), allocated("A", WEST=2), shipped("A", WEST, 2), left("O1-F1")
    )


def test_a_dispatch_that_names_too_few_skus_asks_itself_again_with_all() -> None:
    dispatch = dispatched("O1-F1", EAST, LINES[0])
    first = together().when(dispatch)
    again = BookDispatch(dispatch=dispatch, skus=("A", "B"))
    first.then()
    assert first.reminders == (Reminder(NOON, again),)
    second = first.after.when(again)
    second.then(shipped("A", EAST, 2), deallocated("B", EAST=1), left("O1-F1"))
    second.after.when(again).then_nothing_happened()


def test_a_dispatch_after_a_release_keeps_the_books_by_what_is_free() -> None:
    released = together().when(release("A", "B")).after
    outcome = released.when(dispatched("O1-F1", EAST, *LINES))
    outcome.then(
        allocated("A", EAST=2),
        shipped("A", EAST, 2),
        allocated("B", EAST=1),
        shipped("B", EAST, 1),
        left("O1-F1"),
    )
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="released", numbered=1, shipped=("O1-F1",))
    outcome.after.when(dispatched("O1-F1", EAST, *LINES)).then_nothing_happened()


def test_a_dispatch_of_what_the_books_do_not_hold_is_reported_and_leaves_nothing_negative() -> None:
    scenario = inventory(A={EAST: 3}).when(reserve(line("1", "A", 2), order="O2")).after
    outcome = scenario.when(dispatched("O1-F1", EAST, *LINES))
    outcome.then(
        allocated("A", EAST=1),
        shipped("A", EAST, 1),
        unaccounted("A", 1),
        unaccounted("B", 1),
        left("O1-F1"),
    )
    assert outcome.state(STOCK, "A").shelf(EAST) == Shelf(on_hand=2, reserved=2)


def test_a_part_that_leaves_while_the_order_waits_does_not_end_its_waiting() -> None:
    scenario = inventory(A={EAST: 2}).when(reserve(*LINES, backorder=True)).after
    outcome = scenario.when(dispatched("O1-F1", EAST, LINES[0]))
    outcome.then(shipped("A", EAST, 2), left("O1-F1"))
    assert isinstance(state := outcome.state(RESERVATION, "O1"), Waiting)
    assert (state.fulfilments, state.shipped) == ((), ("O1-F1",))

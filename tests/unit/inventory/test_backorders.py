"""Orders that wait: who is served when stock arrives, and how the units reach the reservation."""

from datetime import timedelta

import pytest

from services.inventory.domain.messages import HandOverBackorder
from services.inventory.domain.reservation import RESERVATION, Reserved
from services.inventory.domain.stock import STOCK
from shared.events.inventory import (
    AdjustStock,
    BackorderHandedOver,
    CountStock,
    ReceiveStock,
    SetStockLevels,
    StockLevelsSet,
    TransferStock,
)
from shared.events.payload import Command
from shared.eventsourcing.decider import Recorded
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.inventory.sample import (
    CENTRAL,
    EAST,
    WEST,
    backordered,
    filled,
    hands_over,
    inventory,
    line,
    missing,
    plan,
    release,
    reserve,
    reserved,
    units,
)


def handed_over(sku: str, order: str = "O1", **by_location: int) -> Recorded:
    return Recorded(
        f"stock-{sku}",
        BackorderHandedOver(sku=sku, order_number=order, allocations=units(**by_location)),
    )


def hand_over(sku: str, order: str = "O1") -> HandOverBackorder:
    return HandOverBackorder(order_number=order, sku=sku)


def received(quantity: int, sku: str = "A", location: str = EAST) -> ReceiveStock:
    return ReceiveStock(sku=sku, location=location, quantity=quantity)


def waiting(*orders: tuple[str, int, int], scenario: Scenario | None = None) -> Scenario:
    """Orders (number, units of A, priority) that wait, each queued a minute after the one before."""
    scenario = scenario or inventory()
    for minute, (order, quantity, priority) in enumerate(orders):
        wanted = reserve(line("1", "A", quantity), order=order, backorder=True, priority=priority)
        scenario = scenario.at(NOON + timedelta(minutes=minute)).when(wanted).after
    return scenario.at(NOON)


def test_stock_that_arrives_serves_by_priority_and_then_by_time() -> None:
    scenario = waiting(("O1", 2, 0), ("O2", 1, 5), ("O3", 1, 0), ("O4", 1, 5))
    outcome = scenario.when(received(5))
    outcome.then(
        outcome.decision.events[0],
        filled("A", "O2", 0, EAST=1),
        filled("A", "O4", 0, EAST=1),
        filled("A", "O1", 0, EAST=2),
        filled("A", "O3", 0, EAST=1),
    )
    assert outcome.reminders == tuple(hands_over("A", order) for order in ("O2", "O4", "O1", "O3"))
    assert outcome.state(STOCK, "A").queue == ()


def test_who_is_first_gets_all_before_the_next_gets_any() -> None:
    outcome = waiting(("O1", 5, 0), ("O2", 1, 0)).when(received(3))
    outcome.then(outcome.decision.events[0], filled("A", "O1", 2, EAST=3))
    queue = outcome.state(STOCK, "A").queue
    assert [(entry.order_number, entry.quantity) for entry in queue] == [("O1", 2), ("O2", 1)]


def test_an_order_that_comes_later_does_not_overtake_those_that_wait() -> None:
    scenario = waiting(("O1", 5, 0)).when(received(3)).after
    late = scenario.when(reserve(line("1", "A", 1), order="O2", priority=9, backorder=True))
    assert late.state(RESERVATION, "O2").status == "waiting"


def test_units_come_from_one_location_where_one_has_them_all_else_from_the_fullest_first() -> None:
    frozen = StockLevelsSet(sku="A", safety_stock=10, reorder_point=0)
    stocked = inventory(A={EAST: 12, CENTRAL: 14, WEST: 11}).given("stock-A", frozen)
    scenario = waiting(("O1", 7 + 25, 0), scenario=stocked)
    thawed = scenario.when(SetStockLevels(sku="A", safety_stock=0, reorder_point=0))
    thawed.then(
        thawed.decision.events[0],
        filled("A", "O1", 0, CENTRAL=10, EAST=10, WEST=5),
    )
    assert thawed.state(STOCK, "A").to_promise() == {WEST: 5}


@pytest.mark.parametrize(
    "arrival",
    [
        received(1, location=WEST),
        AdjustStock(sku="A", location=WEST, change=1, cause="found"),
        CountStock(sku="A", location=WEST, counted=3),
        TransferStock(sku="A", origin=WEST, destination=EAST, quantity=1),
        SetStockLevels(sku="A", safety_stock=1, reorder_point=0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_whatever_frees_a_unit_serves_who_waits(arrival: Command) -> None:
    levels = StockLevelsSet(sku="A", safety_stock=2, reorder_point=0)
    scenario = waiting(("O1", 1, 0), scenario=inventory(A={EAST: 2, WEST: 2}).given("stock-A", levels))
    outcome = scenario.when(arrival)
    assert outcome.reminders == (hands_over("A", "O1"),)


def test_an_order_whose_last_units_arrive_is_reserved_as_a_whole() -> None:
    lines = (line("1", "A", 3), line("2", "B", 1))
    scenario = inventory(A={EAST: 2}, B={WEST: 1}).when(reserve(*lines, backorder=True)).after
    arrived = scenario.when(received(4, location=WEST)).after
    outcome = arrived.when(hand_over("A"))
    outcome.then(
        handed_over("A", WEST=1),
        reserved(
            plan("O1-F1", EAST, line("1", "A", 2)),
            plan("O1-F2", WEST, line("2", "B", 1), line("1", "A", 1)),
        ),
    )
    assert isinstance(outcome.state(RESERVATION, "O1"), Reserved)


def test_units_join_the_line_they_belong_to_or_begin_a_new_fulfilment() -> None:
    scenario = inventory(A={EAST: 1}).when(reserve(line("1", "A", 4), backorder=True)).after
    scenario = scenario.when(received(1)).after.when(received(2, location=WEST)).after
    scenario.when(hand_over("A")).then(
        handed_over("A", EAST=1, WEST=2),
        reserved(plan("O1-F1", EAST, line("1", "A", 2)), plan("O1-F2", WEST, line("1", "A", 2))),
    )


def test_an_order_that_still_waits_for_more_is_told_what_it_has_and_what_is_missing() -> None:
    lines = (line("1", "A", 2), line("2", "A", 2), line("3", "B", 1))
    scenario = inventory().when(reserve(*lines, backorder=True)).after
    arrived = scenario.when(received(3))
    arrived.then(arrived.decision.events[0], filled("A", "O1", 1, EAST=3))
    outcome = arrived.after.when(hand_over("A"))
    outcome.then(
        handed_over("A", EAST=3),
        backordered(
            plan("O1-F1", EAST, line("1", "A", 2), line("2", "A", 1)),
            waiting=(missing("3", "B", 1), missing("2", "A", 1)),
        ),
    )


def test_a_reminder_that_comes_twice_hands_over_once() -> None:
    arrived = waiting(("O1", 2, 0)).when(received(2)).after
    once = arrived.when(hand_over("A"))
    once.then(handed_over("A", EAST=2), reserved(plan("O1-F1", EAST, line("1", "A", 2))))
    once.after.when(hand_over("A")).then_nothing_happened()


def test_one_late_reminder_hands_over_all_that_arrived_meanwhile() -> None:
    arrived = waiting(("O1", 3, 0)).when(received(1)).after.when(received(1)).after
    late = arrived.when(hand_over("A"))
    late.then(
        handed_over("A", EAST=2),
        backordered(plan("O1-F1", EAST, line("1", "A", 2)), waiting=(missing("1", "A", 1),)),
    )
    late.after.when(hand_over("A")).then_nothing_happened()


def test_a_reminder_for_an_order_that_nothing_is_ready_for_changes_nothing() -> None:
    inventory(A={EAST: 1}).when(hand_over("A")).then_nothing_happened()


def test_a_second_reservation_takes_only_what_was_filled_for_it() -> None:
    arrived = waiting(("O1", 2, 0)).when(received(1)).after
    again = arrived.when(release("A")).after.when(reserve(line("1", "A", 2), backorder=True)).after
    again.when(hand_over("A")).then_nothing_happened()
    arrived_again = again.when(received(1)).after
    arrived_again.when(hand_over("A")).then(
        handed_over("A", EAST=1), reserved(plan("O1-F1", EAST, line("1", "A", 2)))
    )


def test_an_order_that_has_nothing_yet_numbers_on_after_an_earlier_reservation() -> None:
    first = inventory(A={EAST: 1}).when(reserve(line("1", "A", 1))).after.when(release("A")).after
    taken = first.when(reserve(line("1", "A", 1), order="O2")).after
    again = taken.when(reserve(line("1", "A", 1), backorder=True)).after.when(received(1)).after
    again.when(hand_over("A")).then(handed_over("A", EAST=1), reserved(plan("O1-F2", EAST, line("1", "A", 1))))

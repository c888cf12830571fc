"""Orders that wait: who is served when stock arrives, and how the units reach the reservation."""

from datetime import timedelta

import pytest

from services.inventory.domain.messages import HandOverBackorder
from services.inventory.domain.reservation import RESERVATION, Reserved
from services.inventory.domain.stock import STOCK
from shared.events.inventory import (
    AdjustStock,
    BackorderHandedOver,
    BackorderQueued,
    CountStock,
    ReceiveStock,
    SetStockLevels,
    StockLevelsSet,
    StockReceived,
    TransferStock,
)
from shared.events.payload import Command
from shared.events.values import RequestedLine
from shared.eventsourcing.decider import Recorded
from shared.eventsourcing.testing import NOON, Outcome, Scenario
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


def thawed(lines: tuple[RequestedLine, ...], held: dict[str, int], **by_location: int) -> Outcome:
    """An order to NY holds units of H and waits for B, which lies behind a safety stock that is then lifted."""
    frozen = StockLevelsSet(sku="B", safety_stock=100, reorder_point=0)
    scenario = inventory(H=held, B={f"WH-{name}": units for name, units in by_location.items()})
    waits = scenario.given("stock-B", frozen).when(reserve(*lines, backorder=True)).after
    return waits.when(SetStockLevels(sku="B", safety_stock=0, reorder_point=0))


@pytest.mark.parametrize(
    ("wanted", "held_at", "there", "come_from"),
    [
        (1, WEST, {"EAST": 1, "WEST": 4}, {"WEST": 1}),
        (5, WEST, {"EAST": 4, "WEST": 5}, {"WEST": 5}),
        (6, WEST, {"EAST": 4, "WEST": 4, "CENTRAL": 9}, {"WEST": 4, "EAST": 2}),
        (15, WEST, {"EAST": 9, "WEST": 4, "CENTRAL": 9}, {"WEST": 4, "EAST": 9, "CENTRAL": 2}),
        (3, EAST, {"EAST": 2, "WEST": 2}, {"EAST": 2, "WEST": 1}),
    ],
)
def test_units_come_from_where_the_order_holds_goods_and_then_as_those_of_any_order_do(
    wanted: int, held_at: str, there: dict[str, int], come_from: dict[str, int]
) -> None:
    outcome = thawed((line("1", "H", 1), line("2", "B", wanted)), {held_at: 1}, **there)
    outcome.then(outcome.decision.events[0], filled("B", "O1", 0, **come_from))


def test_units_come_from_as_few_as_suffice_of_the_locations_where_the_order_holds_goods() -> None:
    lines = (line("1", "H", 3), line("2", "B", 4))
    outcome = thawed(lines, {EAST: 1, CENTRAL: 1, WEST: 1}, EAST=1, CENTRAL=2, WEST=3)
    outcome.then(outcome.decision.events[0], filled("B", "O1", 0, EAST=1, WEST=3))


@pytest.mark.parametrize(
    ("wanted", "there", "come_from"),
    [
        (2, {"EAST": 3, "WEST": 4}, {"EAST": 2}),
        (4, {"EAST": 3, "WEST": 4}, {"WEST": 4}),
        (2, {"CENTRAL": 3, "WEST": 4}, {"WEST": 2}),
        (2, {"CENTRAL": 4, "WEST": 4}, {"CENTRAL": 2}),
        (5, {"EAST": 3, "WEST": 4, "CENTRAL": 3}, {"EAST": 3, "WEST": 2}),
    ],
)
def test_an_order_that_holds_nothing_gets_fewest_splits_then_the_nearest_then_the_fullest(
    wanted: int, there: dict[str, int], come_from: dict[str, int]
) -> None:
    outcome = thawed((line("1", "B", wanted),), {}, **there)
    outcome.then(outcome.decision.events[0], filled("B", "O1", 0, **come_from))


def test_what_arrives_later_comes_from_where_the_order_got_units_before() -> None:
    scenario = waiting(("O1", 2, 0)).when(received(1, location=WEST)).after
    stocked = scenario.given(
        "stock-A", *(StockReceived(sku="A", location=place, quantity=1) for place in (EAST, WEST))
    )
    lifted = stocked.when(SetStockLevels(sku="A", safety_stock=0, reorder_point=1))
    lifted.then(lifted.decision.events[0], filled("A", "O1", 0, WEST=1))


def test_an_order_that_got_some_of_its_units_elsewhere_still_gets_more_from_where_it_holds_goods() -> None:
    waits = inventory(H={WEST: 1}).when(reserve(line("1", "H", 1), line("2", "A", 2), backorder=True)).after
    stocked = waits.when(received(1)).after.given(
        "stock-A", *(StockReceived(sku="A", location=place, quantity=1) for place in (CENTRAL, WEST))
    )
    lifted = stocked.when(SetStockLevels(sku="A", safety_stock=0, reorder_point=1))
    lifted.then(lifted.decision.events[0], filled("A", "O1", 0, WEST=1))


def test_an_order_that_was_queued_before_its_address_was_told_gets_the_fullest_location() -> None:
    told_less = BackorderQueued(sku="A", order_number="O1", quantity=2, priority=0, queued_at=NOON)
    stocked = inventory(A={EAST: 3, WEST: 4}).given("stock-A", told_less)
    lifted = stocked.when(SetStockLevels(sku="A", safety_stock=0, reorder_point=1))
    lifted.then(lifted.decision.events[0], filled("A", "O1", 0, WEST=2))


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

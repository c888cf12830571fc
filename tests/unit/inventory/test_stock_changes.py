"""What people and warehouses do to one SKU."""

from dataclasses import replace
from typing import Any

import pytest

from services.inventory.domain.stock import EMPTY, STOCK, Shelf, StockItem
from shared.events.inventory import (
    AdjustStock,
    CountStock,
    LowStockReported,
    ReceiveStock,
    SetStockLevels,
    StockAdjusted,
    StockChangeRefused,
    StockLevelsSet,
    StockReceived,
    StockReserved,
    StockTransferred,
    TransferStock,
)
from shared.events.payload import Command
from shared.eventsourcing.decider import Recorded, Reply
from shared.eventsourcing.testing import Scenario
from tests.unit.inventory.sample import DEADLINE, EAST, WEST, inventory, line, release, reserve


def stocked() -> Scenario:
    """Five units in the east, three of them reserved."""
    return inventory(A={EAST: 5}).when(reserve(line("1", "A", 3))).after


def accepted(on_hand: int, reserved: int = 3) -> Reply:
    body: dict[str, Any] = {
        "sku": "A",
        "on_hand": on_hand,
        "reserved": reserved,
        "available": on_hand - reserved,
    }
    return Reply("accepted", body)


def test_units_that_arrive_are_on_hand() -> None:
    outcome = stocked().when(ReceiveStock(sku="A", location=WEST, quantity=4))
    outcome.then(Recorded("stock-A", StockReceived(sku="A", location=WEST, quantity=4)))
    assert outcome.reply == accepted(9)
    assert outcome.state(STOCK, "A").shelf(WEST) == Shelf(on_hand=4, reserved=0)


@pytest.mark.parametrize("change", [-2, 3])
def test_on_hand_is_adjusted_down_to_what_is_reserved_and_up(change: int) -> None:
    outcome = stocked().when(AdjustStock(sku="A", location=EAST, change=change, cause="correction"))
    outcome.then(Recorded("stock-A", StockAdjusted(sku="A", location=EAST, change=change, cause="correction")))
    assert outcome.reply == accepted(5 + change)


@pytest.mark.parametrize("counted", [3, 4, 9])
def test_a_count_corrects_on_hand_by_the_difference(counted: int) -> None:
    outcome = stocked().when(CountStock(sku="A", location=EAST, counted=counted))
    outcome.then(Recorded("stock-A", StockAdjusted(sku="A", location=EAST, change=counted - 5, cause="count")))
    assert outcome.reply == accepted(counted)


def test_units_that_nobody_reserved_move_to_another_location() -> None:
    outcome = stocked().when(TransferStock(sku="A", origin=EAST, destination=WEST, quantity=2))
    outcome.then(Recorded("stock-A", StockTransferred(sku="A", origin=EAST, destination=WEST, quantity=2)))
    assert outcome.reply == accepted(5)
    assert outcome.state(STOCK, "A").shelves == {EAST: Shelf(3, 3), WEST: Shelf(2, 0)}


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (AdjustStock(sku="A", location=EAST, change=-3, cause="damage"), -3),
        (CountStock(sku="A", location=EAST, counted=2), -3),
        (TransferStock(sku="A", origin=EAST, destination=WEST, quantity=3), -3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_change_that_would_leave_less_on_hand_than_is_reserved_is_refused(message: Command, change: int) -> None:
    explanation = (
        "WH-EAST has 5 of A on hand, 3 of them reserved: a change by -3 would leave less on hand than is reserved"
    )
    outcome = stocked().when(message)
    outcome.then(
        Recorded(
            "stock-A",
            StockChangeRefused(sku="A", location=EAST, change=change, explanation=explanation),
        )
    )
    body = {"sku": "A", "location": EAST, "explanation": explanation, "reserved": 3}
    assert outcome.reply == Reply("refused", body)
    assert outcome.after.states == stocked().states


@pytest.mark.parametrize(
    "message",
    [
        ReceiveStock(sku="A", location=WEST, quantity=1),
        AdjustStock(sku="A", location=WEST, change=1, cause="found"),
        TransferStock(sku="A", origin=EAST, destination=WEST, quantity=1),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_location_holds_no_more_units_than_a_message_can_state(message: Command) -> None:
    full = stocked().given("stock-A", StockReceived(sku="A", location=WEST, quantity=10**9))
    explanation = "WH-WEST has 1000000000 of A on hand and can't hold more than 1000000000"
    outcome = full.when(message)
    outcome.then(
        Recorded("stock-A", StockChangeRefused(sku="A", location=WEST, change=1, explanation=explanation))
    )
    assert outcome.reply == Reply("refused", {"sku": "A", "location": WEST, "explanation": explanation})


def test_units_that_were_never_there_can_not_be_taken_away() -> None:
    outcome = inventory().when(AdjustStock(sku="A", location=EAST, change=-1, cause="loss"))
    assert outcome.reply is not None
    assert outcome.reply.outcome == "refused"
    assert outcome.state(STOCK, "A").shelf(EAST) == EMPTY


@pytest.mark.parametrize(
    "message",
    [
        AdjustStock(sku="A", location=EAST, change=0, cause="found"),
        CountStock(sku="A", location=EAST, counted=5),
        TransferStock(sku="A", origin=EAST, destination=EAST, quantity=2),
        SetStockLevels(sku="A", safety_stock=0, reorder_point=0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_change_that_changes_nothing_is_accepted_and_not_recorded(message: Command) -> None:
    outcome = stocked().when(message)
    outcome.then_nothing_happened()
    assert outcome.reply == accepted(5)


def test_safety_stock_and_reorder_point_are_set_together() -> None:
    outcome = stocked().when(SetStockLevels(sku="A", safety_stock=1, reorder_point=1))
    outcome.then(Recorded("stock-A", StockLevelsSet(sku="A", safety_stock=1, reorder_point=1)))
    assert outcome.reply == accepted(5)
    assert outcome.state(STOCK, "A").to_promise() == {EAST: 1}


def test_low_stock_is_reported_once_and_again_only_after_it_had_ended() -> None:
    low = Recorded("stock-A", LowStockReported(sku="A", available=2, reorder_point=3))
    first = stocked().when(SetStockLevels(sku="A", safety_stock=0, reorder_point=3))
    first.then(Recorded("stock-A", StockLevelsSet(sku="A", safety_stock=0, reorder_point=3)), low)
    lost = AdjustStock(sku="A", location=EAST, change=-1, cause="loss")
    found = AdjustStock(sku="A", location=EAST, change=1, cause="found")
    assert len(first.after.when(lost).events) == 1
    ended = first.after.when(found).after
    assert ended.states["stock-A"].low is False
    ended.when(lost).then(Recorded("stock-A", StockAdjusted(sku="A", location=EAST, change=-1, cause="loss")), low)


def test_a_lower_reorder_point_or_a_release_ends_low_stock_too() -> None:
    low = stocked().when(SetStockLevels(sku="A", safety_stock=0, reorder_point=3)).after
    lower = low.when(SetStockLevels(sku="A", safety_stock=0, reorder_point=2))
    assert lower.state(STOCK, "A").low is False
    assert low.when(release("A")).state(STOCK, "A").low is False


def test_safety_stock_makes_stock_low_and_ends_it_like_any_change_of_what_can_be_promised() -> None:
    raised = stocked().when(SetStockLevels(sku="A", safety_stock=1, reorder_point=2))
    raised.then(
        Recorded("stock-A", StockLevelsSet(sku="A", safety_stock=1, reorder_point=2)),
        Recorded("stock-A", LowStockReported(sku="A", available=1, reorder_point=2)),
    )
    still = raised.after.when(ReceiveStock(sku="A", location=WEST, quantity=1)).after
    assert still.states["stock-A"].low is True
    assert still.when(ReceiveStock(sku="A", location=WEST, quantity=1)).state(STOCK, "A").low is False


def test_facts_that_concern_no_stock_leave_it_as_it_is() -> None:
    foreign = StockReserved(order_number="O1", fulfilments=(), expires_at=DEADLINE)
    assert inventory().given("stock-A", foreign).states["stock-A"] == StockItem()


def test_the_state_of_a_sku_does_not_grow_with_its_reservations() -> None:
    scenario = inventory(A={EAST: 50})
    one = scenario.when(reserve(line("1", "A", 1))).state(STOCK, "A")
    for number in range(20):
        scenario = scenario.when(reserve(line("1", "A", 1), order=f"O{number}")).after
    many = scenario.states["stock-A"]
    assert many == replace(one, shelves={EAST: Shelf(50, 20)})

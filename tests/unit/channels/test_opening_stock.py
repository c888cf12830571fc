"""Opening stock that makes a known share of the orders meet a shortage."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from channels.completejourney.fixture import Fixture, Statement
from channels.completejourney.opening_stock import OpeningStock, opening_stock
from shared.events.channel import ChannelOrderReceived


@pytest.fixture(scope="module")
def statements() -> list[Statement]:
    return list(Fixture(1_000, seed=7))


@pytest.fixture(scope="module")
def stock(statements: list[Statement]) -> OpeningStock:
    return opening_stock(statements, seed=7)


def _originals(statements: Sequence[Statement]) -> list[ChannelOrderReceived]:
    return [statement.order for statement in statements if statement.kind == "order"]


def _shortages(orders: Sequence[ChannelOrderReceived], stock: OpeningStock) -> int:
    """Serve the orders one by one: all or nothing, unless an order may be split or wait."""
    left: Counter[str] = Counter()
    for (sku, _), units in stock.units.items():
        left[sku] += units
    met = 0
    for order in orders:
        wanted: Counter[str] = Counter()
        for line in order.lines:
            wanted[line.sku] += line.quantity
        lacking = any(left[sku] < units for sku, units in wanted.items())
        met += lacking
        if not lacking or order.allow_partial or order.allow_backorder:
            for sku, units in wanted.items():
                left[sku] -= min(units, left[sku])
    return met


def test_about_two_of_a_hundred_orders_meet_a_shortage(statements: list[Statement], stock: OpeningStock) -> None:
    met = _shortages(_originals(statements), stock)

    assert met == stock.expected_shortages
    assert 0.01 <= met / 1_000 <= 0.03


def test_it_is_about_as_many_in_any_other_sequence(statements: list[Statement], stock: OpeningStock) -> None:
    for seed in range(5):
        orders = _originals(statements)
        Random(seed).shuffle(orders)
        assert 10 <= _shortages(orders, stock) <= 30


def test_restatements_find_their_units_too(statements: list[Statement], stock: OpeningStock) -> None:
    newest = {order.channel_order_id: order for order in _originals(statements)}
    newest |= {each.order.channel_order_id: each.order for each in statements if each.kind == "restatement"}

    assert _shortages(list(newest.values()), stock) == stock.expected_shortages


def test_without_a_share_nobody_meets_a_shortage(statements: list[Statement]) -> None:
    plenty = opening_stock(statements, shortage_share=0)

    assert (plenty.short, plenty.expected_shortages) == ((), 0)
    assert _shortages(_originals(statements), plenty) == 0


def test_a_share_of_all_orders_takes_as_much_as_there_is(statements: list[Statement]) -> None:
    scarce = opening_stock(statements, shortage_share=1)

    assert _shortages(_originals(statements), scarce) == scarce.expected_shortages > 500


def test_the_stock_lies_in_three_warehouses_and_is_positive(stock: OpeningStock) -> None:
    assert {location for _, location in stock.units} == {"WH-EAST", "WH-CENTRAL", "WH-WEST"}
    assert all(units > 0 for units in stock.units.values())


def test_the_same_orders_and_seed_make_the_same_stock(statements: list[Statement], stock: OpeningStock) -> None:
    assert opening_stock(statements, seed=7) == stock
    assert opening_stock(statements, seed=8).short != stock.short


def test_the_receipts_bring_in_exactly_the_stock(stock: OpeningStock) -> None:
    received = {(receipt.sku, receipt.location): receipt.quantity for receipt in stock.receipts()}

    assert received == stock.units

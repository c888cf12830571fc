"""Cancelling at each stage: before the goods have left everything is taken back, afterwards it is refused."""

import pytest

from oms.errors import OmsError
from tests.e2e.orders import NOWHERE, a_line, card
from tests.e2e.shop import Shop


def test_an_order_in_review_is_cancelled_and_leaves_nothing_behind(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, unit_price=100_000_001))
    shop.wait(number, "held")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)


def test_an_order_whose_reservation_is_under_way_is_cancelled_and_gives_the_stock_back(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    shop.stack.freeze("inventory")
    try:
        number = shop.order(a_line(sku))
        shop.wait(number, "reserving")
        shop.decide(number, "cancel")
        shop.wait(number, "cancelling")
    finally:
        shop.stack.resume("inventory")

    shop.expect_nothing_left(number, sku, 1)


def test_an_order_on_backorder_is_cancelled_and_takes_nothing_of_what_arrives_later(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, 2), allow_backorder=True)
    shop.wait(number, "backordered")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)
    shop.receive(sku, "EAST", 1)
    assert shop.stock(sku) == (2, 0)


def test_an_order_in_its_payment_window_is_cancelled_and_leaves_nothing_behind(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku), payment=card("tok_decline"))
    shop.wait(number, "awaiting_payment")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)


def test_an_order_whose_authorisation_is_under_way_is_cancelled_and_gives_the_money_back(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    with shop.trouble("gateway", "slow", hold_ms=2_000):
        number = shop.order(a_line(sku))
        shop.wait(number, "authorising")
        shop.decide(number, "cancel")
        shop.wait(number, "cancelling")

    shop.expect_nothing_left(number, sku, 1)


def test_an_order_held_for_a_refused_address_is_cancelled_and_leaves_nothing_behind(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku), shipping_address=NOWHERE)
    shop.wait(number, "held")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)


def test_a_cancellation_after_delivery_is_refused(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    shop.wait(number, "completed")

    with pytest.raises(OmsError, match="can't be cancelled any more"):
        shop.decide(number, "cancel")

    assert shop.facts(number).count("order.command-refused") == 1

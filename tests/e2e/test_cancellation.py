"""Cancelling at each stage: before the goods have left everything is taken back, afterwards it is refused."""

import pytest

from oms.errors import OmsError
from tests.e2e.orders import NOWHERE, a_line, card
from tests.e2e.shop import Shop


def test_in_review(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, unit_price=100_000_001))
    shop.wait(number, "held")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)


def test_while_the_reservation_is_under_way(shop: Shop) -> None:
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


def test_on_backorder(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, 2), allow_backorder=True)
    shop.wait(number, "backordered")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)
    shop.receive(sku, "EAST", 1)
    assert shop.stock(sku) == (2, 0)


def test_in_the_payment_window(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku), payment=card("tok_decline"))
    shop.wait(number, "awaiting_payment")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)


def test_while_the_authorisation_is_under_way(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    with shop.trouble("gateway", "slow", hold_ms=2_000):
        number = shop.order(a_line(sku))
        shop.wait(number, "authorising")
        shop.decide(number, "cancel")
        shop.wait(number, "cancelling")

    shop.expect_nothing_left(number, sku, 1)


def test_on_a_hold_for_a_refused_address(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku), shipping_address=NOWHERE)
    shop.wait(number, "held")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)


def test_after_delivery_it_is_refused(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    shop.wait(number, "completed")

    with pytest.raises(OmsError, match="can't be cancelled any more"):
        shop.decide(number, "cancel")

    assert shop.facts(number).count("order.command-refused") == 1

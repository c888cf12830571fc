"""Every wait has an end: an order service in a hurry shows what happens at each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.orders import a_line, an_order, card
from tests.e2e.shop import Shop

HURRY = {
    "OMS_RESERVE_WITHIN_S": "1",
    "OMS_BACKORDER_WITHIN_S": "3",
    "OMS_AUTHORISE_WITHIN_S": "1",
    "OMS_PAYMENT_WINDOW_S": "2",
    "OMS_SHIP_WITHIN_S": "1",
    "OMS_COMPENSATE_WITHIN_S": "1",
    "OMS_RECALL_WITHIN_S": "1",
    "OMS_CAPTURE_WITHIN_S": "1",
    "OMS_CAPTURE_BACKOFF_S": "0.1",
    "OMS_CAPTURE_ATTEMPTS": "2",
}
LISTED = "sku-on-the-price-list"


@pytest.fixture(scope="module", autouse=True)
def hurry(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An order service whose waits last a second or two, with a price list."""
    prices = Path(tmp_path_factory.mktemp("prices") / "prices.csv")
    prices.write_text(f"sku,currency,unit_price\n{LISTED},USD,1000\n")
    with shop.set("order", {**HURRY, "OMS_PRICE_LIST": str(prices)}):
        yield


def test_stock_that_never_comes_cancels_a_backorder(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, 2), allow_backorder=True)

    assert shop.wait(number, "cancelled")["cancelled_cause"] == "shortage"

    shop.expect_nothing_left(number, sku, 1)


def test_stock_that_never_comes_leaves_an_order_that_takes_a_part_with_what_is_there(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, 2), allow_backorder=True, allow_partial=True)

    row = shop.wait(number, "completed")

    assert (row["charged"], row["dropped"]) == (1_000, 1_000)
    assert "order.backorder-ended" in shop.facts(number)
    shop.until(lambda: shop.stock(sku) == (0, 0), "the unit to be shipped")


def test_a_reservation_that_nobody_confirms_expires_and_cancels_its_order(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku), payment=card("tok_decline"))
    shop.wait(number, "awaiting_payment")
    stopped = shop.order(a_line(sku, 1), allow_backorder=True)
    shop.wait(stopped, "backordered")
    shop.decide(stopped, "holds")
    shop.wait(number, "cancelled")

    assert shop.wait(stopped, "cancelled")["cancelled_cause"] == "reservation_expired"

    shop.expect_nothing_left(stopped, sku, 1)


def test_an_inventory_that_is_silent_is_asked_again_and_a_person_is_told(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    shop.stack.freeze("inventory")
    try:
        number = shop.order(a_line(sku))
        assert shop.wait_for_hold(number, "reservation_overdue")["owner"] == "warehouse"
    finally:
        shop.stack.resume("inventory")

    assert shop.wait(number, "completed")["holds"] == []
    assert shop.facts(number).count("inventory.stock-allocated") == 1


def test_a_gateway_that_fails_for_ever_leaves_the_order_to_the_payments_team(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), payment=card("tok_server_error_always"))

    hold = shop.wait_for_hold(number, "payment_overdue")

    assert hold["owner"] == "payments"
    assert shop.wait(number, "authorising")
    assert shop.gateway_effects(number) == []


def test_a_confirmed_order_whose_stock_nobody_keeps_gets_an_owner_and_leaves_once_it_is_kept(shop: Shop) -> None:
    with shop.trouble("gateway", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)))
        shop.wait(number, "authorising")
        shop.stack.freeze("inventory")
    try:
        assert shop.wait_for_hold(number, "reservation_overdue")["owner"] == "warehouse"
        assert shop.shipments(number) == []
    finally:
        shop.stack.resume("inventory")

    assert shop.wait(number, "completed")["holds"] == []


def test_a_warehouse_that_is_late_is_told_and_the_parcel_leaves_all_the_same(shop: Shop) -> None:
    with shop.trouble("carrier", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)))
        assert shop.wait_for_hold(number, "shipment_overdue")["owner"] == "warehouse"

    assert shop.wait(number, "completed")["holds"] == []


def test_a_capture_without_an_answer_becomes_a_hold_and_goes_through_in_the_end(shop: Shop) -> None:
    with shop.trouble("carrier", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)))
        shop.wait(number, "confirmed")
        shop.switch("gateway", "down")
    try:
        assert shop.wait_for_hold(number, "capture_refused")["owner"] == "payments"
    finally:
        shop.switch("gateway", "up")

    assert shop.wait(number, "completed")["charged"] == 1_000
    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000)]


def test_a_cancellation_that_is_not_answered_is_asked_again_and_a_person_is_told(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    with shop.trouble("carrier", "down"):
        number = shop.order(a_line(sku))
        shop.wait(number, "confirmed")
        shop.stack.freeze("shipping")
        try:
            shop.decide(number, "cancel")
            assert shop.wait_for_hold(number, "compensation_overdue")["owner"] == "operations"
        finally:
            shop.stack.resume("shipping")
        shop.wait(number, "cancelled")

    shop.expect_nothing_left(number, sku, 1)


def test_a_price_off_the_list_waits_for_the_pricing_team(shop: Shop) -> None:
    shop.receive(LISTED, "EAST", 2)

    dear = shop.order(a_line(LISTED, unit_price=1_001))
    listed = shop.order(a_line(LISTED, unit_price=1_000))

    assert shop.wait_for_hold(dear, "price_off_list")["owner"] == "pricing"
    shop.wait(listed, "completed")


def test_a_window_that_closed_is_closed(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)), payment=card("tok_decline"))
    number = shop.publish(order)[0]
    shop.wait(number, "awaiting_payment")

    shop.wait(number, "cancelled")

    again = {"payment": {"kind": "card", "token": "tok_visa"}, "reason": "too late"}
    assert shop.ask("POST", "order", f"/orders/{number}/payment", json=again).status_code == 409

"""Cancelling at each stage: before the goods have left everything is taken back, afterwards it is refused."""

from collections.abc import Iterator

import pytest

from oms.errors import OmsError
from tests.e2e.orders import NOWHERE, a_line, an_order, card
from tests.e2e.shop import Shop


def nothing_is_left(shop: Shop, number: str, sku: str, units: int) -> None:
    """The order is cancelled; the stock is back, nothing stays set aside, and no label stands."""
    shop.wait(number, "cancelled")
    shop.until(lambda: shop.stock(sku) == (units, 0), f"{sku} to be given back", number=number)
    effects = shop.gateway_effects(number)
    amounts = {operation: amount for operation, amount in effects}
    assert len(effects) == len(amounts)
    assert "capture" not in amounts
    assert amounts.get("authorise") == amounts.get("void")
    parcels = shop.carrier_effects(number)
    assert "hand_over" not in parcels
    assert parcels.count("buy_label") == parcels.count("void")


def test_in_review(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, unit_price=100_000_001))
    shop.wait(number, "held")

    shop.decide(number, "cancel")

    nothing_is_left(shop, number, sku, 1)


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

    nothing_is_left(shop, number, sku, 1)


def test_on_backorder(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, 2), allow_backorder=True)
    shop.wait(number, "backordered")

    shop.decide(number, "cancel")

    nothing_is_left(shop, number, sku, 1)
    shop.receive(sku, "EAST", 1)
    assert shop.stock(sku) == (2, 0)


def test_in_the_payment_window(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku), payment=card("tok_decline"))
    shop.wait(number, "awaiting_payment")

    shop.decide(number, "cancel")

    nothing_is_left(shop, number, sku, 1)


def test_while_the_authorisation_is_under_way(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    with shop.trouble("gateway", "slow", hold_ms=2_000):
        number = shop.order(a_line(sku))
        shop.wait(number, "authorising")
        shop.decide(number, "cancel")
        shop.wait(number, "cancelling")

    nothing_is_left(shop, number, sku, 1)


def test_while_the_label_is_being_bought(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    with shop.trouble("carrier", "slow", hold_ms=2_000):
        number = shop.order(a_line(sku))
        shop.wait_for_fact(number, "shipping.label-requested")
        shop.decide(number, "cancel")
        shop.wait(number, "cancelling")

    nothing_is_left(shop, number, sku, 1)


def test_on_a_hold_for_a_refused_address(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku), shipping_address=NOWHERE)
    shop.wait(number, "held")

    shop.decide(number, "cancel")

    nothing_is_left(shop, number, sku, 1)


def test_after_delivery_it_is_refused(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    shop.wait(number, "completed")

    with pytest.raises(OmsError, match="can't be cancelled any more"):
        shop.decide(number, "cancel")

    assert shop.facts(number).count("order.command-refused") == 1


class TestInTheWarehouse:
    """With people who pick, pack and hand over."""

    @pytest.fixture(scope="class", autouse=True)
    def people(self, shop: Shop) -> Iterator[None]:
        with shop.instead_of("shipping", "shipping-by-people", {"OMS_WAREHOUSE": "manual"}):
            yield

    def pick(self, shop: Shop, number: str) -> list[str]:
        """Wait for the pick lists of an order and pick them; the fulfilments."""

        def listed() -> list[str]:
            lists = shop.client.get("shipping", "/pick-lists", limit=1_000)["pick_lists"]
            return sorted(one["fulfilment_id"] for one in lists if one["order_number"] == number)

        shop.wait(number, "confirmed")
        count = len(shop.wait(number, "confirmed")["fulfilments"])
        fulfilments = shop.until(lambda: listed() if len(listed()) == count else None, "pick lists", number=number)
        for one in fulfilments:
            shop.client.post("shipping", f"/shipments/{one}/picked", {})
        return fulfilments

    def dispatch(self, shop: Shop, fulfilment: str) -> None:
        shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
        shop.until(
            lambda: shop.client.get("shipping", f"/shipments/{fulfilment}")["status"] == "labelled", "the label"
        )
        shop.client.post("shipping", f"/shipments/{fulfilment}/dispatch", {})

    def test_while_it_is_picked(self, shop: Shop) -> None:
        sku = shop.sku(EAST=1)
        number = shop.order(a_line(sku))
        self.pick(shop, number)

        shop.decide(number, "cancel")

        nothing_is_left(shop, number, sku, 1)

    def test_with_its_label_bought_the_label_is_voided(self, shop: Shop) -> None:
        sku = shop.sku(EAST=1)
        number = shop.order(a_line(sku))
        [fulfilment] = self.pick(shop, number)
        shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
        shop.wait_for_fact(number, "shipping.label-bought")

        shop.decide(number, "cancel")

        nothing_is_left(shop, number, sku, 1)
        assert shop.carrier_effects(number) == ["buy_label", "void"]

    def test_after_dispatch_it_is_refused_and_the_order_goes_on(self, shop: Shop) -> None:
        number = shop.order(a_line(shop.sku(EAST=1)), payment=card("tok_capture_refused"))
        [fulfilment] = self.pick(shop, number)
        self.dispatch(shop, fulfilment)
        shop.wait_for_hold(number, "capture_refused")

        with pytest.raises(OmsError, match="Everything has left already"):
            shop.decide(number, "cancel")

        assert shop.wait(number, "delivered")["order_status"] == "confirmed"

    def test_with_one_of_two_parcels_gone_the_other_is_called_back_and_not_charged(self, shop: Shop) -> None:
        east, west = shop.sku(EAST=1), shop.sku(WEST=1)
        order = an_order(a_line(east), a_line(west, line_id="2", unit_price=700))
        number = shop.publish(order)[0]
        first, _ = self.pick(shop, number)
        self.dispatch(shop, first)
        shop.wait(number, "shipping")
        gone = shop.client.get("shipping", f"/shipments/{first}")["location"]

        shop.decide(number, "cancel")

        row = shop.wait(number, "completed")
        stayed, price = (west, 1_000) if gone == "WH-EAST" else (east, 700)
        assert row["charged"] == price
        assert ("void", 1_700 - price) in shop.gateway_effects(number)
        shop.until(lambda: shop.stock(stayed) == (1, 0), "the other unit to be given back")

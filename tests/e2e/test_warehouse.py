"""A warehouse where people pick, pack and hand over, and all that can be stopped or lost there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from oms.client import Json
from oms.errors import OmsError
from tests.e2e.orders import a_line, an_order, card
from tests.e2e.shop import Shop
from tests.e2e.webhooks import report, send


@pytest.fixture(scope="module", autouse=True)
def people(shop: Shop) -> Iterator[None]:
    """People in the place of the automatic warehouse."""
    with shop.set("shipping", {"OMS_WAREHOUSE": "manual"}):
        yield


def pick(shop: Shop, number: str) -> list[str]:
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


def labelled(shop: Shop, fulfilment: str) -> Json:
    """Wait until the shipment shows its label; the shipment."""

    def there() -> Json | None:
        shipment: Json = shop.client.get("shipping", f"/shipments/{fulfilment}")
        return shipment if shipment["status"] == "labelled" else None

    return shop.until(there, "the label")


def dispatch(shop: Shop, fulfilment: str) -> None:
    shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
    labelled(shop, fulfilment)
    shop.client.post("shipping", f"/shipments/{fulfilment}/dispatch", {})


def test_an_order_is_cancelled_while_it_is_picked(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku))
    pick(shop, number)

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)


def test_when_an_order_is_cancelled_with_its_label_bought_the_label_is_voided(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku))
    [fulfilment] = pick(shop, number)
    shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
    shop.wait_for_fact(number, "shipping.label-bought")

    shop.decide(number, "cancel")

    shop.expect_nothing_left(number, sku, 1)
    assert shop.carrier_effects(number) == ["buy_label", "void"]


def test_a_label_that_is_being_bought_when_its_order_is_cancelled_is_voided_when_it_is_known(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku))
    [fulfilment] = pick(shop, number)
    with shop.trouble("carrier", "slow", hold_ms=2_000):
        shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
        shop.wait_for_fact(number, "shipping.label-requested")
        shop.decide(number, "cancel")
        shop.wait(number, "cancelling")

    shop.expect_nothing_left(number, sku, 1)
    assert shop.carrier_effects(number) == ["buy_label", "void"]


def test_a_label_whose_answer_is_lost_is_bought_once(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    [fulfilment] = pick(shop, number)
    with shop.trouble("carrier", "slow", hold_ms=2_000):
        shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
        shop.wait_for_fact(number, "shipping.carrier-outcome-unknown")
    shop.wait_for_fact(number, "shipping.label-bought")

    shop.client.post("shipping", f"/shipments/{fulfilment}/dispatch", {})

    shop.wait_for_fact(number, "shipping.dispatched")
    assert shop.carrier_effects(number)[:2] == ["buy_label", "hand_over"]


def test_after_dispatch_a_cancellation_is_refused_and_the_order_goes_on(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), payment=card("tok_capture_refused"))
    [fulfilment] = pick(shop, number)
    dispatch(shop, fulfilment)
    shop.wait_for_hold(number, "capture_refused")

    with pytest.raises(OmsError, match="Everything has left already"):
        shop.decide(number, "cancel")

    assert shop.wait(number, "delivered")["order_status"] == "confirmed"


def test_when_one_of_two_parcels_has_left_the_other_is_called_back_and_not_charged(shop: Shop) -> None:
    east, west = shop.sku(EAST=1), shop.sku(WEST=1)
    order = an_order(a_line(east), a_line(west, line_id="2", unit_price=700))
    number = shop.publish(order)[0]
    first, _ = pick(shop, number)
    dispatch(shop, first)
    shop.wait(number, "shipping")
    gone = shop.client.get("shipping", f"/shipments/{first}")["location"]

    shop.decide(number, "cancel")

    row = shop.wait(number, "completed")
    stayed, price = (west, 1_000) if gone == "WH-EAST" else (east, 700)
    assert row["charged"] == price
    assert ("void", 1_700 - price) in shop.gateway_effects(number)
    shop.until(lambda: shop.stock(stayed) == (1, 0), "the other unit to be given back")


def test_a_delay_is_told_to_the_customer_once(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)))
    number = shop.publish(order)[0]
    [fulfilment] = pick(shop, number)
    shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
    shipment = labelled(shop, fulfilment)

    # The carrier took the parcel without a hand-over by us: its first report stands for the dispatch.
    expected = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    for _ in range(2):
        body = report(shipment, "delayed", datetime.now(UTC), estimated_at=expected, reason="snow")
        assert send(shop, "carrier", body).status_code == 204
    shop.until(lambda: "delay" in [mail["notice_kind"] for mail in shop.mails(order)], "the mail", number=number)
    shop.hand_over(fulfilment)

    shop.wait(number, "completed")
    shop.until(lambda: len(shop.mails(order)) == 4, "four mails", number=number)
    assert [mail["notice_kind"] for mail in shop.mails(order)].count("delay") == 1


def test_a_parcel_that_met_with_an_exception_stands_on_a_hold_until_it_is_delivered(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    [fulfilment] = pick(shop, number)
    shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
    shipment = labelled(shop, fulfilment)

    body = report(shipment, "exception", datetime.now(UTC), reason="nobody at home")
    assert send(shop, "carrier", body).status_code == 204

    hold = shop.wait_for_hold(number, "delivery_exception")
    found = hold["owner"], hold["fulfilment_id"], hold["explanation"]
    assert found == ("warehouse", fulfilment, "nobody at home")
    listed = shop.client.get("order", "/holds", owner="warehouse", limit=1_000)["holds"]
    assert (number, hold["hold_id"]) in {(one["order_number"], one["hold_id"]) for one in listed}
    shop.hand_over(fulfilment)
    assert shop.wait(number, "completed")["holds"] == []


def test_a_parcel_that_does_not_arrive_is_told_and_arrives_all_the_same(shop: Shop) -> None:
    with shop.set("order", {"OMS_DELIVER_WITHIN_S": "1"}):
        number = shop.order(a_line(shop.sku(EAST=1)))
        [fulfilment] = pick(shop, number)
        shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
        on_its_way = report(labelled(shop, fulfilment), "in_transit", datetime.now(UTC))
        assert send(shop, "carrier", on_its_way).status_code == 204

        hold = shop.wait_for_hold(number, "shipment_overdue")

        assert (hold["owner"], hold["fulfilment_id"]) == ("warehouse", fulfilment)
        assert shop.wait_for_fact(number, "payment.captured")
        shop.hand_over(fulfilment)
        assert shop.wait(number, "completed")["holds"] == []


def test_a_parcel_of_which_nothing_more_is_heard_is_delivered_by_a_persons_word(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    [fulfilment] = pick(shop, number)
    shop.client.post("shipping", f"/shipments/{fulfilment}/packed", {"weight_grams": 700})
    body = report(labelled(shop, fulfilment), "exception", datetime.now(UTC), reason="nobody at home")
    assert send(shop, "carrier", body).status_code == 204
    shop.wait_for_hold(number, "delivery_exception")

    shop.client.post("shipping", f"/shipments/{fulfilment}/delivered", {"reason": "a neighbour took it in"})

    assert shop.wait(number, "completed")["holds"] == []
    [delivered] = [step for step in shop.steps(number) if step.type == "shipping.delivered.v1"]
    assert (delivered.actor, delivered.reason) == ("operator", "a neighbour took it in")
    shop.hand_over(fulfilment)  # its reports come after all


def test_steps_out_of_their_order_are_refused_and_repeated_ones_change_nothing(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    [fulfilment] = pick(shop, number)

    with pytest.raises(OmsError, match="is picked"):
        shop.client.post("shipping", f"/shipments/{fulfilment}/dispatch", {})
    shop.client.post("shipping", f"/shipments/{fulfilment}/picked", {})
    dispatch(shop, fulfilment)

    shop.wait(number, "completed")
    assert shop.facts(number).count("shipping.items-picked") == 1

"""The main road: from the intake to the last delivery, with every fact, entry, parcel and mail of it."""

from collections import Counter

from shared.events.values import PaymentMethod
from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import Shop


def test_an_order_is_reserved_paid_shipped_charged_and_delivered(shop: Shop) -> None:
    sku = shop.sku(EAST=10)
    order = an_order(a_line(sku, 3), shipping_charge=490, tax=210)
    number = shop.publish(order)[0]

    row = shop.wait(number, "completed")

    assert row["total"] == row["charged"] == 3_700
    assert row["holds"] == []
    assert [one["status"] for one in row["fulfilments"].values()] == ["delivered"]
    shop.until(lambda: shop.stock(sku) == (7, 0), "the stock to be booked")
    assert shop.gateway_effects(number) == [("authorise", 3_700), ("capture", 3_700)]
    assert shop.carrier_effects(number) == ["buy_label", "hand_over", "deliver"]
    [shipment] = shop.shipments(number)
    assert shipment["location"] == "WH-EAST"
    assert shipment["tracking_number"]
    shop.until(lambda: len(shop.mails(order)) == 3, "three mails", number=number)
    assert Counter(mail["notice_kind"] for mail in shop.mails(order)) == {
        "confirmation": 1,
        "dispatch": 1,
        "delivered": 1,
    }


def test_every_fact_of_the_road_is_recorded_once_and_in_causal_order(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    shop.wait(number, "completed")

    facts = shop.wait_for_fact(number, "inventory.fulfilment-shipped", "order.completed")

    for name in (
        "order.placed",
        "order.approved",
        "order.reservation-requested",
        "inventory.stock-allocated",
        "inventory.stock-reserved",
        "order.authorisation-sought",
        "payment.authorised",
        "order.confirmed",
        "inventory.reservation-kept",
        "shipping.shipment-requested",
        "shipping.label-bought",
        "shipping.dispatched",
        "inventory.stock-shipped",
        "inventory.fulfilment-shipped",
        "payment.captured",
        "order.fulfilment-charged",
        "shipping.delivered",
        "order.completed",
    ):
        assert facts.count(name) == 1, f"{name}: {facts}"
    road = [
        "order.placed",
        "inventory.stock-reserved",
        "payment.authorised",
        "order.confirmed",
        "shipping.dispatched",
    ]
    assert sorted(road, key=facts.index) == road
    assert facts[0] == "order.placed"
    assert shop.steps(number)[0].actor == "web"


def test_an_order_split_over_two_warehouses_is_charged_in_two_parts_that_add_up(shop: Shop) -> None:
    east, west = shop.sku(EAST=5), shop.sku(WEST=5)
    order = an_order(
        a_line(east, 1, unit_price=333), a_line(west, 2, line_id="2", unit_price=333), shipping_charge=100
    )
    number = shop.publish(order)[0]

    row = shop.wait(number, "completed")

    assert {one["location"] for one in row["fulfilments"].values()} == {"WH-EAST", "WH-WEST"}
    assert row["charged"] == 1_099
    captures = [amount for operation, amount in shop.gateway_effects(number) if operation == "capture"]
    assert len(captures) == 2
    assert sum(captures) == 1_099
    assert Counter(shop.carrier_effects(number)) == {"buy_label": 2, "hand_over": 2, "deliver": 2}
    shop.until(lambda: len(shop.mails(order)) == 5, "five mails", number=number)


def test_a_collected_order_needs_no_carrier(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(CENTRAL=2), 2), delivery="collect")

    row = shop.wait(number, "completed")

    assert row["charged"] == 2_000
    assert shop.carrier_effects(number) == []


def test_a_prepaid_order_never_reaches_the_gateway(shop: Shop) -> None:
    paid = PaymentMethod(kind="prepaid", reference="paypal-77")
    number = shop.order(a_line(shop.sku(EAST=1)), payment=paid)

    row = shop.wait(number, "completed")

    assert row["charged"] == 1_000
    assert shop.gateway_effects(number) == []
    assert shop.payment(number)["captured"] == 1_000


def test_a_free_order_is_delivered_and_nothing_is_charged(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1), discount=1_000))

    row = shop.wait(number, "completed")

    assert row["charged"] == 0
    assert shop.gateway_effects(number) == []
    assert shop.carrier_effects(number) == ["buy_label", "hand_over", "deliver"]


def test_orders_of_many_customers_at_once_all_arrive(shop: Shop) -> None:
    sku = shop.sku(EAST=60, WEST=60)
    orders = [an_order(a_line(sku, 2)) for _ in range(60)]

    shop.publish(*orders)

    rows = shop.wait_all([number_of(order) for order in orders], "completed")
    assert sum(row["charged"] for row in rows) == 60 * 2_000
    shop.until(lambda: shop.stock(sku) == (0, 0), "all stock to be shipped")


def test_after_all_of_it_everything_that_must_be_true_is_true(shop: Shop) -> None:
    shop.verify()

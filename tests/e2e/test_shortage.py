"""Orders for more than there is: waiting, taking a part, or giving up, and what each leaves behind."""

from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import Shop


def test_an_order_that_neither_waits_nor_takes_a_part_is_cancelled_and_leaves_nothing(shop: Shop) -> None:
    sku, plenty = shop.sku(EAST=2), shop.sku(EAST=9)
    order = an_order(a_line(sku, 5), a_line(plenty, 5, line_id="2"))
    number = shop.publish(order)[0]

    row = shop.wait(number, "cancelled")

    assert row["cancelled_cause"] == "shortage"
    assert shop.stock(sku) == (2, 0)
    assert shop.stock(plenty) == (9, 0)
    assert shop.gateway_effects(number) == []
    assert shop.carrier_effects(number) == []
    shop.until(lambda: [mail["notice_kind"] for mail in shop.mails(order)] == ["cancelled"], "the mail")


def test_an_order_that_takes_a_part_is_delivered_and_charged_for_that_part(shop: Shop) -> None:
    sku = shop.sku(EAST=2)
    number = shop.order(a_line(sku, 5), allow_partial=True)

    row = shop.wait(number, "completed")

    assert row["charged"] == 2_000
    assert row["dropped"] == 3_000
    assert shop.gateway_effects(number) == [("authorise", 2_000), ("capture", 2_000)]
    shop.until(lambda: shop.stock(sku) == (0, 0), "the part to be shipped")


def test_an_order_that_waits_is_served_when_stock_arrives(shop: Shop) -> None:
    sku = shop.sku(EAST=2)
    order = an_order(a_line(sku, 5), allow_backorder=True)
    number = shop.publish(order)[0]

    row = shop.wait(number, "backordered")
    assert [(one["sku"], one["missing"]) for one in row["waiting"]] == [(sku, 3)]
    assert shop.gateway_effects(number) == []
    shop.until(lambda: [mail["notice_kind"] for mail in shop.mails(order)] == ["delay"], "the mail")
    shop.receive(sku, "EAST", 3)

    assert shop.wait(number, "completed")["charged"] == 5_000
    shop.until(lambda: shop.stock(sku) == (0, 0), "everything to be shipped")


def test_waiting_orders_are_served_by_priority_and_then_by_time(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    shop.wait(shop.order(a_line(sku)), "completed")
    waiting = []
    for priority in (0, 0, 10):
        number = shop.order(a_line(sku), allow_backorder=True, priority=priority)
        shop.wait(number, "backordered")
        waiting.append(number)
    first, second, urgent = waiting

    shop.receive(sku, "WEST", 1)
    shop.wait(urgent, "completed")
    assert [shop.wait(one, "backordered")["status"] for one in (first, second)] == ["backordered"] * 2
    shop.receive(sku, "WEST", 1)
    shop.wait(first, "completed")
    assert shop.wait(second, "backordered")
    shop.receive(sku, "WEST", 1)
    shop.wait(second, "completed")


def test_a_hundred_orders_for_the_last_ten_units_never_oversell_them(shop: Shop) -> None:
    sku = shop.sku(EAST=6, CENTRAL=4)
    orders = [an_order(a_line(sku)) for _ in range(100)]

    shop.publish(*orders)

    rows = shop.wait_all([number_of(order) for order in orders], "completed", "cancelled")
    assert [row["status"] for row in rows].count("completed") == 10
    shop.until(lambda: shop.stock(sku) == (0, 0), "ten units to be shipped")


def test_stock_that_falls_below_its_reorder_point_is_reported(shop: Shop) -> None:
    sku = shop.sku(EAST=3)
    shop.client.post("inventory", f"/stock/{sku}/levels", {"safety_stock": 0, "reorder_point": 3})
    number = shop.order(a_line(sku, 2))

    shop.wait(number, "completed")

    shop.until(lambda: shop.client.get("inventory", f"/stock/{sku}")["status"] == "low", f"{sku} to be low")
    reports = [
        message.value
        for message in shop.topic("inventory.events")
        if message.headers["ce_type"].startswith(b"inventory.low-stock-reported")
    ]
    assert len([report for report in reports if sku.encode() in report]) == 1


def test_safety_stock_is_never_sold(shop: Shop) -> None:
    sku = shop.sku(EAST=3)
    shop.client.post("inventory", f"/stock/{sku}/levels", {"safety_stock": 2, "reorder_point": 0})

    sold, refused = shop.order(a_line(sku)), shop.order(a_line(sku))

    statuses = {row["status"] for row in shop.wait_all([sold, refused], "completed", "cancelled")}
    assert statuses == {"completed", "cancelled"}
    shop.until(lambda: shop.stock(sku) == (2, 0), "one unit to be shipped")

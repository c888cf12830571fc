"""What carriers do to parcels: refuse them, lose an answer, delay them, and report in any order."""

from tests.e2e.orders import NOWHERE, a_line, an_order
from tests.e2e.shop import Shop


def test_a_refused_parcel_waits_on_a_hold_and_is_delivered_to_the_corrected_address(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), shipping_address=NOWHERE)

    hold = shop.wait_for_hold(number, "carrier_refused")
    assert shop.find(number)["status"] == "held"  # type: ignore[index]  # it has a hold, so there is one
    assert hold["owner"] == "warehouse"
    assert shop.carrier_effects(number) == []
    corrected = {"street": "6 Main St", "city": "Boston", "postal_code": "02108"}
    shop.decide(number, f"holds/{hold['hold_id']}/release", **corrected)

    assert shop.wait(number, "completed")["charged"] == 1_000
    assert shop.carrier_effects(number) == ["buy_label", "hand_over", "deliver"]
    assert shop.shipments(number)[0]["address"]["street"] == "6 Main St"


def test_a_release_without_a_new_address_leads_to_another_refusal(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), shipping_address=NOWHERE)
    first = shop.wait_for_hold(number, "carrier_refused")

    shop.decide(number, f"holds/{first['hold_id']}/release")

    shop.until(
        lambda: shop.wait_for_hold(number, "carrier_refused")["hold_id"] != first["hold_id"],
        "another hold",
        number=number,
    )


def test_parcels_wait_while_the_carrier_is_down_and_leave_afterwards(shop: Shop) -> None:
    with shop.trouble("carrier", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)))
        shop.wait_for_fact(number, "shipping.carrier-outcome-unknown")
        assert shop.gateway_effects(number) == [("authorise", 1_000)]

    shop.wait(number, "completed")
    assert shop.carrier_effects(number) == ["buy_label", "hand_over", "deliver"]


def test_a_parcel_can_be_held_by_hand_and_leaves_after_its_release(shop: Shop) -> None:
    with shop.trouble("carrier", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)))
        shop.wait_for_fact(number, "shipping.shipment-requested")
        hold = shop.decide(number, "holds", owner="customer-care")["hold_id"]
        shop.wait_for_fact(number, "shipping.held")
    assert shop.wait(number, "held")["holds"][0]["owner"] == "customer-care"

    shop.decide(number, f"holds/{hold}/release")

    shop.wait(number, "completed")


def test_the_cheapest_service_that_keeps_the_promise_is_chosen(shop: Shop) -> None:
    unhurried = an_order(a_line(shop.sku(WEST=1)))
    number = shop.publish(unhurried)[0]
    shop.wait(number, "completed")

    assert shop.shipments(number)[0]["carrier_service"] == "economy"

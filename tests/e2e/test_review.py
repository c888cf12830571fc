"""The review: what it holds and for whom, and what people make of it."""

import pytest

from oms.errors import OmsError
from shared.events.values import Customer
from tests.e2e.orders import BOSTON, a_line, an_order, fresh
from tests.e2e.shop import Shop

FORTUNE = 100_000_001


def test_an_order_over_the_limit_waits_for_fraud_and_goes_on_when_its_hold_is_released(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1), unit_price=FORTUNE))

    hold = shop.wait_for_hold(number, "amount_over_limit")
    assert hold["owner"] == "fraud"
    assert "order.reservation-requested" not in shop.facts(number)
    shop.decide(number, f"holds/{hold['hold_id']}/release")

    assert shop.wait(number, "completed")["charged"] == FORTUNE
    released = next(step for step in shop.steps(number) if step.type.startswith("order.hold-released"))
    assert (released.actor, released.reason) == ("operator", "the test wants it")


def test_an_approval_releases_every_hold_of_the_review(shop: Shop) -> None:
    nowhere_to_be_found = BOSTON.model_copy(update={"postal_code": "ABC", "street": " "})
    number = shop.order(a_line(shop.sku(EAST=1), unit_price=FORTUNE), shipping_address=nowhere_to_be_found)
    row = shop.wait(number, "held")
    assert {hold["reason"] for hold in row["holds"]} == {
        "amount_over_limit",
        "address_missing",
        "address_implausible",
    }

    shop.decide(number, "approve")

    assert shop.wait(number, "completed")["holds"] == []


def test_a_rejected_order_is_cancelled_and_nothing_was_asked_for(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    order = an_order(a_line(sku, unit_price=FORTUNE))
    number = shop.publish(order)[0]
    shop.wait(number, "held")

    shop.decide(number, "reject")

    assert shop.wait(number, "cancelled")["cancelled_cause"] == "rejected"
    assert shop.stock(sku) == (1, 0)
    assert shop.gateway_effects(number) == []
    shop.until(lambda: [mail["notice_kind"] for mail in shop.mails(order)] == ["cancelled"], "the mail")


def test_a_decision_needs_a_reason_and_an_order_that_waits_for_it(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    shop.wait(number, "completed")

    with pytest.raises(OmsError, match="The order is completed; it can't be approved"):
        shop.decide(number, "approve")
    assert shop.ask("POST", "order", f"/orders/{number}/approve", json={"reason": ""}).status_code == 422
    assert shop.ask("POST", "order", "/orders/NONE/approve", json={"reason": "why"}).status_code == 404


def test_orders_of_a_blocked_customer_wait_until_the_customer_is_unblocked(shop: Shop) -> None:
    customer = Customer(id=fresh("customer"), name="Mallory")
    sku = shop.sku(EAST=2)
    shop.client.post("order", f"/customers/{customer.id}/block", {"reason": "chargebacks"})

    held = shop.order(a_line(sku), customer=customer)
    assert shop.wait_for_hold(held, "customer_blocked")["owner"] == "fraud"
    shop.client.post("order", f"/customers/{customer.id}/unblock", {"reason": "settled"})
    shop.wait(shop.order(a_line(sku), customer=customer), "completed")
    shop.decide(held, "approve")

    shop.wait(held, "completed")


def test_open_orders_count_against_the_credit_limit_until_they_end(shop: Shop) -> None:
    customer = Customer(id=fresh("customer"), name="Ada")
    sku, rare = shop.sku(EAST=3), shop.sku(EAST=1)
    limit = {"limit": 1_500, "currency": "USD", "reason": "new customer"}
    shop.client.post("order", f"/customers/{customer.id}/credit-limit", limit)

    waiting = shop.order(a_line(rare, 2, unit_price=500), customer=customer, allow_backorder=True)
    shop.wait(waiting, "backordered")
    over = shop.order(a_line(sku), customer=customer)
    hold = shop.wait_for_hold(over, "credit_limit_exceeded")
    assert hold["owner"] == "credit"
    shop.decide(over, "reject")
    shop.receive(rare, "EAST", 1)
    shop.wait(waiting, "completed")
    for ended in (waiting, over):
        shop.wait_for_fact(ended, "order.credit-freed")
    shop.wait(shop.order(a_line(sku), customer=customer), "completed")


def test_a_large_order_that_meets_a_shortage_waits_for_the_warehouse(shop: Shop) -> None:
    sku = shop.sku(EAST=1)
    number = shop.order(a_line(sku, 2, unit_price=10_000_001))

    hold = shop.wait_for_hold(number, "shortage")
    assert hold["owner"] == "warehouse"
    shop.receive(sku, "EAST", 1)
    shop.decide(number, f"holds/{hold['hold_id']}/release")

    shop.wait(number, "completed")


def test_an_order_that_was_held_for_a_shortage_is_approved_or_rejected_as_one_in_review(shop: Shop) -> None:
    found, lost = shop.sku(EAST=1), shop.sku(EAST=1)
    approved = shop.order(a_line(found, 2, unit_price=10_000_001))
    refused = an_order(a_line(lost, 2, unit_price=10_000_001))
    rejected = shop.publish(refused)[0]
    for number in (approved, rejected):
        shop.wait_for_hold(number, "shortage")
    shop.receive(found, "EAST", 1)

    shop.decide(approved, "approve")
    shop.decide(rejected, "reject")

    shop.wait(approved, "completed")
    assert shop.wait(rejected, "cancelled")["cancelled_cause"] == "rejected"
    assert shop.stock(lost) == (1, 0)
    shop.until(lambda: [mail["notice_kind"] for mail in shop.mails(refused)] == ["cancelled"], "the mail")

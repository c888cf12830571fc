"""Payments that go wrong, each way: declined, unanswered, refused after the parcel has left, about to expire."""

import pytest

from oms.errors import OmsError
from tests.e2e.orders import a_line, an_order, card
from tests.e2e.shop import Shop

PAYS_WITH = {"kind": "card", "token": "tok_visa"}


def test_a_customer_who_was_declined_pays_again_and_gets_the_goods(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)), payment=card("tok_decline"))
    number = shop.publish(order)[0]

    row = shop.wait(number, "awaiting_payment")
    assert row["decline_code"] == "do_not_honour"
    shop.decide(number, "payment", payment=PAYS_WITH)

    assert shop.wait(number, "completed")["charged"] == 1_000
    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000)]
    shop.until(lambda: "payment_failed" in {mail["notice_kind"] for mail in shop.mails(order)}, "the mail")


def test_a_window_that_closes_cancels_the_order_and_gives_the_stock_back(shop: Shop) -> None:
    sku = shop.sku(EAST=2)
    number = shop.order(a_line(sku, 2), payment=card("tok_insufficient_funds"))
    shop.wait(number, "awaiting_payment")
    assert shop.stock(sku) == (2, 2)
    with pytest.raises(OmsError, match="A card needs a token"):
        shop.decide(number, "payment", payment={"kind": "card", "token": ""})
    shop.decide(number, "payment", payment={"kind": "card", "token": "tok_decline"})

    row = shop.wait(number, "cancelled")

    assert row["cancelled_cause"] == "payment_declined"
    shop.until(lambda: shop.stock(sku) == (2, 0), "the stock to be given back")
    assert shop.gateway_effects(number) == []
    assert shop.facts(number).count("order.payment-window-opened") == 2


@pytest.mark.parametrize(
    "token", ["tok_timeout_after_effect", "tok_timeout_before_effect", "tok_server_error_once"]
)
def test_an_authorisation_without_an_answer_is_asked_again_and_takes_effect_once(shop: Shop, token: str) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), payment=card(token))

    shop.wait(number, "completed")

    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000)]
    assert "payment.gateway-outcome-unknown" in shop.facts(number)


def test_a_capture_without_an_answer_is_asked_again_and_takes_effect_once(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), payment=card("tok_capture_timeout_after_effect"))

    assert shop.wait(number, "completed")["charged"] == 1_000

    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000)]


def test_a_capture_refused_after_dispatch_is_tried_again(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), payment=card("tok_capture_refused_once"))

    assert shop.wait(number, "completed")["charged"] == 1_000

    assert shop.facts(number).count("order.capture-delayed") == 1
    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000)]


def test_a_capture_refused_for_good_ends_on_a_hold_of_the_payments_team(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), payment=card("tok_capture_refused"))

    hold = shop.wait_for_hold(number, "capture_refused")

    assert hold["owner"] == "payments"
    assert shop.facts(number).count("order.capture-delayed") == 3
    assert shop.wait(number, "delivered")["charged"] == 0
    shop.decide(number, f"holds/{hold['hold_id']}/release")
    shop.until(lambda: shop.facts(number).count("order.capture-delayed") == 4, "another attempt", number=number)
    assert shop.wait_for_hold(number, "capture_refused")


def test_orders_wait_while_the_gateway_is_down_and_go_on_afterwards(shop: Shop) -> None:
    with shop.trouble("gateway", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)))
        shop.wait_for_fact(number, "payment.gateway-outcome-unknown")

    shop.wait(number, "completed")
    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000)]


def test_an_authorisation_that_is_about_to_expire_is_renewed_before_the_goods_leave(shop: Shop) -> None:
    with shop.trouble("carrier", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)), payment=card("tok_expires_soon"))
        shop.wait_for_fact(number, "payment.authorisation-renewed")

    assert shop.wait(number, "completed")["charged"] == 1_000


def test_a_refund_pays_back_once_and_never_more_than_was_captured(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    shop.wait(number, "completed")

    def refund(key: str, amount: int) -> int:
        body = {"amount": amount, "currency": "USD", "reason": "it was scratched"}
        path = f"/payments/{number}/refund"
        return shop.ask("POST", "payment", path, json=body, headers={"Idempotency-Key": key}).status_code

    assert [refund("R1", 400), refund("R1", 400)] == [202, 202]
    assert refund("R1", 500) == 409
    assert refund("R2", 601) == 409
    shop.until(lambda: ("refund", 400) in shop.gateway_effects(number), "the refund", number=number)
    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000), ("refund", 400)]


def test_the_ledger_balances_in_every_currency(shop: Shop) -> None:
    numbers = [
        shop.order(a_line(shop.sku(EAST=1), unit_price=price), currency=currency)
        for price, currency in ((1_999, "EUR"), (500, "JPY"))
    ]
    shop.wait_all(numbers, "completed")

    def balanced() -> bool:
        summary = shop.client.get("payment", "/ledger/summary")
        return bool(summary["balanced"] and {"USD", "EUR", "JPY"} <= summary["currencies"].keys())

    shop.until(balanced, "the ledger to balance")

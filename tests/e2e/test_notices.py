"""What customers are told: once for each kind, in their language, however the mail server does."""

from collections import Counter

from shared.events.values import Customer, PaymentMethod
from tests.e2e.orders import a_line, an_order, fresh
from tests.e2e.shop import Shop

PREPAID = PaymentMethod(kind="prepaid", reference="paypal-78")


def test_each_kind_of_notice_is_sent_once_in_the_language_of_the_customer(shop: Shop) -> None:
    name = fresh("customer")
    chinese = Customer(id=name, name="李雷", email=f"{name}@example.com", language="zh")
    order = an_order(a_line(shop.sku(EAST=1), unit_price=1_299), customer=chinese)
    number = shop.publish(order)[0]
    shop.wait(number, "completed")

    shop.until(lambda: len(shop.mails(order)) == 3, "three mails", number=number)

    mails = {mail["notice_kind"]: mail for mail in shop.mails(order)}
    assert mails["confirmation"]["subject"] == f"您的订单 {number} 已确认"
    assert "李雷" in mails["confirmation"]["text"]
    assert "12.99" in mails["confirmation"]["text"]
    assert shop.shipments(number)[0]["tracking_number"] in mails["dispatch"]["text"]
    assert "送达" in mails["delivered"]["text"]
    assert len({mail["notice_id"] for mail in mails.values()}) == 3


def test_a_customer_without_an_address_is_told_nothing_and_gets_the_goods(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)), customer=Customer(id=fresh("customer"), name="Bob"))

    shop.wait(number, "completed")

    def told() -> dict[str, str]:
        return {notice["kind"]: notice["status"] for notice in shop.notices(number)}

    shop.until(lambda: "delivered" in told(), "the last notice", number=number)
    assert set(told().values()) == {"failed"}


def test_a_mail_server_that_is_down_delays_and_loses_nothing(shop: Shop) -> None:
    orders = [an_order(a_line(shop.sku(EAST=1))) for _ in range(3)]
    with shop.trouble("mailbox", "down"):
        numbers = shop.publish(*orders)
        shop.wait_all(numbers, "completed")
        shop.wait_for_fact(numbers[0], "notification.notice-delayed")
        assert shop.mails(orders[0]) == []

    for order, number in zip(orders, numbers, strict=True):
        shop.until(lambda order=order: len(shop.mails(order)) == 3, "three mails", number=number)  # type: ignore[misc]  # mypy can't infer a lambda with a default
        assert len({mail["notice_kind"] for mail in shop.mails(order)}) == 3


def test_a_mail_server_that_refuses_for_now_is_asked_again(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)))
    with shop.trouble("mailbox", "reject_temporarily"):
        number = shop.publish(order)[0]
        shop.wait_for_fact(number, "notification.notice-delayed")

    shop.until(lambda: len(shop.mails(order)) == 3, "three mails", number=number)


def test_a_mail_server_that_refuses_for_good_is_not_asked_again(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)))
    with shop.trouble("mailbox", "reject_permanently"):
        number = shop.publish(order)[0]
        shop.wait(number, "completed")

        def failed() -> bool:
            return Counter(notice["status"] for notice in shop.notices(number)) == {"failed": 3}

        shop.until(failed, "three notices to fail", number=number)

    assert shop.mails(order) == []


def test_a_notice_that_failed_is_sent_once_a_person_asks_for_it(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)), delivery="collect", payment=PREPAID)
    with shop.trouble("mailbox", "reject_permanently"):
        number = shop.publish(order)[0]

        def failed() -> bool:
            return [notice["status"] for notice in shop.notices(number)] == ["failed"] * 3

        shop.until(failed, "three notices to fail", number=number)

    again = f"/notices/{number}-confirmation/send"
    first = shop.ask("POST", "notification", again, json={"reason": "the mail server takes mails again"})
    shop.until(lambda: len(shop.mails(order)) == 1, "the mail", number=number)
    second = shop.ask("POST", "notification", again, json={"reason": "once more"})

    assert (first.status_code, second.status_code) == (202, 409)
    assert second.headers["content-type"] == "application/problem+json"
    assert "already paid $10.00 for it where you ordered" in shop.mails(order)[0]["text"]
    assert "You can collect it" in shop.mails(order)[0]["text"]
    assert shop.ask("POST", "notification", "/notices/nobody-delay/send", json={"reason": "?"}).status_code == 404


def test_what_customers_write_can_do_no_harm_in_a_mail(shop: Shop) -> None:
    name = fresh("customer")
    tricky = Customer(
        id=name, name="Eve {{ order_number }} <b>\r\nBcc: all@example.com", email=f"{name}@example.com"
    )
    order = an_order(a_line(shop.sku(EAST=1)), customer=tricky)
    number = shop.publish(order)[0]
    shop.wait(number, "completed")

    shop.until(lambda: len(shop.mails(order)) == 3, "three mails", number=number)

    assert all(mail["to"] == [tricky.email] for mail in shop.mails(order))
    assert "Eve {{ order_number }} <b>" in shop.mails(order)[0]["text"]

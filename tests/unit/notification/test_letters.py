"""Every kind of notice in both languages."""

from typing import get_args

import pytest
from liquid.exceptions import UndefinedError

from services.notification.domain.due import Telling, due
from services.notification.letters import LOCALES, Letters
from shared.events.notification import NoticeKind
from tests.unit.notification.samples import (
    BACKORDERED,
    CANCELLED,
    CONFIRMED,
    DECLINED,
    DELAYED,
    DELIVERED,
    dispatched,
)

LETTERS = Letters()
TOLD: tuple[Telling, ...] = (
    CONFIRMED,
    BACKORDERED,
    DELAYED,
    dispatched(),
    dispatched(estimated=None),
    DELIVERED,
    CANCELLED,
    DECLINED,
)


def write(event: Telling, language: str = "en", name: str = "Ada Byron", **facts: str) -> tuple[str, str]:
    notice = due(event)
    letter = LETTERS.write(
        notice.kind,
        language,
        {
            "order_number": notice.order_number,
            "name": name,
            "payment": "card",
            "delivery": "ship",
            **notice.facts,
            **facts,
        },
    )
    return letter.subject, letter.body


def test_the_samples_are_of_every_kind() -> None:
    assert {due(event).kind for event in TOLD} == set(get_args(NoticeKind))


@pytest.mark.parametrize("language", sorted(LOCALES))
@pytest.mark.parametrize("event", TOLD)
def test_every_kind_renders_in_every_language(event: Telling, language: str) -> None:
    subject, body = write(event, language, name="李雷")

    assert "SO-7" in subject
    assert "\n" not in subject
    assert "李雷" in body
    assert "SO-7" in body
    assert "{" not in subject + body


def test_money_is_written_as_the_language_writes_it() -> None:
    assert "$15.00" in write(CONFIRMED)[1]
    assert "US$15.00" in write(CONFIRMED, "zh")[1]
    assert "¥15.00" in write(CONFIRMED, "zh", currency="CNY")[1]


@pytest.mark.parametrize(
    ("currency", "expected"),
    [("JPY", "¥1,500"), ("KWD", "KWD1.500"), ("IQD", "IQD1.5"), ("ALL", "ALL15")],
)
def test_minor_units_are_those_of_the_currency(currency: str, expected: str) -> None:
    assert expected in write(CONFIRMED, currency=currency)[1]


def test_a_day_is_written_as_the_language_writes_it() -> None:
    assert "March 5, 2026" in write(DELIVERED)[1]
    assert "2026年3月5日" in write(DELIVERED, "zh")[1]


def test_the_end_of_a_payment_window_names_its_time_zone() -> None:
    assert "March 5, 2026 9:30\u202fAM UTC" in write(DECLINED)[1]


def test_several_parcels_are_announced() -> None:
    assert "in 2 parcels" in write(CONFIRMED, parcels="2")[1]
    assert "parcels" not in write(CONFIRMED)[1]


def test_a_dispatch_without_tracking_does_not_speak_of_it() -> None:
    assert "Tracking number: CR123 (economy)\n" in write(dispatched())[1]
    assert "Tracking" not in write(dispatched(), tracking_number="")[1]


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("customer", "as you asked"),
        ("shortage", "do not have the goods"),
        ("reservation_expired", "do not have the goods"),
        ("payment_declined", "payment did not succeed"),
        ("operator", "by us"),
        ("rejected", "by us"),
    ],
)
def test_a_cancellation_says_why(cause: str, words: str) -> None:
    assert words in write(CANCELLED, cause=cause)[1]


@pytest.mark.parametrize(
    ("language", "facts", "says", "never"),
    [
        ("en", {}, "we will charge you $15.00", "already paid"),
        ("en", {"payment": "prepaid"}, "already paid $15.00 for it where you ordered", "will charge"),
        ("en", {"payment": "none", "amount": "0"}, "there is nothing to pay", "charge"),
        ("en", {"payment": "card", "amount": "0"}, "there is nothing to pay", "charge"),
        ("zh", {}, "我们将收取 US$15.00", "已在下单时支付"),
        ("zh", {"payment": "prepaid"}, "已在下单时支付 US$15.00", "我们将收取"),
        ("zh", {"payment": "none", "amount": "0"}, "无需付款", "收取"),
    ],
)
def test_a_confirmation_says_what_is_charged_and_by_whom(
    language: str, facts: dict[str, str], says: str, never: str
) -> None:
    _, body = write(CONFIRMED, language, **facts)

    assert says in body
    assert never not in body


@pytest.mark.parametrize(
    ("language", "payment", "says", "never"),
    [
        ("en", "card", "set aside for the payment is released", "paid back"),
        ("en", "prepaid", "What you paid where you ordered is paid back to you from there", "set aside"),
        ("en", "none", "There was nothing to pay", "set aside"),
        ("zh", "card", "为付款预留的金额已释放", "退还"),
        ("zh", "prepaid", "您下单时支付的款项将由下单渠道退还", "预留"),
        ("zh", "none", "无需付款", "预留"),
    ],
)
def test_a_cancellation_says_what_becomes_of_the_money(language: str, payment: str, says: str, never: str) -> None:
    _, body = write(CANCELLED, language, payment=payment)

    assert says in body
    assert never not in body


@pytest.mark.parametrize("parcels", ["1", "2"])
@pytest.mark.parametrize(
    ("language", "event", "says"),
    [
        ("en", CONFIRMED, "collect"),
        ("en", BACKORDERED, "You can collect them once they have arrived; you need not do anything."),
        ("en", dispatched(estimated=None), "3 items of your order SO-7 were handed over to you."),
        ("en", DELIVERED, "was collected on March 5, 2026"),
        ("zh", CONFIRMED, "自提"),
        ("zh", BACKORDERED, "到货后即可自提"),
        ("zh", dispatched(estimated=None), "订单 SO-7 中的 3 件商品已交付给您"),
        ("zh", DELIVERED, "自提"),
    ],
)
def test_what_is_collected_is_never_called_a_parcel_on_its_way(
    language: str, event: Telling, says: str, parcels: str
) -> None:
    letter = "".join(write(event, language, delivery="collect", parcels=parcels))

    assert says in letter
    for word in ("parcel", "warehouse", "on its way", "delivered", "will send", "包裹", "发货", "寄出", "送达"):
        assert word not in letter


def test_a_name_is_text_and_neither_markup_nor_template() -> None:
    _, body = write(CONFIRMED, name="O'Brien <b> & {{ amount }}")

    assert "Dear O'Brien <b> & {{ amount }}," in body


def test_a_value_can_not_break_its_line_or_turn_the_writing() -> None:
    subject, body = write(CONFIRMED, order_number="SO-7\r\nBcc: all@example.com", name="Ada\n\nPay\u202e here")

    assert subject == "Your order SO-7 Bcc: all@example.com is confirmed"
    assert "Dear Ada Pay  here," in body


def test_a_fact_that_is_missing_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(UndefinedError):
        LETTERS.write("confirmation", "en", {"order_number": "SO-7", "name": "Ada"})

"""The review's rules, as they are shipped and as they can go wrong."""

from pathlib import Path
from typing import Any

import pytest

from services.order.domain.content import frozen
from services.order.domain.customer import Customer
from services.order.domain.review import Review, ReviewFacts
from services.order.review import load_review
from services.order.settings import RULES
from shared.events.values import Shortage
from shared.eventsourcing.data_file import BadFile
from tests.unit.order.samples import ADDRESS, channel_order, line

SHIPPED = load_review(RULES)
LIMITED = Customer(credit_limit=2_000, currency="USD")


def reasons(
    review: Review = SHIPPED, customer: Customer | None = None, open_credit: int = 0, **order: Any
) -> list[str]:
    facts = ReviewFacts(
        occasion="order",
        order=frozen(channel_order(**order)),
        customer=customer or Customer(),
        open_credit=open_credit,
    )
    return [finding.reason for finding in review(facts)]


def test_an_ordinary_order_passes() -> None:
    assert reasons() == []


def test_an_order_over_the_limit_is_held() -> None:
    assert reasons(lines=(line(unit_price=10**8),)) == ["amount_over_limit"]


@pytest.mark.parametrize("field", ["street", "city"])
@pytest.mark.parametrize("blank", ["", "  ", "\t", "\r\n", "\u00a0", "\u3000"])
def test_an_address_without_street_or_city_is_held(field: str, blank: str) -> None:
    assert reasons(shipping_address=ADDRESS.model_copy(update={field: blank})) == ["address_missing"]
    assert reasons(shipping_address=ADDRESS.model_copy(update={field: f"{blank}x"})) == []


def test_a_postal_code_that_can_not_be_is_held_and_no_address_is_needed_to_collect() -> None:
    odd = ADDRESS.model_copy(update={"postal_code": "1"})
    assert reasons(shipping_address=odd) == ["address_implausible"]
    assert reasons(shipping_address=odd, delivery="collect") == []


def test_a_blocked_customer_is_held() -> None:
    assert reasons(customer=Customer(blocked=True)) == ["customer_blocked"]


@pytest.mark.parametrize(("open_credit", "held"), [(700, False), (701, True)])
def test_an_order_over_the_credit_limit_is_held(open_credit: int, held: bool) -> None:
    assert reasons(customer=LIMITED, open_credit=open_credit) == ["credit_limit_exceeded"] * held


def test_an_order_in_another_currency_than_the_credit_limit_is_held() -> None:
    assert reasons(customer=LIMITED, currency="EUR") == ["credit_limit_exceeded"]


def test_a_price_off_the_list_is_held_and_what_is_not_listed_is_not(tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("sku,currency,unit_price\nA,USD,499\nB,EUR,1\n")
    assert reasons(load_review(RULES, prices)) == ["price_off_list"]
    prices.write_text("sku,currency,unit_price\nA,USD,500\n")
    assert reasons(load_review(RULES, prices)) == []


def test_a_rule_may_ask_for_lines_that_the_price_list_has_no_price_for(tmp_path: Path) -> None:
    rules, prices = written(tmp_path, "order.lines_not_listed == 1", "price_off_list"), tmp_path / "prices.csv"
    prices.write_text("sku,currency,unit_price\nA,USD,500\nB,EUR,300\n")
    assert reasons(load_review(rules, prices)) == ["price_off_list"]
    assert reasons(load_review(rules)) == []


def test_several_findings_are_all_reported() -> None:
    order: dict[str, Any] = {
        "lines": (line(unit_price=10**8),),
        "shipping_address": ADDRESS.model_copy(update={"city": " "}),
    }
    assert reasons(customer=Customer(blocked=True), **order) == [
        "amount_over_limit",
        "address_missing",
        "customer_blocked",
    ]


@pytest.mark.parametrize(("unit_price", "found"), [(500, []), (10**8, ["shortage"])])
def test_a_shortage_of_a_large_order_alone_needs_a_person(unit_price: int, found: list[str]) -> None:
    facts = ReviewFacts(
        occasion="shortage",
        order=frozen(channel_order(lines=(line(unit_price=unit_price),))),
        shortages=(Shortage(line_id="L1", sku="A", missing=1),),
    )
    assert [finding.reason for finding in SHIPPED(facts)] == found


def test_a_payment_anomaly_needs_a_person() -> None:
    facts = ReviewFacts(occasion="payment_anomaly", order=frozen(channel_order()), anomaly="unknown capture")
    assert [(finding.reason, finding.owner) for finding in SHIPPED(facts)] == [("payment_anomaly", "payments")]


RULE = """
[[rule]]
reason = "{reason}"
owner = "sales"
when = "{when}"
explanation = "Look."
"""


def written(folder: Path, when: str, reason: str = "amount_over_limit") -> Path:
    file = folder / "rules.toml"
    file.write_text(RULE.format(reason=reason, when=when))
    return file


def test_a_rule_is_what_its_file_says(tmp_path: Path) -> None:
    review = load_review(written(tmp_path, "order.units >= 3 && order.lines == 2"))
    assert reasons(review) == ["amount_over_limit"]
    assert reasons(review, lines=(line(),)) == []


@pytest.mark.parametrize(
    ("when", "reason", "says"),
    [
        ("order.total >", "amount_over_limit", "amount_over_limit"),
        ("order.totl > 1", "amount_over_limit", "totl"),
        ("total > 1", "amount_over_limit", "total"),
        ("order.total > 'x'", "amount_over_limit", "amount_over_limit"),
        ("order.total", "amount_over_limit", "not true or false"),
        ("true", "bad_mood", "reason"),
    ],
)
def test_a_broken_rule_is_named_in_one_line(tmp_path: Path, when: str, reason: str, says: str) -> None:
    with pytest.raises(BadFile) as raised:
        load_review(written(tmp_path, when, reason))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_files_that_can_not_be_read_are_named_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[[rule]")
    unpriced = tmp_path / "prices.csv"
    unpriced.write_text("sku,currency,unit_price\nA,USD,x\n")
    for rules, prices in (
        (tmp_path / "none.toml", None),
        (broken, None),
        (RULES, tmp_path / "none.csv"),
        (RULES, unpriced),
    ):
        with pytest.raises(BadFile) as raised:
            load_review(rules, prices)
        assert "\n" not in str(raised.value)


def test_a_rule_that_fails_on_an_order_holds_it_for_a_person(tmp_path: Path) -> None:
    review = load_review(written(tmp_path, "100 / (order.units - 3) > 1000"))
    facts = ReviewFacts(occasion="order", order=frozen(channel_order()), customer=Customer())
    (finding,) = review(facts)
    assert finding.reason == "amount_over_limit"
    assert "can't be evaluated" in finding.explanation

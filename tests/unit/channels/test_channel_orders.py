"""Baskets as orders: the money adds up, and everything made up is made up the same way each time."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.completejourney.baskets import Basket, BasketLine, BasketReader
from channels.completejourney.households import CITIES, address_of, customer_of
from channels.completejourney.orders import order_of, restated
from shared.events.channel import ChannelOrderReceived

CENTS = st.integers(0, 100_000)


def _adds_up(order: ChannelOrderReceived) -> bool:
    """By the rule in the docstring of ChannelOrderReceived."""
    lines = sum(line.quantity * line.unit_price - line.discount + line.tax for line in order.lines)
    return order.total == lines - order.order_discount + order.shipping_charge + order.tax


def _basket(*lines: BasketLine) -> Basket:
    return Basket(
        basket_id=7, household_id=900, store_id=367, bought_at=datetime(2017, 1, 1, tzinfo=UTC), lines=lines
    )


@pytest.fixture(scope="module")
def baskets() -> list[Basket]:
    return list(islice(BasketReader(), 2_000))


def test_the_totals_of_real_orders_add_up_to_what_was_paid(baskets: list[Basket]) -> None:
    for basket in baskets:
        order = order_of(basket)
        assert _adds_up(order), order.channel_order_id
        assert order.total == sum(max(0, line.sales_value - line.coupon_discount) for line in basket.lines)


def test_every_line_of_a_real_order_is_worth_what_was_paid_for_it(baskets: list[Basket]) -> None:
    for basket in baskets:
        for stated, line in zip(order_of(basket).lines, basket.lines, strict=True):
            assert stated.quantity * stated.unit_price - stated.discount == line.paid
            assert stated.quantity * stated.unit_price - line.shelf_value in range(stated.quantity)


def test_real_orders_hold_to_the_contract(baskets: list[Basket]) -> None:
    for basket in baskets:
        order = order_of(basket)
        assert ChannelOrderReceived.model_validate_json(order.model_dump_json()) == order
        assert len({line.line_id for line in order.lines}) == len(order.lines)


@given(st.integers(1, 1_000), CENTS, CENTS, CENTS, CENTS)
def test_whatever_the_discounts_a_line_is_worth_what_was_paid(
    quantity: int, sales: int, retail: int, coupon: int, match: int
) -> None:
    (line,) = order_of(_basket(BasketLine(1, "Soup", quantity, sales, retail, coupon, match))).lines

    assert line.discount >= 0
    assert line.quantity * line.unit_price - line.discount == max(0, sales - coupon)


def test_an_order_says_where_it_comes_from() -> None:
    order = order_of(_basket(BasketLine(5_564_931, "Soup, 12 Oz", 3, 200, 50, 20, 0)))

    assert (order.channel, order.channel_order_id, order.currency) == ("store-367", "7", "USD")
    assert order.customer.email == "household-900@example.com"
    assert order.payment.token == "tok_900"
    (line,) = order.lines
    assert (line.sku, line.quantity, line.unit_price, line.discount) == ("5564931", 3, 84, 72)
    assert order.total == 180


def test_a_free_line_stays_at_no_charge() -> None:
    order = order_of(_basket(BasketLine(1, "Sample", 2, 0, 0, 0, 0), BasketLine(2, "Soup", 1, 99, 0, 0, 0)))

    assert [line.unit_price for line in order.lines] == [0, 99]
    assert order.total == 99


def test_a_restated_order_differs_in_one_line_and_its_time_and_adds_up() -> None:
    order = order_of(_basket(BasketLine(1, "Rice", 1, 150, 0, 0, 0), BasketLine(2, "Soup", 3, 200, 50, 20, 0)))

    again = restated(order, timedelta(minutes=30), 1)

    assert again.channel_updated_at - order.channel_updated_at == timedelta(minutes=30)
    assert again.lines[0] == order.lines[0]
    assert again.lines[1].quantity == 4
    assert _adds_up(again)


def test_the_made_up_people_are_the_same_each_time_and_spread_over_the_country() -> None:
    households = range(1, 2_470)

    assert [customer_of(each) for each in households] == [customer_of(each) for each in households]
    assert {address_of(each).city for each in households} == {city.name for city in CITIES}
    chinese = sum(customer_of(each).language == "zh" for each in households)
    assert 0.03 < chinese / len(households) < 0.07


def test_the_shares_of_orders_that_may_be_split_or_wait_are_as_stated(baskets: list[Basket]) -> None:
    orders = [order_of(basket) for basket in baskets]

    assert 0.25 < sum(order.allow_partial for order in orders) / len(orders) < 0.35
    assert 0.15 < sum(order.allow_backorder for order in orders) / len(orders) < 0.25
    assert 0.02 < sum(order.priority > 0 for order in orders) / len(orders) < 0.08

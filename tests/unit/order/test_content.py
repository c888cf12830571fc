"""Numbers, frozen money and prices of fulfilments."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.order.domain.content import digest, frozen, skus_of, stated_total
from services.order.domain.number import CROCKFORD, order_number
from services.order.domain.pricing import price
from shared.events.channel import ChannelOrderLine, ChannelOrderReceived
from shared.events.values import FulfilmentPlan, RequestedLine, Shortage
from tests.unit.order.samples import SPLIT, T0, channel_order, line, plan

AMOUNTS = st.integers(0, 5_000)


@st.composite
def orders(draw: st.DrawFn) -> ChannelOrderReceived:
    """Orders whose total adds up, with discounts up to all they are worth."""
    lines = tuple(
        ChannelOrderLine(
            line_id=f"L{place}",
            sku=f"S{place}",
            quantity=draw(st.integers(1, 9)),
            unit_price=draw(AMOUNTS),
            discount=draw(AMOUNTS),
            tax=draw(st.integers(0, 300)),
        )
        for place in range(draw(st.integers(1, 6)))
    )
    shipping, tax = draw(AMOUNTS), draw(AMOUNTS)
    worth = sum(one.quantity * one.unit_price - one.discount + one.tax for one in lines) + shipping + tax
    if worth < 0:
        shipping, worth = shipping - worth, 0
    discount = draw(st.integers(0, worth))
    return channel_order(lines=lines, shipping_charge=shipping, tax=tax, order_discount=discount)


@given(orders())
def test_the_values_of_all_lines_add_up_to_the_total_and_none_is_negative(order: ChannelOrderReceived) -> None:
    assert stated_total(order) == order.total
    values = [one.value for one in frozen(order).lines]
    assert sum(values) == order.total
    assert min(values) >= 0


@given(orders(), st.data())
def test_any_way_of_cutting_an_order_into_fulfilments_adds_up(
    order: ChannelOrderReceived, data: st.DataObject
) -> None:
    content = frozen(order)
    plans = []
    left = {one.line_id: one.quantity for one in content.lines}
    for number in range(data.draw(st.integers(1, 3))):
        parts = tuple(
            RequestedLine(line_id=one.line_id, sku=one.sku, quantity=taken)
            for one in content.lines
            if (taken := data.draw(st.integers(0, left[one.line_id])))
        )
        for part in parts:
            left[part.line_id] -= part.quantity
        plans.append(FulfilmentPlan(fulfilment_id=f"F{number}", location="EAST", lines=parts))
    pricing = price(content, plans)
    assert sum(one.amount for one in pricing.fulfilments) + pricing.dropped_amount == content.total
    assert all(one.amount >= 0 for one in pricing.fulfilments)
    assert pricing.dropped_amount >= 0
    assert {one.line_id: one.missing for one in pricing.dropped} == {k: v for k, v in left.items() if v}


def test_order_discount_shipping_and_tax_are_shared_by_line_value() -> None:
    order = channel_order(lines=(line(), line("L2", "B", 1, 500)), order_discount=300, shipping_charge=150, tax=3)
    assert [one.value for one in frozen(order).lines] == [902, 451]


def test_a_line_without_charges_is_worth_its_own_price() -> None:
    order = channel_order(lines=(line(discount=1, tax=2), line("L2", "B", 1, 300)))
    assert [one.value for one in frozen(order).lines] == [1001, 300]


def test_shipping_on_free_lines_is_shared_equally() -> None:
    order = channel_order(lines=(line(unit_price=0), line("L2", "B", 1, 0)), shipping_charge=7)
    assert [one.value for one in frozen(order).lines] == [4, 3]


def test_the_units_of_a_split_line_are_counted_off_over_the_fulfilments() -> None:
    content = frozen(channel_order(lines=(line(quantity=2, unit_price=500, discount=1), line("L2", "B", 1, 300))))
    pricing = price(content, SPLIT)
    assert [one.amount for one in pricing.fulfilments] == [500 + 300, 499]
    assert pricing.dropped == ()


def test_units_that_no_fulfilment_holds_are_dropped_with_their_value() -> None:
    content = frozen(channel_order())
    pricing = price(content, [plan(1, ("L1", "A", 1))])
    assert pricing.dropped == (
        Shortage(line_id="L1", sku="A", missing=1),
        Shortage(line_id="L2", sku="B", missing=1),
    )
    assert pricing.dropped_amount == 800


def test_a_fulfilment_of_more_units_than_were_ordered_is_an_error() -> None:
    with pytest.raises(ValueError, match="do not lie within"):
        price(frozen(channel_order()), [plan(1, ("L1", "A", 3))])


def test_the_number_is_sixty_bits_of_the_hash_in_three_groups_without_letters_that_are_misread() -> None:
    number = order_number("web", "1001")
    assert number == "8REJ-H9VB-YJ01"
    assert set(number) <= {*CROCKFORD, "-"}


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_same_order_always_has_the_same_number_and_another_channel_another(channel: str, name: str) -> None:
    assert order_number(channel, name) == order_number(channel, name)
    assert order_number(channel + "x", name) != order_number(channel, name)


def test_statements_that_differ_in_their_time_alone_say_the_same() -> None:
    later = channel_order(channel_updated_at=T0 + timedelta(hours=1))
    assert digest(frozen(later)) == digest(frozen(channel_order()))
    assert digest(frozen(channel_order(notes="ring twice"))) != digest(frozen(channel_order()))


def test_attributes_in_another_order_say_the_same() -> None:
    one, other = channel_order(attributes={"a": "1", "b": "2"}), channel_order(attributes={"b": "2", "a": "1"})
    assert digest(frozen(one)) == digest(frozen(other))


def test_each_sku_is_named_once() -> None:
    order = channel_order(lines=(line(), line("L2", "B", 1, 300), line("L3", "A", 1, 500)))
    assert skus_of(frozen(order)) == ("A", "B")

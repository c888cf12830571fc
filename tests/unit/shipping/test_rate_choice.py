"""Which of the carrier's services takes a parcel."""

from datetime import timedelta

import pytest

from services.shipping.domain.rate_choice import choose_rate, keeps_promise
from shared.eventsourcing.testing import NOON
from tests.unit.shipping.road import ECONOMY, EXPRESS, QUOTES, STANDARD


def test_the_cheapest_service_that_keeps_the_promise_is_chosen() -> None:
    assert choose_rate(QUOTES, NOON + timedelta(days=3), NOON) == STANDARD


def test_without_a_promise_the_cheapest_service_is_chosen() -> None:
    assert choose_rate(QUOTES, None, NOON) == ECONOMY


def test_where_no_service_keeps_the_promise_the_fastest_is_chosen() -> None:
    assert choose_rate(QUOTES, NOON + timedelta(hours=23), NOON) == EXPRESS


def test_the_choice_does_not_depend_on_the_order_of_the_quotes() -> None:
    twin = STANDARD.model_copy(update={"service": "another"})
    for deliver_by in (None, NOON):
        assert choose_rate((STANDARD, twin), deliver_by, NOON) == twin
        assert choose_rate((twin, STANDARD), deliver_by, NOON) == twin


def test_equally_fast_services_that_are_late_are_told_apart_by_price() -> None:
    dear = EXPRESS.model_copy(update={"amount": 5000})
    assert choose_rate((dear, EXPRESS), NOON, NOON) == EXPRESS


def test_a_promise_is_kept_to_the_moment() -> None:
    assert keeps_promise(EXPRESS, NOON + timedelta(days=1), NOON)
    assert not keeps_promise(EXPRESS, NOON + timedelta(days=1, seconds=-1), NOON)


def test_nothing_can_be_chosen_from_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        choose_rate((), None, NOON)

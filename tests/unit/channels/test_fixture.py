"""The channel's stream: real orders with mischief that can be repeated."""

from collections import Counter
from datetime import timedelta

import pytest

from channels.completejourney.fixture import Fixture, Statement


@pytest.fixture(scope="module")
def statements() -> list[Statement]:
    return list(Fixture(2_000, seed=7))


def _key(statement: Statement) -> str:
    return statement.order.channel_order_id


def test_the_same_seed_makes_the_same_stream() -> None:
    assert list(Fixture(300, seed=3)) == list(Fixture(300, seed=3))
    fixture = Fixture(300, seed=3)
    assert list(fixture) == list(fixture)


def test_another_seed_makes_other_mischief_of_the_same_orders() -> None:
    first, second = list(Fixture(1_000, seed=1)), list(Fixture(1_000, seed=2))

    assert [each for each in first if each.kind == "order"] == [each for each in second if each.kind == "order"]
    assert [each for each in first if each.kind != "order"] != [each for each in second if each.kind != "order"]


def test_a_longer_stream_begins_with_the_same_orders() -> None:
    short = [each.order for each in Fixture(100) if each.kind == "order"]
    long = [each.order for each in Fixture(200) if each.kind == "order"]

    assert len(short) == 100
    assert long[:100] == short


def test_mischief_has_its_shares(statements: list[Statement]) -> None:
    kinds = Counter(statement.kind for statement in statements)

    assert kinds["order"] == 2_000
    assert 0.005 < kinds["duplicate"] / 2_000 < 0.015
    assert 0.005 < kinds["restatement"] / 2_000 < 0.015
    assert 0.002 < kinds["stale"] / 2_000 < 0.01


def test_mischief_comes_after_its_order_and_is_what_it_says(statements: list[Statement]) -> None:
    original = {}
    for statement in statements:
        order = statement.order
        if statement.kind == "order":
            original[_key(statement)] = order
            continue
        before = original[_key(statement)]
        changed = sum(one != other for one, other in zip(order.lines, before.lines, strict=True))
        newer = order.channel_updated_at - before.channel_updated_at
        match statement.kind:
            case "duplicate":
                assert order == before
            case "restatement":
                assert (newer > timedelta(), changed) == (True, 1)
            case "stale":
                assert (newer < timedelta(), changed) == (True, 1)


def test_the_dirt_of_the_stream_is_that_of_its_baskets() -> None:
    fixture = Fixture(100)
    list(fixture)

    assert fixture.dirt.baskets - fixture.dirt.empty_baskets == 100

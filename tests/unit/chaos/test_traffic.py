"""What the load consists of: the same for the same seed, and as bad as it says."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from channels.publishing import IntakeMessage
from services.order.reading import Fault, read_order
from shared.events.channel import ChannelOrderReceived
from shared.eventsourcing.messages import Record
from shared.eventsourcing.reading import read_contract
from tests.chaos.traffic import Load, Mischief, Sending

BEGAN = datetime(2026, 3, 2, tzinfo=UTC)


def _all(load: Load) -> list[Sending]:
    return list(load.sendings(BEGAN))


def _by_key(sendings: list[Sending], key: bytes) -> list[Sending]:
    return [one for one in sendings if one.message.key == key]


def test_the_same_seed_is_the_same_load_and_another_one_another() -> None:
    load = Load(seed=1, rate=50, seconds=20)

    assert _all(load) == _all(Load(seed=1, rate=50, seconds=20))
    assert [one.message for one in _all(load)] != [one.message for one in _all(Load(seed=2, rate=50, seconds=20))]
    assert load.stock() == Load(seed=1, rate=50, seconds=20).stock()


def test_every_order_is_sent_once_as_an_order_at_the_given_rate() -> None:
    sendings = _all(Load(seed=1, rate=50, seconds=20))

    orders = [one for one in sendings if one.what == "order"]
    assert len({one.number for one in orders}) == len(orders) == 1_000
    assert [one.at_s for one in sendings] == sorted(one.at_s for one in sendings)
    assert 490 <= sum(1 for one in sendings if one.what == "order" and one.at_s < 10) <= 500


def test_every_second_order_comes_over_http_and_is_repeated_there_or_on_the_topic() -> None:
    sendings = _all(Load(seed=1, rate=50, seconds=60))

    orders = [one for one in sendings if one.what == "order"]
    assert sum(one.door == "http" for one in orders) == len(orders) / 2
    repeated = [one for one in sendings if one.what == "double" and one.door == "http"]
    assert repeated
    for again in repeated:
        [order] = _by_key(orders, again.message.key)
        assert (again.message, order.door) == (order.message, "http")
    assert {one.door for one in sendings if one.what in ("older", "poison")} == {"topic"}


def test_shares_of_what_goes_wrong_are_as_stated() -> None:
    sendings = _all(Load(seed=1, rate=50, seconds=400))

    counts = Counter(one.what for one in sendings)
    assert counts["double"] / counts["order"] == pytest.approx(0.05, rel=0.1)
    assert counts["poison"] / counts["order"] == pytest.approx(0.001, rel=0.5)
    held_back = sum(1 for earlier, later in _neighbours(sendings) if later < earlier)
    assert (held_back + counts["older"]) / counts["order"] == pytest.approx(0.05, rel=0.15)


def _neighbours(sendings: list[Sending]) -> list[tuple[datetime, datetime]]:
    """The times of each order and of the newest one sent before it."""
    pairs, newest = [], BEGAN
    for one in sendings:
        if one.order is not None:
            pairs.append((newest, one.order.placed_at))
            newest = max(newest, one.order.placed_at)
    return pairs


def test_an_older_statement_is_sent_after_the_newer_one_and_says_something_else() -> None:
    sendings = _all(Load(seed=1, rate=50, seconds=60))

    for older in [one for one in sendings if one.what == "older"]:
        [newer] = [one for one in _by_key(sendings, older.message.key) if one.what == "order"]
        stated = ChannelOrderReceived.model_validate_json(older.message.value)
        assert newer.order is not None
        assert older.at_s > newer.at_s
        assert stated.channel_updated_at < newer.order.channel_updated_at
        assert stated.total > newer.order.total


def test_poison_is_never_taken_for_an_order_and_each_is_unlike_any_other() -> None:
    load = Load(seed=1, rate=50, seconds=20, mischief=Mischief(poison=0.2))
    poison = [one.message for one in _all(load) if one.what == "poison"]

    assert len({message.value for message in poison}) == len(poison) > 100
    assert not any(_is_an_order(message) for message in poison)


def _is_an_order(message: IntakeMessage) -> bool:
    return not isinstance(read_order(message.value), Fault)


def test_every_order_can_be_read_by_the_intake() -> None:
    read = read_contract({ChannelOrderReceived.wire_type: ChannelOrderReceived})

    for one in _all(Load(seed=1, rate=50, seconds=5)):
        if one.what != "poison":
            arrival = read(
                Record(
                    topic="channel.orders",
                    partition=0,
                    offset=0,
                    key=one.message.key,
                    value=one.message.value,
                    headers=tuple(one.message.headers),
                )
            )
            assert arrival is not None
            assert _is_an_order(one.message)


def test_of_scarce_goods_there_is_less_than_is_wanted() -> None:
    load = Load(seed=1, rate=50, seconds=60)
    there: Counter[str] = Counter()
    for receipt in load.stock():
        there[receipt.sku] += receipt.quantity
    wanted: Counter[str] = Counter()
    for one in _all(load):
        for line in one.order.lines if one.order else ():
            wanted[line.sku] += line.quantity

    assert sum(wanted[sku] > there[sku] > 0 for sku in there if sku.startswith("scarce")) > 15
    assert all(wanted[sku] <= there[sku] for sku in there if sku.startswith("plenty"))

"""Two instances of every service: they share the work and hand it over, and a zombie writes nothing."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from deploy.local.topics import topics_of
from oms.client import SERVICES
from services.order.translate import INTAKE
from shared.events.cloudevents import source_of
from tests.e2e.conftest import SETTINGS, TROUBLES
from tests.e2e.instances import Leave, Twins, at_once, frozen, killed, stopped
from tests.e2e.kafka import Message
from tests.e2e.lanes import repeats_of
from tests.e2e.shop import Shop
from tests.e2e.traffic import Traffic
from tests.extent import extent

pytestmark = TROUBLES

TOPICS = tuple(name for topic in topics_of("all") if (name := topic.name.removeprefix("all.")) != INTAKE)
"""All but the intake, where partners write what they like."""


class Heads(NamedTuple):
    """How far the logs of all services are."""

    by_lane: dict[tuple[str, int], int]

    @classmethod
    def now(cls, shop: Shop) -> "Heads":
        return cls(
            {
                (source_of(of), row["lane"]): row["head"]
                for of in SERVICES
                for row in shop.client.get(of, "/operations/lanes")["lanes"]
            }
        )


@pytest.fixture(scope="module")
def twins(shop: Shop) -> Iterator[Twins]:
    """A second instance of every service, for the tests of this file."""
    both = Twins(shop, shop.add_instances("twin", SETTINGS))
    yield both
    at_once(both.second, shop.terminate)


WAYS: tuple[tuple[Leave, str], ...] = ((killed, "second"), (stopped, "first"), (frozen, "first"))


@pytest.mark.parametrize(("leave", "which"), WAYS[: extent(part=1, whole=3)])
def test_while_one_instance_is_away_the_other_does_all_the_work_and_nothing_is_lost_or_doubled(
    shop: Shop, twins: Twins, leave: Leave, which: str
) -> None:
    leaving, staying = (twins.first, twins.second) if which == "first" else (twins.second, twins.first)
    traffic = Traffic(shop, doors=[one for one in (*leaving, *staying) if one.startswith("order")])
    twins.shared_out()
    traffic.flows()

    with leave(shop, leaving):
        traffic.flows(5)
        twins.all_held_by(staying)
        twins.serve(staying, traffic.numbers)
    twins.shared_out()

    traffic.arrives_once()
    expect_lanes_in_order(shop)


def test_a_zombie_writes_nothing_once_its_leases_have_passed_on(shop: Shop, twins: Twins) -> None:
    """Frozen in the thick of it, past lease and session, it wakes and finds the others done.

    No cursor goes back, and what it holds from then on it has leased anew. The broker knows nothing of our leases:
    what was in its hands when it froze may still reach a topic, where it repeats what the others have published.
    Of anything younger, or new, there is nothing.
    """
    traffic = Traffic(shop)
    twins.shared_out()
    traffic.flows(60)
    traffic.is_in_mid_flow()

    with frozen(shop, twins.second):
        heads = Heads.now(shop)
        lost = twins.of_second(twins.holds(twins.first))
        assert {of for of, _, _ in lost} == set(SERVICES)
        taken = twins.all_held_by(twins.first)
        traffic.arrives_once()
        before = {topic: shop.topic(topic) for topic in TOPICS}
        positions = twins.holds(twins.first)
    after = twins.shared_out()

    assert all(taken[place].epoch > hold.epoch for place, hold in lost.items())
    assert all(after[place].position >= hold.position for place, hold in positions.items())
    assert all(hold.epoch > taken[place].epoch for place, hold in twins.of_second(after).items())
    for topic in TOPICS:
        expect_only_old_repeats(before[topic], shop.topic(topic), heads)
    traffic.arrives_once()


def expect_only_old_repeats(before: list[Message], after: list[Message], heads: Heads) -> None:
    """What was repeated meanwhile was in the log before the heads were where they are."""
    known = {message.place for message in before}
    repeated = [one for one in repeats_of(after) if one.place not in known]
    assert [one for one in repeated if one.position > heads.by_lane[one.source, one.lane]] == []


def expect_lanes_in_order(shop: Shop) -> None:
    """On every topic every lane rises, but for repeats."""
    for topic in TOPICS:
        repeats_of(shop.topic(topic))

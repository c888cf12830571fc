"""What stands in the topics is what the stores hold, and what was answered over HTTP is an order."""

from collections.abc import Callable

import pytest

from oms.client import Client
from oms.verify.logs import Logs
from oms.verify.published import Published
from shared.events.cloudevents import Metadata, headers_of
from shared.eventsourcing.broker import Outgoing
from tests.memory_topics import MemoryTopics
from tests.unit.oms.stack import Services
from tests.unit.oms.world import NUMBER, World, expect_found, sound_world

EVENTS = ("order.events", 1)
"""Where the facts of the order service stand: those of lane 1."""
STRANGER = "00000000-0000-0000-0000-00000000ffff"


def passed_over(world: World) -> None:
    del world.cluster.topics["inventory.commands", 1][-1]


def for_a_topic_that_is_not_there(world: World) -> None:
    world.record("order", "", "nobody.knows", topic="nobody.commands")


def passed_over_in_the_middle(world: World) -> None:
    for _ in range(2):
        world.place_another()
    world.cluster.topics[EVENTS].pop(2)


def of_no_store(world: World) -> None:
    world.publish("order", world.logs["order"][-1], id=STRANGER, position=99)


def under_the_id_of_another(world: World) -> None:
    world.publish("order", world.logs["order"][-1], id=STRANGER)


def of_nobody(world: World) -> None:
    world.cluster.append(Outgoing(topic="order.commands", lane=0, key=b"", value=b"rubbish", headers=[]))


def of_a_partner(world: World, topic: str) -> None:
    headers = headers_of(Metadata(id=STRANGER, source="/warehouse", type="inventory.receive-stock.v1"))
    world.cluster.append(Outgoing(topic=topic, lane=0, key=b"", value=b"{}", headers=headers))


def a_fact_of_a_partner(world: World) -> None:
    of_a_partner(world, "inventory.events")


def in_another_partition(world: World) -> None:
    world.publish("order", world.logs["order"][0], lane=5)


def in_a_partition_of_fewer(world: World) -> None:
    """Where lane 1 would be if there were one partition, though nothing has changed since."""
    world.publish("order", world.logs["order"][-1], lane=0)


def in_another_topic(world: World) -> None:
    world.publish("order", world.logs["order"][0], topic="order.commands")


def overtaken(world: World) -> None:
    world.place_another()
    records = world.cluster.topics[EVENTS]
    records[-1], records[-2] = records[-2], records[-1]


def answered_and_not_there(world: World) -> None:
    created = {"order_number": "SO-9", "outcome": "placed"}
    world.answers.append({"message_id": STRANGER, "outcome": "created", "body": created})


def answered_and_placed_by_another_message(world: World) -> None:
    world.answers[0]["message_id"] = STRANGER


def accepted_and_not_there(world: World) -> None:
    accepted = {"order_number": "SO-9", "outcome": "replaced"}
    world.answers.append({"message_id": STRANGER, "outcome": "accepted", "body": accepted})


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (
            passed_over,
            ("5 stored = published", "order lane 1", "past position 3, and it does not stand in inventory"),
        ),
        (
            for_a_topic_that_is_not_there,
            ("5 stored = published", "order lane 1", "past position 5, and there is no nobody.commands"),
        ),
        (passed_over_in_the_middle, ("5 stored = published", "order lane 1", "past position 5, and it does not")),
        (of_no_store, ("5 stored = published", "order.events/1/2", f"{STRANGER} stands here and is in no store")),
        (
            under_the_id_of_another,
            ("5 stored = published", "order.events/1/2", f"{STRANGER} stands here and is in no store"),
        ),
        (
            of_nobody,
            ("5 stored = published", "order.commands/0/0", "a record without an id stands here and is in no"),
        ),
        (
            a_fact_of_a_partner,
            ("5 stored = published", "inventory.events/0/0", f"{STRANGER} stands here and is in no store"),
        ),
        (
            in_another_partition,
            ("5 stored = published", "order.events/5/0", "order lane 1 stands here, and its partition is 1"),
        ),
        (
            in_a_partition_of_fewer,
            ("5 stored = published", "order.events/0/0", "order lane 1 stands here, and its partition is 1"),
        ),
        (
            in_another_topic,
            ("5 stored = published", "order.commands/1/0", "order 1:1 stands here, and its topic is order.events"),
        ),
        (
            overtaken,
            ("5 stored = published", "order.events/1/1", "1:4 stands here for the first time, behind 1:5"),
        ),
        (
            answered_and_not_there,
            ("1 accepted over HTTP", "SO-9", f"as created by message {STRANGER}, which placed no such order"),
        ),
        (
            answered_and_placed_by_another_message,
            ("1 accepted over HTTP", NUMBER, f"as created by message {STRANGER}, which placed no such order"),
        ),
        (accepted_and_not_there, ("1 accepted over HTTP", "SO-9", "was answered as accepted")),
    ],
)
def test_a_planted_fault_is_found_and_named(
    services: Services, plant: Callable[[World], None], expected: tuple[str, str, str]
) -> None:
    expect_found(services, plant, expected)


def test_one_fault_in_the_topics_is_one_finding(services: Services) -> None:
    for plant in (passed_over, of_no_store, in_another_partition, in_another_topic, overtaken):
        world = sound_world()
        plant(world)

        assert len([one for one in world.findings(services) if one.invariant == "5 stored = published"]) == 1


def test_a_message_that_comes_again_is_no_finding(services: Services) -> None:
    world = sound_world()
    world.place_another()
    world.reminders = [{"type": "order.deadline.v1", "correlation_id": "SO-8", "due_at": "2999-01-01T00:00:00Z"}]
    for entry in world.logs["order"]:
        world.publish("order", entry)

    assert world.findings(services) == []


def test_a_topic_is_judged_from_its_first_record_on_after_retention(services: Services) -> None:
    world = sound_world()
    del world.cluster.topics[EVENTS][:1]

    assert world.findings(services) == []


def test_a_topic_that_was_made_anew_is_judged_from_its_first_record_on(services: Services) -> None:
    world = sound_world()
    world.cluster.topics["inventory.events", 1] = []
    world.receive(5)
    world.receive(6)

    sound = world.findings(services)
    world.receive(7)
    world.receive(8)
    world.cluster.topics["inventory.events", 1].pop(2)

    assert sound == []
    assert [(one.where, one.what) for one in world.findings(services)] == [
        ("inventory lane 1", "the relay is past position 6, and it does not stand in inventory.events")
    ]


def test_a_topic_that_was_made_anew_may_be_filled_again_from_the_store(services: Services) -> None:
    world = sound_world()
    world.cluster.topics["inventory.events", 1] = []
    world.receive(5)
    for entry in world.logs["inventory"]:
        world.publish("inventory", entry)

    assert world.findings(services) == []


def test_a_topic_that_was_given_more_partitions_keeps_what_came_before(services: Services) -> None:
    world = sound_world()
    world.cluster.topics["order.events", 0] = world.cluster.topics.pop(EVENTS)
    last = world.logs["order"][-1]
    world.publish("order", last)
    world.record("order", "order-SO-7", "order.restatement-ignored", order_number=NUMBER)

    assert world.findings(services) == []


def test_a_record_that_a_person_answers_for_is_accounted_for(services: Services) -> None:
    world = sound_world()
    of_nobody(world)
    world.parked["order"].append({"message_id": "", "origin": {"place": "order.commands/0/0"}})

    assert world.findings(services) == []


def test_a_partner_who_says_who_they_are_may_ask_a_service_for_something(services: Services) -> None:
    world = sound_world()
    of_a_partner(world, "inventory.commands")

    assert world.findings(services) == []


def test_what_the_relay_has_yet_to_publish_is_no_finding_of_the_topics(services: Services) -> None:
    world = sound_world()
    world.cluster.topics[EVENTS].pop()
    world.relays[1] = 3

    assert [one for one in world.findings(services) if one.invariant == "5 stored = published"] == []


class Looks:
    """The check of the topics, look by look."""

    def __init__(self, world: World, client: Client) -> None:
        self._check, self._logs, self._client = Published(MemoryTopics(world.cluster)), Logs(), client

    def read_logs(self) -> None:
        for entry in self._logs.news(self._client):
            self._check.see(entry)

    def findings(self) -> list[tuple[str, str]]:
        return [(one.where, one.what) for one in self._check.findings(self._client)]


def test_what_is_published_while_the_log_is_read_is_known_at_the_next_look(services: Services) -> None:
    world = sound_world()
    world.serve(services)

    with Client(services.description()) as client:
        looks = Looks(world, client)
        looks.read_logs()
        world.receive(5)
        early = looks.findings()
        looks.read_logs()
        known = looks.findings()

    assert len(early) == 1
    assert known == []


def test_a_topic_that_is_made_anew_between_two_looks_is_judged_on_from_there(services: Services) -> None:
    world = sound_world()
    world.serve(services)

    with Client(services.description()) as client:
        looks = Looks(world, client)
        looks.read_logs()
        before = looks.findings()
        world.receive(5)
        world.cluster.topics["inventory.events", 1] = []
        world.receive(6)
        looks.read_logs()
        after = looks.findings()

    assert (before, after) == ([], [])

"""The parts that read the log: relay, reminders, effects, views; and the runtime that starts and stops them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import orjson
import pytest

from shared.events.cloudevents import read_headers
from shared.events.order import CreditLimitSet
from shared.events.payload import Command, Event
from shared.eventsourcing.broker import BrokerUnavailable
from shared.eventsourcing.failpoints import Failpoint, on_reach
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.messages import Record
from shared.eventsourcing.store import StoreUnavailable
from shared.eventsourcing.views import Fact, Row
from tests.unit.eventsourcing.toy import (
    CUSTOMER,
    Customer,
    Installation,
    Instance,
    arrival,
    block,
    outgoing,
    set_limit,
    toy_model,
    toy_view,
    until,
)

EVENTS = "order.events"


async def take(instance: Instance, *names: str) -> None:
    await instance.runtime.pipeline.take([arrival(block(name)) for name in names])


def ids(records: Sequence[Record]) -> list[str]:
    return [read_headers(one.headers).id for one in records]


def log_ids(installation: Installation, topic: str) -> set[str]:
    return {str(one.id) for lane in installation.tables.log.values() for one in lane if one.topic == topic}


# Relay


async def test_facts_and_requests_are_published_to_the_partition_of_their_lane(installation: Installation) -> None:
    async with installation.running() as instance:
        await take(instance, "a", "b", "a")
        await until(lambda: len(installation.published(EVENTS)) == 3)
        await until(lambda: len(installation.published("inventory.commands")) == 3)

    for record in installation.published(EVENTS):
        metadata = read_headers(record.headers)
        lane, position = metadata.sequence.split(":")
        assert int(lane) == lane_of(metadata.partition_key)
        assert record.partition == int(lane) % 8
        assert int(position) > 0
        assert (record.key or b"").decode() == metadata.partition_key
        assert metadata.subject == CUSTOMER.stream(metadata.partition_key)


async def test_each_lane_is_published_in_its_order_and_whole_through_a_flood_of_broker_failures(
    installation: Installation,
) -> None:
    calls = 0

    def hazard(moment: str) -> None:
        nonlocal calls
        calls += 1
        if calls % 7 == 0:
            raise BrokerUnavailable("no")

    async with installation.running(broker_hazard=hazard) as instance:
        for _ in range(10):
            await take(instance, *(f"c{n}" for n in range(10)))
        await until(lambda: set(ids(installation.published(EVENTS))) == log_ids(installation, EVENTS))

    first_seen: dict[str, list[int]] = {}
    seen: set[str] = set()
    for record in installation.published(EVENTS):
        metadata = read_headers(record.headers)
        if metadata.id not in seen:
            seen.add(metadata.id)
            lane, position = metadata.sequence.split(":")
            first_seen.setdefault(lane, []).append(int(position))
    assert all(positions == sorted(positions) for positions in first_seen.values())


async def test_the_cursor_stops_before_what_was_not_acknowledged(installation: Installation) -> None:
    refused = asyncio.Event()
    calls = 0

    def hazard(moment: str) -> None:
        nonlocal calls
        if moment == "before publish":
            calls += 1
            if calls > 2:
                refused.set()
                raise BrokerUnavailable("no")

    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(set_limit()) for _ in range(5)])
    async with installation.running(broker_hazard=hazard):
        await refused.wait()
        await asyncio.sleep(0.1)
        assert installation.tables.readers["relay"][lane_of("a")].position == 2

    async with installation.running():
        await until(lambda: len(installation.published(EVENTS)) == 5)

    assert len(set(ids(installation.published(EVENTS)))) == 5


async def test_what_was_committed_by_a_process_that_died_is_published_by_the_next(
    installation: Installation,
) -> None:
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block(f"c{n}")) for n in range(20)])

    async with installation.running():
        await until(lambda: set(ids(installation.published(EVENTS))) == log_ids(installation, EVENTS))


async def test_another_instance_takes_the_lanes_of_one_that_died(installation: Installation) -> None:
    one = installation.instance("one")
    await one.runtime.start()
    await take(one, "a")
    await until(lambda: len(installation.published(EVENTS)) == 1)
    async with installation.running("two") as two:
        await one.crash()
        await take(two, *(f"c{n}" for n in range(30)))
        await until(lambda: set(ids(installation.published(EVENTS))) == log_ids(installation, EVENTS))


async def test_a_relay_goes_on_after_the_store_was_away(installation: Installation) -> None:
    away = True

    def hazard(moment: str) -> None:
        if away and moment == "begin":
            raise StoreUnavailable("away")

    async with installation.running(store_hazard=hazard) as instance:
        waiting = asyncio.create_task(take(instance, "a"))
        await asyncio.sleep(20)
        assert not waiting.done()
        away = False
        await waiting
        await until(lambda: len(installation.published(EVENTS)) == 1)


# Reminders


async def test_a_reminder_comes_when_it_is_due_and_once(installation: Installation) -> None:
    async with installation.running() as instance:
        await take(instance, "a")
        began = installation.clock.now()
        await until(lambda: installation.facts() == ["blocked", "unblocked"])
        assert 59 <= (installation.clock.now() - began).total_seconds() <= 62
        await asyncio.sleep(200)

    assert installation.facts() == ["blocked", "unblocked"]
    assert installation.tables.reminders == {}


async def test_a_reminder_comes_once_though_many_instances_watch(installation: Installation) -> None:
    async with installation.running("one") as one, installation.running("two"), installation.running("three"):
        await take(one, *(f"c{n}" for n in range(20)))
        await asyncio.sleep(120)

    assert all(installation.facts(f"c{n}") == ["blocked", "unblocked"] for n in range(20))


async def test_a_reminder_that_fell_due_while_nothing_ran_comes_at_the_start(installation: Installation) -> None:
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block())])
    await asyncio.sleep(3_600)

    async with installation.running():
        await until(lambda: installation.facts() == ["blocked", "unblocked"], seconds=5)


async def test_a_reminder_under_a_parked_key_queues_behind_it(installation: Installation) -> None:
    broken: set[str] = set()
    async with installation.running(model=toy_model(broken)) as instance:
        await take(instance, "a")
        broken.add("a")
        await take(instance, "a")
        await asyncio.sleep(120)
        assert installation.facts() == ["blocked"]
        assert installation.tables.reminders == {}

        broken.clear()
        await instance.runtime.pipeline.retry_parked("a")

    assert installation.facts() == ["blocked", "blocked", "unblocked"]


# Effects


class Outside:
    """A world that counts what is done in it."""

    def __init__(self, seconds: Callable[[str], float] = lambda name: 0.1) -> None:
        self.done: Counter[int] = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self._seconds = seconds

    async def act(self, intent: CreditLimitSet) -> Command:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._seconds(intent.customer_id))
        finally:
            self.at_once -= 1
        self.done[intent.limit] += 1
        return block(intent.customer_id)


async def test_the_result_of_an_effect_comes_back_as_a_message_once(installation: Installation) -> None:
    outside = Outside()
    async with installation.running(effects={CreditLimitSet: outside.act}) as instance:
        await instance.runtime.pipeline.take([arrival(set_limit(limit=n)) for n in range(5)])
        await until(lambda: installation.facts().count("blocked") == 5)
        await asyncio.sleep(60)

    assert outside.done == dict.fromkeys(range(5), 1)
    assert installation.facts().count("blocked") == 5


async def test_an_effect_whose_process_died_before_the_result_is_done_again_and_counts_once(
    installation: Installation,
) -> None:
    outside = Outside()
    died = asyncio.Event()

    class Died(BaseException):
        pass

    def die(point: Failpoint) -> None:
        if point == "after_effect":
            died.set()
            raise asyncio.CancelledError

    one = installation.instance("one", effects={CreditLimitSet: outside.act})
    await one.runtime.start()
    on_reach(die)
    try:
        await one.runtime.pipeline.take([arrival(set_limit())])
        await died.wait()
        await one.crash()
    finally:
        on_reach(None)
    assert installation.facts() == ["credit-limit-set"]

    async with installation.running("two", effects={CreditLimitSet: outside.act}):
        await until(lambda: installation.facts() == ["credit-limit-set", "blocked"])
        await asyncio.sleep(60)

    assert outside.done == {5: 2}
    assert installation.facts().count("blocked") == 1


async def test_an_effect_that_fails_is_tried_again_until_it_succeeds(installation: Installation) -> None:
    tries = 0

    async def flaky(intent: CreditLimitSet) -> Command:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise ConnectionError("no answer")
        return block(intent.customer_id)

    async with installation.running(effects={CreditLimitSet: flaky}) as instance:
        await instance.runtime.pipeline.take([arrival(set_limit())])
        await until(lambda: "blocked" in installation.facts())

    assert tries == 5


async def test_the_cursor_of_effects_only_passes_over_those_that_ended(installation: Installation) -> None:
    outside = Outside(lambda name: 1_000.0 if name == "slow" else 0.1)
    async with installation.running(effects={CreditLimitSet: outside.act}) as instance:
        await instance.runtime.pipeline.take(
            [
                arrival(set_limit("a", 1), "key"),
                arrival(set_limit("slow", 2), "key"),
                arrival(set_limit("c", 3), "key"),
            ]
        )
        await until(lambda: outside.done == {1: 1, 3: 1})
        await asyncio.sleep(5)
        assert installation.tables.readers["effects"][lane_of("key")].position == 1


async def test_a_slow_effect_keeps_no_other_back(installation: Installation) -> None:
    outside = Outside(lambda name: 1_000.0 if name == "slow" else 0.1)
    async with installation.running(effects={CreditLimitSet: outside.act}) as instance:
        await instance.runtime.pipeline.take([arrival(set_limit("slow"))])
        await instance.runtime.pipeline.take([arrival(set_limit(f"c{n}", n)) for n in range(300)])
        await until(lambda: sum(outside.done.values()) == 300)


async def test_no_more_effects_than_agreed_are_under_way_at_once(installation: Installation) -> None:
    outside = Outside()
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(set_limit(f"c{n}", n)) for n in range(450)])
    async with installation.running(effects={CreditLimitSet: outside.act}):
        await until(lambda: sum(outside.done.values()) == 450)

    assert outside.most_at_once <= 128


async def test_after_a_proper_stop_no_effect_is_repeated(installation: Installation) -> None:
    outside = Outside()
    async with installation.running(effects={CreditLimitSet: outside.act}) as instance:
        await instance.runtime.pipeline.take([arrival(set_limit(f"c{n}", n)) for n in range(50)])
        await until(lambda: outside.at_once > 0)
    async with installation.running(effects={CreditLimitSet: outside.act}):
        await until(lambda: sum(outside.done.values()) >= 50)
        await asyncio.sleep(60)

    assert outside.done == dict.fromkeys(range(50), 1)


# Views


async def view(installation: Installation, name: str = "a", version: int = 1) -> Row | None:
    return await installation.store().view_row(f"customers@{version}", name)


async def whole(installation: Installation, names: Sequence[str], version: int = 1) -> bool:
    rows = [await view(installation, name, version) for name in names]
    return all(
        row is not None and len(row["facts"]) == len(installation.facts(name))
        for name, row in zip(names, rows, strict=True)
    )


async def until_whole(installation: Installation, names: Sequence[str], version: int = 1) -> None:
    async with asyncio.timeout(300):
        while not await whole(installation, names, version):
            await asyncio.sleep(0.1)
    await asyncio.sleep(30)
    assert await whole(installation, names, version)


async def test_a_view_folds_every_fact_once(installation: Installation) -> None:
    names = [f"c{n}" for n in range(10)]
    async with installation.running(views=(toy_view(),)) as instance:
        for _ in range(5):
            await take(instance, *names)
        await until_whole(installation, names)

    row = await view(installation, "c0")
    assert row is not None
    positions = [int(fact.rpartition(":")[2]) for fact in row["facts"]]
    assert positions == sorted(positions)


async def test_a_view_loses_and_doubles_nothing_when_processes_die_and_share_lanes(
    installation: Installation,
) -> None:
    names = [f"c{n}" for n in range(10)]
    one = installation.instance("one", views=(toy_view(),))
    await one.runtime.start()
    await take(one, *names)
    async with installation.running("two", views=(toy_view(),)) as two:
        await asyncio.sleep(7)
        await take(two, *names)
        await asyncio.sleep(0.01)
        await one.crash()
        # Facts of one customer in several lanes: the row is written by whoever holds the lane.
        await two.runtime.pipeline.take([arrival(block(name), f"key-{n}") for n, name in enumerate(names * 3)])
        async with installation.running("three", views=(toy_view(),)) as three:
            await three.runtime.pipeline.take([arrival(block(name), f"k{n}") for n, name in enumerate(names)])
            await until_whole(installation, names)


async def test_a_new_version_fills_from_the_first_fact_beside_the_old(installation: Installation) -> None:
    def shout(key: str, row: Row | None, fact: Fact) -> Row:
        return {"id": key, "facts": [*(row or {}).get("facts", ()), "!"], "status": "new"}

    async with installation.running(views=(toy_view(),)) as instance:
        await take(instance, "a", "b")
        await until_whole(installation, ["a", "b"])
    async with installation.running(views=(toy_view(2, shout),)):
        await until_whole(installation, ["a", "b"], version=2)

    assert (await view(installation, version=2) or {})["facts"] == ["!", "!"]
    assert (await view(installation, version=1) or {})["status"] == "CustomerBlocked"


async def test_a_view_goes_on_after_the_store_failed_around_its_commit(installation: Installation) -> None:
    calls = 0

    def hazard(moment: str) -> None:
        nonlocal calls
        calls += 1
        if calls % 5 == 0:
            raise StoreUnavailable("away")

    names = [f"c{n}" for n in range(10)]
    async with installation.running(views=(toy_view(),), store_hazard=hazard) as instance:
        for name in names:
            await take(instance, name)
        await until_whole(installation, names)


# All together


async def test_what_comes_over_the_broker_is_decided_once_though_members_die(installation: Installation) -> None:
    names = [f"c{n}" for n in range(20)]
    for name in names:
        installation.cluster.append(outgoing(block(name), name))
    one = installation.instance("one")
    await one.runtime.start()
    await asyncio.sleep(0)
    await one.crash()
    async with installation.running("two"):
        await until(lambda: all(installation.facts(name)[:1] == ["blocked"] for name in names))
        await asyncio.sleep(1)

    assert all(installation.facts(name).count("blocked") == 1 for name in names)


async def test_a_stopped_instance_leaves_its_lanes_to_others_at_once(installation: Installation) -> None:
    async with installation.running("one") as one:
        await take(one, "a")
        await until(lambda: len(installation.published(EVENTS)) == 1)
    async with installation.running("two") as two:
        await take(two, "b")
        await until(lambda: len(installation.published(EVENTS)) >= 2, seconds=3)


async def test_the_state_of_a_stream_is_the_fold_of_its_facts(installation: Installation) -> None:
    async with installation.running() as instance:
        for _ in range(3):
            await take(instance, "a")
        await asyncio.sleep(100)

    state = Customer()
    for entry in installation.tables.stream_events["customer-a"]:
        facts: dict[str, type[Event]] = {one.wire_type: one for one in toy_view().handles}
        state = CUSTOMER.evolve(state, facts[entry.type].model_validate_json(entry.payload))
    assert Customer(**_json(installation.tables.streams["customer-a"].state)) == state


async def test_a_part_that_fails_is_said(installation: Installation) -> None:
    def broken(key: str, row: Row | None, fact: Fact) -> Row:
        raise ZeroDivisionError

    async with installation.running(views=(toy_view(1, broken),)) as instance:
        await take(instance, "a")
        with pytest.raises(ZeroDivisionError):
            await instance.runtime.failed


def _json(text: str) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(text)
    return found

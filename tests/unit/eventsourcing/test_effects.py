"""Effects: at least once outside, once inside."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from shared.events.order import CreditLimitSet
from shared.events.payload import Command
from shared.eventsourcing import effects
from shared.eventsourcing.failpoints import Failpoint, on_reach
from shared.eventsourcing.lanes import lane_of
from tests.unit.eventsourcing.toy import (
    Installation,
    arrival,
    block,
    set_limit,
    until,
)


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


async def test_effects_that_keep_failing_keep_no_other_back(installation: Installation) -> None:
    # given more that fail each time than may be under way at once
    outside = Outside()

    async def act(intent: CreditLimitSet) -> Command:
        if intent.customer_id.startswith("bad"):
            raise KeyError("a fact is missing")
        return await outside.act(intent)

    async with installation.running(effects={CreditLimitSet: act}) as instance:
        await instance.runtime.pipeline.take([arrival(set_limit(f"bad{n}")) for n in range(300)])
        await asyncio.sleep(60)

        # when others come
        await instance.runtime.pipeline.take([arrival(set_limit(f"good{n}", n)) for n in range(300)])

        # then these are carried out at once
        await until(lambda: outside.done == dict.fromkeys(range(300), 1), seconds=10)


async def test_effects_that_keep_failing_are_begun_up_to_a_bound(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "MOST_OPEN", 200)
    tried: set[int] = set()

    async def act(intent: CreditLimitSet) -> Command:
        tried.add(intent.limit)
        raise KeyError("a fact is missing")

    async with installation.running(effects={CreditLimitSet: act}) as instance:
        await instance.runtime.pipeline.take([arrival(set_limit(f"c{n}", n), "key") for n in range(300)])
        await asyncio.sleep(100)

    assert tried == set(range(200))


async def test_who_gets_its_lanes_back_at_once_goes_on_and_repeats_nothing(installation: Installation) -> None:
    outside = Outside(lambda name: 30.0 if name == "slow" else 0.1)
    async with installation.running(effects={CreditLimitSet: outside.act}) as instance:
        await instance.runtime.pipeline.take(
            [arrival(set_limit("slow", 1), "key"), arrival(set_limit("quick", 2), "key")]
        )
        await until(lambda: outside.done == {2: 1})
        for reader in installation.tables.readers["effects"].values():
            reader.expires_at = installation.clock.now()
        await until(lambda: installation.tables.readers["effects"][lane_of("key")].position >= 2)
        await asyncio.sleep(60)

    assert installation.tables.readers["effects"][lane_of("key")].epoch == 2
    assert outside.done == {1: 1, 2: 1}


async def test_a_successor_repeats_only_what_had_no_result_yet(installation: Installation) -> None:
    outside = Outside(lambda name: 20.0 if name == "slow" else 0.1)
    one = installation.instance("one", effects={CreditLimitSet: outside.act})
    await one.runtime.start()
    await one.runtime.pipeline.take([arrival(set_limit("slow", 0), "key")])
    await one.runtime.pipeline.take([arrival(set_limit(f"c{n}", n), "key") for n in range(1, 6)])
    await until(lambda: outside.done.total() == 5)
    await asyncio.sleep(1)
    await one.crash()

    async with installation.running("two", effects={CreditLimitSet: outside.act}):
        await until(lambda: outside.done[0] == 1)

    assert outside.done == dict.fromkeys(range(6), 1)


async def test_what_still_waits_is_left_to_the_one_who_holds_the_lane_by_now(installation: Installation) -> None:
    outside = Outside(lambda name: 30.0)
    async with installation.running(effects={CreditLimitSet: outside.act}) as instance:
        await instance.runtime.pipeline.take([arrival(set_limit(f"c{n}", n), "key") for n in range(200)])
        await until(lambda: outside.at_once == 128)
        lane = installation.tables.readers["effects"][lane_of("key")]
        lane.owner, lane.epoch = "another", lane.epoch + 1
        lane.expires_at = installation.clock.now() + timedelta(hours=1)
        await asyncio.sleep(600)

    assert outside.done.total() == 128


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


async def test_when_leases_ran_out_only_what_was_under_way_is_done_again(installation: Installation) -> None:
    outside = Outside(lambda name: 2.0)
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(set_limit(f"c{n}", n)) for n in range(500)])
    async with installation.running(effects={CreditLimitSet: outside.act}):
        await until(lambda: outside.at_once == 128)
        installation.clock.jump(60)
        await until(lambda: len(outside.done) == 500)
        await asyncio.sleep(60)

    assert sum(outside.done.values()) <= 500 + 128
    assert all(installation.facts(f"c{n}").count("blocked") == 1 for n in range(500))


async def test_an_intent_that_cannot_be_read_is_counted_and_carried_out_once_it_can_be(
    installation: Installation,
) -> None:
    outside = Outside()
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(set_limit("a", 1), "key"), arrival(set_limit("b", 2), "key")])
    log = installation.tables.log[lane_of("key")]
    readable = log[0]
    log[0] = replace(readable, payload="{}", message=None)

    async with installation.running(effects={CreditLimitSet: outside.act}) as instance:
        await until(lambda: outside.done == {2: 1})
        await asyncio.sleep(600)
        failures = instance.metrics.registry.get_sample_value(
            "oms_effect_failures_total", {"intent": "order.credit-limit-set.v1"}
        )
        assert failures is not None
        assert 20 <= failures <= 40
        assert installation.tables.readers["effects"][lane_of("key")].position == 0

    log[0] = readable
    async with installation.running(effects={CreditLimitSet: outside.act}):
        await until(lambda: outside.done == {1: 1, 2: 1})


async def test_whatever_an_effect_logs_says_which_order_it_is_about(installation: Installation) -> None:
    async def act(intent: CreditLimitSet) -> Command:
        structlog.get_logger().warning("the partner is slow")
        return block(intent.customer_id)

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with installation.running(effects={CreditLimitSet: act}) as instance:
            await instance.runtime.pipeline.take([arrival(set_limit(name, n)) for n, name in enumerate("ab")])
            await until(lambda: all("blocked" in installation.facts(name) for name in "ab"))

    said = [one["correlation_id"] for one in lines if one["event"] == "the partner is slow"]
    assert sorted(said) == ["a", "b"]

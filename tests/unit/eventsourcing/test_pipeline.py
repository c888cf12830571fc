"""The pipeline: once and in order, whatever comes twice, raises, or breaks."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from shared.events.order import BlockCustomer, CustomerBlocked
from shared.eventsourcing.decider import Context, Decision, Recorded, Reply, Route, States
from shared.eventsourcing.definition import IdempotencyConflict, KeyParked
from shared.eventsourcing.messages import Arrival, Malformed, Record
from shared.eventsourcing.pipeline import MAX_BATCH, MAX_WAITING, Pipeline
from shared.eventsourcing.store import StoreConflict, StoreUnavailable
from tests.unit.eventsourcing.toy import (
    Installation,
    arrival,
    block,
    outgoing,
    record_of,
    set_limit,
    toy_model,
    translate,
)


async def submit(pipeline: Pipeline, name: str = "a", message_id: UUID | None = None, body: bytes = b"1") -> Reply:
    return await pipeline.submit(
        block(name), partition_key=name, actor="maria", message_id=message_id, body_digest=body
    )


def failing_at(moment: str, error: Exception, times: int = 1) -> Callable[[str], None]:
    left = times

    def hazard(reached: str) -> None:
        nonlocal left
        if reached == moment and left:
            left -= 1
            raise error

    return hazard


async def test_a_request_is_answered_after_its_commit(installation: Installation) -> None:
    async with installation.pipeline() as pipeline:
        assert await submit(pipeline) == Reply("accepted", {"times": 1})
        assert installation.facts() == ["blocked"]


async def test_a_message_that_comes_twice_in_a_batch_or_later_is_decided_once(installation: Installation) -> None:
    twice = arrival(block())
    async with installation.pipeline() as pipeline:
        await pipeline.take([twice, twice])
        await pipeline.take([twice])

    assert installation.facts() == ["blocked"]


async def test_a_repeated_request_gets_the_first_answer_again(installation: Installation) -> None:
    message_id = uuid4()
    async with installation.pipeline() as pipeline:
        first = await submit(pipeline, message_id=message_id)
        await submit(pipeline)
        assert await submit(pipeline, message_id=message_id) == first

    assert installation.facts() == ["blocked", "blocked"]


async def test_a_caller_who_gives_up_keeps_nobody_else_waiting(
    installation: Installation,
) -> None:
    async with installation.pipeline() as pipeline:
        impatient = asyncio.create_task(submit(pipeline, "a"))
        patient = asyncio.create_task(submit(pipeline, "b"))
        await asyncio.sleep(0)
        impatient.cancel()

        assert await patient == Reply("accepted", {"times": 1})
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert await submit(pipeline, "c") == Reply("accepted", {"times": 1})


def away_for(seconds: float) -> Callable[[str], None]:
    loop = asyncio.get_running_loop()
    back_at = loop.time() + seconds

    def hazard(moment: str) -> None:
        if loop.time() < back_at:
            raise StoreUnavailable("away")

    return hazard


async def test_who_gave_up_is_decided_only_if_its_batch_had_begun_and_can_ask_again(
    installation: Installation,
) -> None:
    # given an outage, in which a batch is in hand
    first, later = uuid4(), uuid4()
    async with installation.pipeline(store_hazard=away_for(30)) as pipeline:
        in_hand = asyncio.create_task(submit(pipeline, "a", first))
        await asyncio.sleep(1)

        # when those who ask give up, one in the batch and one that waits
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20):
                await submit(pipeline, "b", later)
        in_hand.cancel()
        await submit(pipeline, "c")

        # then the batch had its outcome, the other nothing, and each is answered when it asks again
        assert (installation.facts("a"), installation.facts("b")) == (["blocked"], [])
        assert await submit(pipeline, "a", first) == Reply("accepted", {"times": 1})
        assert await submit(pipeline, "b", later) == Reply("accepted", {"times": 1})

    assert (installation.facts("a"), installation.facts("b")) == (["blocked"], ["blocked"])


async def test_while_too_many_wait_only_calls_are_refused_and_those_that_give_up_make_room(
    installation: Installation,
) -> None:
    # given an outage, in which a batch is in hand and as many wait as may
    async with installation.pipeline(store_hazard=away_for(30)) as pipeline:
        calls: list[asyncio.Task[Reply | None]] = [asyncio.create_task(submit(pipeline, "first"))]
        await asyncio.sleep(1)
        calls += [asyncio.create_task(submit(pipeline, f"c{n}")) for n in range(MAX_WAITING)]
        await asyncio.sleep(1)

        # when more come
        with pytest.raises(StoreUnavailable, match="too many"):
            await submit(pipeline, "refused")
        calls.append(asyncio.create_task(pipeline.take([arrival(block("result"))])))
        for call in calls[1:3]:
            call.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        calls.append(asyncio.create_task(submit(pipeline, "late")))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    # then calls alone are refused, until somebody gives up
    assert [type(one) for one in outcomes if not isinstance(one, Reply | None)] == [asyncio.CancelledError] * 2
    taken = ["first", "c2", "result", "late"]
    assert [name for name in [*taken, "refused", "c0", "c1"] if installation.facts(name)] == taken


@pytest.mark.parametrize(("patient", "sizes"), [(False, [1, 50, 50, 20]), (True, [1, 120])])
async def test_the_brokers_messages_are_taken_a_few_at_a_time_while_somebody_waits_for_answers(
    installation: Installation, patient: bool, sizes: list[int]
) -> None:
    # given a service that was called a moment ago, by somebody who waits or by somebody who has time
    taken = [0]

    def note(moment: str) -> None:
        if moment == "after commit":
            taken.append(len(installation.tables.inbox))

    async with installation.pipeline(store_hazard=note) as pipeline:
        await pipeline.submit(block("a"), partition_key="a", actor="maria", patient=patient)

        # when the broker brings many messages
        await pipeline.take_records([record_of(outgoing(block("b"), "b")) for _ in range(120)])

    # then another call would have waited for a few of them only, or for all
    assert [after - before for before, after in pairwise(taken)] == sizes


async def test_after_a_few_messages_that_took_long_the_next_gather_for_half_as_long(
    installation: Installation,
) -> None:
    # given a store that takes its time
    def slow(moment: str) -> None:
        if moment == "before commit":
            installation.clock.jump(0.1)

    async with installation.pipeline(store_hazard=slow) as pipeline:
        await submit(pipeline, "a")
        answered = asyncio.get_running_loop().time()

        # when the next message comes at once
        await pipeline.take([arrival(block("b"))])

        # then it has waited for half the time that the first one took
        assert asyncio.get_running_loop().time() - answered == pytest.approx(0.05)


async def test_who_waits_for_an_answer_waits_for_no_others_to_gather(installation: Installation) -> None:
    # given messages that gather, since the batch before took long
    def slow(moment: str) -> None:
        if moment == "before commit":
            installation.clock.jump(0.1)

    async with installation.pipeline(store_hazard=slow) as pipeline:
        await pipeline.take([arrival(block("a"))])
        clock = asyncio.get_running_loop()
        began = clock.time()
        gathering = asyncio.create_task(pipeline.take([arrival(block("b"))]))
        await asyncio.sleep(0.01)

        # when somebody asks
        await submit(pipeline, "c")
        await gathering

        # then the answer comes at once, and what had gathered was decided with it
        assert clock.time() - began == pytest.approx(0.01)


async def test_a_call_that_finds_a_full_batch_before_it_is_decided_next(installation: Installation) -> None:
    # given a batch that takes long and has no place for more
    def slow(moment: str) -> None:
        if moment == "before commit":
            installation.clock.jump(0.1)

    full = [arrival(block("a")) for _ in range(MAX_BATCH)]
    async with installation.pipeline(store_hazard=slow) as pipeline:
        clock = asyncio.get_running_loop()
        began = clock.time()

        # when somebody asks meanwhile
        await asyncio.gather(pipeline.take(full), submit(pipeline, "b"))

        # then nothing gathers before the answer
        assert clock.time() == pytest.approx(began)


async def test_a_request_repeated_with_another_body_is_refused(installation: Installation) -> None:
    message_id = uuid4()
    async with installation.pipeline() as pipeline:
        await submit(pipeline, message_id=message_id)
        with pytest.raises(IdempotencyConflict):
            await submit(pipeline, message_id=message_id, body=b"2")

    assert installation.facts() == ["blocked"]


async def test_requests_of_one_id_at_once_are_decided_once_and_all_answered(installation: Installation) -> None:
    message_id = uuid4()
    async with installation.pipeline() as pipeline:
        answers = await asyncio.gather(
            *(submit(pipeline, message_id=message_id) for _ in range(3)),
            submit(pipeline, message_id=message_id, body=b"2"),
            return_exceptions=True,
        )

    accepted = [one for one in answers if isinstance(one, Reply)]
    assert {one.body["times"] for one in accepted} == {1}
    assert {type(one) for one in answers if one not in accepted} == {IdempotencyConflict}
    assert len(accepted) in (1, 3)  # whichever body came first
    assert installation.facts() == ["blocked"]


async def test_a_request_under_a_parked_key_is_kept_and_says_so(installation: Installation) -> None:
    async with installation.pipeline(toy_model({"a"})) as pipeline:
        with pytest.raises(KeyParked):
            await submit(pipeline)
        with pytest.raises(KeyParked):
            await pipeline.submit(set_limit(), partition_key="a", actor="maria")
        assert await submit(pipeline, "b") == Reply("accepted", {"times": 1})

        parked = await installation.store().parked()

    assert [one.explanation for one in parked] == [
        "RuntimeError: no rule for a",
        "queued behind a parked message of the same key",
    ]
    assert installation.facts() == []


async def test_parked_messages_go_through_in_their_order_when_the_rule_is_mended(
    installation: Installation,
) -> None:
    broken = {"a"}
    async with installation.pipeline(toy_model(broken)) as pipeline:
        await pipeline.take([arrival(block()), arrival(set_limit()), arrival(block())])
        broken.clear()
        assert await pipeline.retry_parked("a") == 3
        await pipeline.take([arrival(set_limit())])

    assert installation.facts() == ["blocked", "credit-limit-set", "blocked", "credit-limit-set"]
    assert await installation.store().parked() == []


async def test_when_a_parked_message_fails_again_it_stays_with_all_behind_it(installation: Installation) -> None:
    broken = {"a", "b"}
    async with installation.pipeline(toy_model(broken)) as pipeline:
        await pipeline.take([arrival(block("b"), "key"), arrival(block("a"), "key"), arrival(block("c"), "key")])
        broken.discard("b")
        assert await pipeline.retry_parked("key") == 1
        left = await installation.store().parked("key")

    assert [(installation.facts(name)) for name in "abc"] == [[], ["blocked"], []]
    assert [b'"a"' in one.payload for one in left] == [True, False]


async def test_retrying_a_key_with_nothing_parked_does_nothing(installation: Installation) -> None:
    async with installation.pipeline() as pipeline:
        assert await pipeline.retry_parked("a") == 0


async def test_a_parked_message_is_tried_once_however_many_try_it_at_once(installation: Installation) -> None:
    broken = {"a"}
    async with (
        installation.pipeline(toy_model(broken)) as one,
        installation.pipeline(toy_model(broken)) as two,
    ):
        await one.take([arrival(block()), arrival(set_limit())])
        broken.clear()
        await asyncio.gather(one.retry_parked("a"), two.retry_parked("a"), one.retry_parked("a"))

    assert installation.facts() == ["blocked", "credit-limit-set"]


@pytest.mark.parametrize("moment", ["begin", "before commit", "after commit"])
async def test_a_parked_message_is_decided_once_though_the_store_fails_during_the_retry(
    installation: Installation, moment: str
) -> None:
    broken = {"a"}
    async with installation.pipeline(toy_model(broken)) as pipeline:
        await pipeline.take([arrival(block()), arrival(set_limit())])
    broken.clear()

    async with installation.pipeline(store_hazard=failing_at(moment, StoreUnavailable("gone"))) as pipeline:
        assert await pipeline.retry_parked("a") == 2

    assert installation.facts() == ["blocked", "credit-limit-set"]


async def test_who_asks_again_after_a_parked_request_went_through_gets_its_answer(
    installation: Installation,
) -> None:
    broken, message_id = {"a"}, uuid4()
    async with installation.pipeline(toy_model(broken)) as pipeline:
        with pytest.raises(KeyParked):
            await submit(pipeline, message_id=message_id)
        broken.clear()
        await pipeline.retry_parked("a")

        assert await submit(pipeline, message_id=message_id) == Reply("accepted", {"times": 1})

    assert installation.facts() == ["blocked"]


@pytest.mark.parametrize("moment", ["begin", "before commit", "after commit"])
@pytest.mark.parametrize("error", [StoreConflict("came first"), StoreUnavailable("gone")])
async def test_a_batch_takes_effect_once_whenever_the_store_fails(
    installation: Installation, moment: str, error: Exception
) -> None:
    async with installation.pipeline(store_hazard=failing_at(moment, error, times=3)) as pipeline:
        answers = await asyncio.gather(*(submit(pipeline) for _ in range(4)), submit(pipeline, "b"))

    assert sorted(answer.body["times"] for answer in answers) == [1, 1, 2, 3, 4]
    assert installation.facts() == ["blocked"] * 4
    assert installation.facts("b") == ["blocked"]


async def test_instances_that_decide_about_the_same_stream_lose_no_fact(installation: Installation) -> None:
    async with installation.pipeline() as one, installation.pipeline() as two, installation.pipeline() as three:
        answers = await asyncio.gather(*(submit((one, two, three)[n % 3]) for n in range(30)))

    assert sorted(answer.body["times"] for answer in answers) == list(range(1, 31))
    assert installation.facts() == ["blocked"] * 30


async def test_a_message_whose_outputs_the_store_refuses_parks_alone(installation: Installation) -> None:
    async with installation.pipeline() as pipeline:
        good, bad = arrival(block()), arrival(block("nul\x00"), "nul\x00", reason="because")
        await pipeline.take([good, bad, arrival(block("c"))])
        (parked,) = await installation.store().parked()

    assert (installation.facts("a"), installation.facts("c")) == (["blocked"], ["blocked"])
    assert parked.key == "nul\ufffd"
    assert parked.origin["reason"] == "because"
    assert parked.message_id == bad.message_id


async def test_every_caller_is_answered_though_one_in_the_batch_cannot_be_stored(
    installation: Installation,
) -> None:
    async with installation.pipeline() as pipeline:
        answers = await asyncio.gather(
            submit(pipeline), submit(pipeline, "nul\x00"), submit(pipeline, "b"), return_exceptions=True
        )

    assert [type(one) for one in answers] == [Reply, KeyParked, Reply]


async def test_a_decision_that_cannot_be_written_down_parks_alone(installation: Installation) -> None:
    model = toy_model()
    route = model.routes[BlockCustomer]

    def unwritable(states: States, message: BlockCustomer, context: Context) -> Decision:
        if message.customer_id != "odd":
            return route.decide(states, message, context)
        return Decision((Recorded("customer-odd", CustomerBlocked.model_construct(customer_id="\ud800")),))

    model = replace(model, routes={**model.routes, BlockCustomer: Route(route.streams, unwritable)})
    async with installation.pipeline(model) as pipeline:
        with capture_logs() as lines:
            await pipeline.take([arrival(block()), arrival(block("odd")), arrival(block("b"))])
        (parked,) = await installation.store().parked()

    assert parked.key == "odd"
    apart = [one["correlation_ids"] for one in lines if one["event"] == "the batch is taken apart"]
    assert apart == [["a", "b", "odd"], ["odd"]]
    assert (installation.facts("a"), installation.facts("b")) == (["blocked"], ["blocked"])


async def test_bytes_without_a_message_are_parked_and_keep_nothing_back(installation: Installation) -> None:
    records = [
        record_of(outgoing(block(), "a"), 0),
        record_of(outgoing(block(), "a", value=b"{nope"), 1),
        record_of(outgoing(block(), "a"), 2),
    ]
    async with installation.pipeline() as pipeline:
        await pipeline.take_records(records)
        await pipeline.take_records(records)
        (parked,) = await installation.store().parked()

    assert installation.facts() == ["blocked", "blocked"]
    assert (parked.payload, parked.blocking, parked.key) == (b"{nope", False, records[1].place)


async def test_what_the_translation_trips_over_is_parked_and_keeps_nothing_back(
    installation: Installation,
) -> None:
    read = translate(toy_model())

    def tripping(record: Record) -> Arrival | None:
        if record.offset == 1:
            raise KeyError("no \x00 such field")
        return read(record)

    records = [record_of(outgoing(block(), "a", about="O1"), offset) for offset in range(3)]
    async with installation.pipeline(translation=tripping) as pipeline:
        with capture_logs() as lines:
            await pipeline.take_records(records)
        (parked,) = await installation.store().parked()

    assert installation.facts() == ["blocked", "blocked"]
    assert parked.correlation_id == "O1"
    assert [one["correlation_id"] for one in lines if "translated" in one["event"]] == ["O1"]
    assert parked.explanation == "KeyError: 'no \\x00 such field'"


async def test_an_explanation_with_nul_parks_all_the_same(installation: Installation) -> None:
    def malformed(record: Record) -> None:
        raise Malformed("the field \x00 is missing" + "!" * 10_000)

    async with installation.pipeline(translation=malformed) as pipeline:
        await pipeline.take_records([record_of(outgoing(block(), "a"))])
        (parked,) = await installation.store().parked()

    assert parked.explanation.startswith("the field \ufffd is missing!")
    assert len(parked.explanation) == 2_000


async def test_an_unreadable_record_parks_once_and_another_at_its_place_in_a_topic_made_anew_parks_as_well(
    installation: Installation,
) -> None:
    first = Record(topic="toy.commands", partition=0, offset=7, key=b"a", value=b"{")
    other = Record(topic="toy.commands", partition=0, offset=7, key=b"a", value=b"[")
    async with installation.pipeline() as pipeline:
        for one in (first, first, other):
            await pipeline.take_records([one])
        parked = await installation.store().parked()

    assert [one.payload for one in parked] == [b"{", b"["]


async def test_more_records_than_one_transaction_takes_are_all_decided(installation: Installation) -> None:
    records = [record_of(outgoing(block(f"c{n % 7}"), f"c{n % 7}"), n) for n in range(1_234)]
    async with installation.pipeline() as pipeline:
        await pipeline.take_records(records)

    assert sum(len(installation.facts(f"c{n}")) for n in range(7)) == 1_234


async def test_stopping_finishes_what_waits_and_takes_nothing_new(installation: Installation) -> None:
    async with installation.pipeline() as pipeline:
        waiting = [asyncio.create_task(submit(pipeline, f"c{n}")) for n in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        pipeline.stop()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(StoreUnavailable, match="stopping"):
            await submit(pipeline)

    taken = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Reply)]
    assert [n for n in range(10) if installation.facts(f"c{n}")] == taken

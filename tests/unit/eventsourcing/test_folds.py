"""Streams folded as of a moment."""

import asyncio
from datetime import timedelta

from msgspec.structs import replace

from shared.events.order import UnblockCustomer
from shared.events.registry import CONTRACT
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.folds import Folds, Period
from tests.unit.eventsourcing.toy import Installation, arrival, block, set_limit, toy_model


async def test_what_a_clock_ahead_recorded_hides_all_that_comes_after_it(
    installation: Installation,
) -> None:
    # given a second fact from an instance whose clock is ahead, so that the third bears an earlier time
    async with installation.pipeline() as pipeline:
        for message in (set_limit(), block(), UnblockCustomer(customer_id="a")):
            await pipeline.take([arrival(message)])
            await asyncio.sleep(1)
    first, second, third = installation.tables.stream_events["customer-a"]
    ahead = second.recorded_at + timedelta(minutes=1)
    installation.tables.stream_events["customer-a"] = [first, replace(second, recorded_at=ahead), third]

    # when the stream is folded as of the time of the third
    folds = Folds(toy_model(), installation.store(), Decoder(CONTRACT))
    fold = await folds.fold("customer-a", Period(at=third.recorded_at))

    # then it is what it was before the second, a state that it really had
    assert (fold.facts, fold.version, fold.state["blocked"]) == (1, 1, False)

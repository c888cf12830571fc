"""Latency by load: orders come at a fixed pace whatever becomes of them, each timed from when it was due."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from benchmarks.measure import Findings, Measure, Step, percentiles
from benchmarks.orders import orders
from benchmarks.placement import warm_up
from benchmarks.road import Road, watch
from channels.publishing import IntakeMessage, intake_message
from services.order.domain.number import order_number
from shared.events.channel import ChannelOrderReceived
from shared.events.registry import topic_of

STEADY = 50
STEADY_RUNS = 3
LOADS = (25, 100, 200, 300, 500)
SECONDS = 6
SERVED = 0.9
"""A load of which less is served is the last: beyond it the queue alone would be measured."""
CONFIGURATION = (
    f"prepaid orders of 3 lines, {SECONDS} s at each of {', '.join(map(str, sorted((STEADY, *LOADS))))} orders/s,"
    f" {STEADY_RUNS} times at {STEADY}; from when an order was due until a reader of the topic saw it confirmed"
)


async def measure_load(road: Road) -> Findings:
    """The steady load several times, then the others, up to the first that is not served."""
    await warm_up(road)
    steady = [await _step(road, STEADY) for _ in range(STEADY_RUNS)]
    steps = [sorted(steady, key=lambda step: step.latency["p50"])[STEADY_RUNS // 2]]
    for load in LOADS:
        step = await _step(road, load)
        steps.append(step)
        if step.achieved < SERVED * load:
            break
    measures = tuple(
        Measure(
            name=f"latency at {STEADY} orders/s, {name}",
            unit="ms",
            runs=tuple(step.latency[name] for step in steady),
            target=target,
            note="intake to confirmed",
        )
        for name, target in (("p50", "under 60"), ("p99", "under 200"))
    )
    return Findings(measures=measures, steps=tuple(sorted(steps, key=lambda step: step.offered)))


async def _step(road: Road, load: float) -> Step:
    batch = list(orders(round(load * SECONDS)))
    async with watch(road.description) as seen:
        due_at, _ = await asyncio.gather(_publish(road, batch, load), seen.until(len(batch)))
        late = [(seen.seen_at[number] - due) * 1000 for number, due in due_at.items()]
        span = seen.last - min(seen.seen_at.values())
    return Step(offered=load, achieved=(len(batch) - 1) / span, latency=percentiles(late))


async def _publish(road: Road, batch: Sequence[ChannelOrderReceived], load: float) -> dict[bytes, float]:
    """Publish each order when it is due, without waiting for those before it; when each was due."""
    topic = f"{road.description.topic_prefix}.{topic_of(ChannelOrderReceived)}"
    travelling = [(_number(order), intake_message(order)) for order in batch]
    due_at: dict[bytes, float] = {}
    producer = AIOKafkaProducer(
        bootstrap_servers=road.description.kafka, acks="all", enable_idempotence=True, linger_ms=2
    )
    await producer.start()
    try:
        await producer.partitions_for(topic)
        began = time.time()
        sent = []
        for place, (number, message) in enumerate(travelling):
            due_at[number] = began + place / load
            await asyncio.sleep(max(0.0, due_at[number] - time.time()))
            sent.append(await _send(producer, topic, message))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return due_at


async def _send(producer: AIOKafkaProducer, topic: str, message: IntakeMessage) -> "asyncio.Future[object]":
    promise: asyncio.Future[object] = await producer.send(
        topic, message.value, key=message.key, headers=message.headers
    )
    return promise


def _number(order: ChannelOrderReceived) -> bytes:
    return order_number(order.channel, order.channel_order_id).encode()

"""Orders a second of the placement saga, intake to confirmed, over five service processes."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.measure import Measure, percentile
from benchmarks.orders import orders
from benchmarks.road import Confirmations, confirmations, insist_on_verify, place
from channels.publishing import IntakeMessage, OrderPublisher, intake_message
from deploy.local.description import Description
from services.order.domain.number import order_number
from shared.events.channel import ChannelOrderReceived
from shared.eventsourcing.kafka.security import KafkaAccess

WARM_UP = 500
ORDERS = 3_000
RUNS = 3
STEADY_RATE = 50
STEADY_SECONDS = 20


async def measure_rate(description: Description, *, card: bool) -> Measure:
    """The rate at which orders are confirmed when more wait than can be served."""
    rates = []
    async with confirmations(description) as watch:
        confirmed = await _confirm(description, watch, _messages(WARM_UP, card=card), 0)
        for _ in range(RUNS):
            batch = _messages(ORDERS, card=card)
            began = time.time()
            confirmed = await _confirm(description, watch, batch, confirmed)
            rates.append(ORDERS / (max(watch.at_ms.values()) / 1000 - began))
    await asyncio.to_thread(insist_on_verify, description)
    how = "card at the gateway simulator" if card else "prepaid"
    return Measure(
        name=f"placement saga, {how}", unit="orders/s", runs=tuple(rates), note="intake to confirmed, 3 lines"
    )


async def measure_latency(description: Description) -> list[Measure]:
    """Milliseconds from publication to confirmation at a steady 50 orders a second."""
    batch = list(orders(STEADY_RATE * STEADY_SECONDS))
    sent_at: dict[bytes, float] = {}
    async with confirmations(description) as watch:
        await asyncio.gather(_publish_steadily(description, batch, sent_at), watch.until(len(batch)))
        late = sorted(watch.at_ms[number] - sent * 1000 for number, sent in sent_at.items())
    return [
        Measure(
            name=f"latency at {STEADY_RATE} orders/s, p{int(share * 100)}",
            unit="ms",
            runs=(percentile(late, share),),
        )
        for share in (0.5, 0.99)
    ]


def _messages(count: int, *, card: bool) -> list[IntakeMessage]:
    """Orders as they travel, made before the clock runs: the channel's own work is not the saga's."""
    return [intake_message(order) for order in orders(count, card=card)]


async def _confirm(
    description: Description, watch: Confirmations, batch: Sequence[IntakeMessage], before: int
) -> int:
    after = before + len(batch)
    await asyncio.gather(place(description, batch), watch.until(after))
    return after


async def _publish_steadily(
    description: Description, batch: Sequence[ChannelOrderReceived], sent_at: dict[bytes, float]
) -> None:
    access = KafkaAccess(bootstrap=description.kafka)
    async with OrderPublisher(access, prefix=description.topic_prefix) as publisher:
        due = time.monotonic()
        for order in batch:
            sent_at[order_number(order.channel, order.channel_order_id).encode()] = time.time()
            await publisher.publish([order])
            due += 1 / STEADY_RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))

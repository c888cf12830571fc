"""Reservations a second of one hot SKU, through the topic, with nothing oversold."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from benchmarks.measure import Findings, Measure
from benchmarks.road import RESERVED_BY_HAND, Road, Unsound
from deploy.local.description import Description
from oms.client import Client
from shared.events.cloudevents import Metadata, headers_of
from shared.events.inventory import ReserveStock
from shared.events.registry import topic_of
from shared.events.values import RequestedLine
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.lanes import lane_of

NO_ID = "00000000-0000-0000-0000-000000000000"
PAGE = 1_000
ATTEMPTS = 10_000
STOCK = 6_000
RUNS = 3
CONFIGURATION = (
    f"{RUNS} runs of {ATTEMPTS:,} orders that want one unit each of {STOCK:,}, after one to warm up;"
    " the requests are made beforehand"
)


async def measure_hot_sku(road: Road) -> Findings:
    """Ten thousand orders want one unit each of a SKU that has six thousand."""
    rates = []
    for run in range(RUNS + 1):
        sku = f"{RESERVED_BY_HAND}{uuid4().hex[:8]}"
        source = f"/bench/{sku}"
        road.client.post("inventory", f"/stock/{sku}/receive", {"location": "WH-EAST", "quantity": STOCK})
        requests = [_request(source, sku, f"{sku}-{number}") for number in range(ATTEMPTS)]
        began = time.perf_counter()
        await _publish(road.description, requests)
        await asyncio.to_thread(_until_answered, road.client, source, sku)
        if run:
            rates.append(ATTEMPTS / (time.perf_counter() - began))
    rate = Measure(
        name="reservations of one hot SKU, asked for and answered",
        unit="/s",
        runs=tuple(rates),
        target="3,000",
        note=f"through the topic, {STOCK:,} of {ATTEMPTS:,} get a unit, 0 oversold",
    )
    return Findings(measures=(rate,))


def _request(source: str, sku: str, order: str) -> Outgoing:
    line = RequestedLine(line_id="1", sku=sku, quantity=1)
    expires_at = datetime.now(UTC) + timedelta(days=1)
    command = ReserveStock(order_number=order, lines=(line,), country="US", expires_at=expires_at)
    metadata = Metadata(id=str(uuid4()), source=source, type=command.wire_type, partition_key=order)
    return Outgoing(
        topic=topic_of(ReserveStock),
        lane=lane_of(order),
        key=order.encode(),
        value=command.model_dump_json().encode(),
        headers=headers_of(metadata),
    )


async def _publish(description: Description, requests: Sequence[Outgoing]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=description.kafka, acks="all", enable_idempotence=True, linger_ms=5
    )
    await producer.start()
    try:
        sent = [
            await producer.send(
                f"{description.topic_prefix}.{one.topic}", one.value, key=one.key, headers=one.headers
            )
            for one in requests
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def _until_answered(client: Client, source: str, sku: str) -> None:
    """Wait until the last units are reserved and every attempt was decided, those that got nothing too.

    Raises:
        Unsound: more was sold than there was.
    """
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        state = client.get("inventory", f"/operations/streams/stock-{sku}", version=0)["stored_state"]
        shelf = state["shelves"]["WH-EAST"]
        if shelf["reserved"] > STOCK:
            raise Unsound(f"{shelf['reserved']} of {STOCK} units of {sku} were reserved")
        if shelf["reserved"] == STOCK and _taken(client, source) == ATTEMPTS:
            return
        time.sleep(0.1)
    raise Unsound("the reservations were not answered in two minutes")


def _taken(client: Client, source: str) -> int:
    """How many requests of a source were decided, by the service's inbox."""
    count, after = 0, NO_ID
    while ids := client.get("inventory", "/operations/consumed", source=source, after=after, limit=PAGE)["ids"]:
        count, after = count + len(ids), ids[-1]
    return count

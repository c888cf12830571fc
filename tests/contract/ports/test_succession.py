"""Who starts under the name of a process that was killed goes on where that one was, without a wait."""

import asyncio
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.description import Description
from deploy.local.topics import Topic, create_topics, delete_topics
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.kafka.broker import KafkaBroker
from shared.eventsourcing.kafka.membership import end_earlier_membership
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.messages import Record
from tests.contract.ports.waiting import PATIENCE_S, until

ROOT = Path(__file__).resolve().parents[3]
LONG_S = 300.0
"""A session that outlasts every patience here."""

EARLIER_LIFE = """
import asyncio, sys
from shared.eventsourcing.kafka.broker import KafkaBroker
from shared.eventsourcing.kafka.security import KafkaAccess

async def live(bootstrap, prefix, session_s):
    access = KafkaAccess(bootstrap=bootstrap)
    broker = KafkaBroker(access, prefix=prefix, partitions=8, client_id="order-one", session_s=float(session_s))
    async def take(records): ...
    broker.subscribe(["order.events"], "order", take, print)
    await broker.start()
    while not broker.delivering():
        await asyncio.sleep(0.01)
    print("delivering", flush=True)
    await asyncio.sleep(3600)

asyncio.run(live(*sys.argv[1:]))
"""


@pytest.fixture
async def prefix(infrastructure: Description) -> AsyncIterator[str]:
    """Names a topic and a group."""
    prefix = f"succession-{uuid4().hex[:8]}"
    topic = f"{prefix}.order.events"
    await create_topics(infrastructure.kafka, [Topic(name=topic, settings={})])
    yield prefix
    await delete_topics(infrastructure.kafka, [topic])


async def test_its_partitions_are_taken_over_before_its_session_runs_out(
    infrastructure: Description, prefix: str
) -> None:
    await _live_and_be_killed(infrastructure.kafka, prefix)
    taken: list[Record] = []

    async def take(records: Sequence[Record]) -> None:
        taken.extend(records)

    access = KafkaAccess(bootstrap=infrastructure.kafka)
    broker = KafkaBroker(access, prefix=prefix, partitions=8, client_id="order-one", session_s=LONG_S)
    broker.subscribe(["order.events"], "order", take, print)
    await broker.start()
    try:
        await broker.publish([Outgoing(topic="order.events", lane=0, key=b"k", value=b"v", headers=[])])
        await until(lambda: [one.value for one in taken] == [b"v"])
    finally:
        await broker.stop()


async def test_members_of_other_names_stay(infrastructure: Description, prefix: str) -> None:
    await _live_and_be_killed(infrastructure.kafka, prefix)
    access, group = KafkaAccess(bootstrap=infrastructure.kafka), f"{prefix}.order"

    assert await end_earlier_membership(access, group, "order-two") == 0
    assert await end_earlier_membership(access, group, "order-one") == 1
    assert await end_earlier_membership(access, group, "order-one") == 0


async def _live_and_be_killed(bootstrap: str, prefix: str) -> None:
    earlier = await create_subprocess_exec(
        sys.executable, "-c", EARLIER_LIFE, bootstrap, prefix, str(LONG_S), cwd=ROOT, stdout=PIPE
    )
    assert earlier.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await earlier.stdout.readline() != b"delivering\n":
                assert not earlier.stdout.at_eof()
    finally:
        earlier.kill()
        await earlier.wait()

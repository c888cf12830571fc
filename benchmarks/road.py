"""A running stack for the benchmarks that go down the whole road, and a watch on what it confirms."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from aiokafka import AIOKafkaConsumer

from benchmarks.orders import stock
from channels.publishing import BATCH, IntakeMessage, OrderPublisher
from deploy.local.components import MAILBOX, service, simulator
from deploy.local.databases import Database, create_databases, drop_databases, url_of
from deploy.local.description import Description
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from oms.client import Client
from oms.verify.run import verify
from shared.events.order import OrderConfirmed
from shared.events.registry import topic_of
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.postgres.migrate import migrate

COMPONENTS = (
    simulator(
        "gateway",
        *("--decline", "0", "--server-error", "0", "--timeout-after-effect", "0", "--timeout-before-effect", "0"),
    ),
    simulator("carrier"),
    MAILBOX,
    *(service(name) for name in SERVICES),
)
"""Every order is to be confirmed, so the gateway approves of all."""

LOTS = 1_000
"""Lots of stock received in one request."""


class Unsound(Exception):
    """An order was not confirmed, or `oms verify` found something: the run is not reported."""


@contextmanager
def stack_for_benchmarks() -> Iterator[Description]:
    """Five services and the simulators, nobody at the warehouse, in a directory that goes away."""
    with TemporaryDirectory(prefix="orderstream-bench-") as folder:
        environment = {"shipping": {"OMS_WAREHOUSE": "manual"}} | {
            name: {"OMS_LOG_LEVEL": "warning"} for name in ("order", "inventory", "payment", "notification")
        }
        stack = Stack(Path(folder) / "state", components=COMPONENTS, environment=environment)
        try:
            description = stack.start()
            with Client(description) as client:
                receive(client)
            yield description
        finally:
            stack.discard()


@asynccontextmanager
async def scratch_database(description: Description) -> AsyncIterator[str]:
    """The URL of a database with the runtime's tables that belongs to no service, and goes away."""
    database = Database(name="benchmarks", password=uuid4().hex)
    await create_databases(description.postgres, [database], own_server=False)
    try:
        url = url_of(description.postgres, database)
        await asyncio.to_thread(migrate, "notification", url)
        yield url
    finally:
        await drop_databases(description.postgres, [database.name])


def receive(client: Client) -> None:
    """Bring the stock in."""
    lines = [one.model_dump() for one in stock()]
    for start in range(0, len(lines), LOTS):
        client.post("inventory", "/stock/bulk-receive", {"lines": lines[start : start + LOTS]})


def insist_on_verify(description: Description) -> None:
    """Check every promise.

    Raises:
        Unsound: one of them is broken.
    """
    with Client(description) as client:
        broken = [verdict for verdict in verify(client, patience_s=60) if verdict.findings]
    if broken:
        raise Unsound("; ".join(f"{one.invariant}: {one.findings[0].what}" for one in broken))


@asynccontextmanager
async def confirmations(description: Description) -> AsyncIterator["Confirmations"]:
    """Watch the order service's events from now on."""
    consumer = AIOKafkaConsumer(
        f"{description.topic_prefix}.{topic_of(OrderConfirmed)}",
        bootstrap_servers=description.kafka,
        auto_offset_reset="latest",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        await consumer.seek_to_end()
        yield Confirmations(consumer)
    finally:
        await consumer.stop()


class Confirmations:
    """Counts confirmations by their headers alone, and notes when the broker had each."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.at_ms: dict[bytes, int] = {}
        """By order number."""

    async def until(self, number: int, patience_s: float = 120) -> None:
        """Wait for so many confirmations.

        Raises:
            Unsound: they don't come.
        """
        try:
            await self._read_until(number, patience_s)
        except TimeoutError:
            found = f"{len(self.at_ms)} of {number} orders were confirmed in {patience_s:.0f} s"
            raise Unsound(found) from None

    async def _read_until(self, number: int, patience_s: float) -> None:
        wanted = "ce_type", OrderConfirmed.wire_type.encode()
        async with asyncio.timeout(patience_s):
            while len(self.at_ms) < number:
                batches = await self._consumer.getmany(timeout_ms=100)
                for records in batches.values():
                    for record in records:
                        if wanted in record.headers:
                            self.at_ms.setdefault(record.key, record.timestamp)


async def place(description: Description, messages: Sequence[IntakeMessage]) -> None:
    """Publish orders as fast as the broker takes them."""
    access = KafkaAccess(bootstrap=description.kafka)
    async with OrderPublisher(access, prefix=description.topic_prefix) as publisher:
        for start in range(0, len(messages), BATCH):
            await publisher.deliver(messages[start : start + BATCH])

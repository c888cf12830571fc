"""A running stack for the benchmarks that go down the whole road, and a watch on what it says of its orders."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from aiokafka import AIOKafkaConsumer

from benchmarks.orders import stock
from benchmarks.processor import Usage, until_quiet, usage_of
from channels.publishing import BATCH, IntakeMessage, OrderPublisher
from deploy.local.components import MAILBOX, service, simulator
from deploy.local.databases import Database, create_databases, drop_databases, url_of
from deploy.local.description import Description
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from oms.client import Client
from oms.verify.run import all_checks, verify
from shared.events.order import OrderConfirmed
from shared.events.payload import Event
from shared.events.registry import topic_of
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.postgres.migrate import migrate

COMPONENTS = (
    simulator(
        "gateway",
        *("--decline", "0", "--server-error", "0", "--timeout-after-effect", "0", "--timeout-before-effect", "0"),
    ),
    simulator("carrier", *("--pace", "0", "--refuse", "0", "--delay", "0", "--exception", "0")),
    MAILBOX,
    *(service(name) for name in SERVICES),
)
"""Every order is to be confirmed, so the gateway approves of all; every parcel arrives, and at once."""
ENVIRONMENT = {name: {"OMS_LOG_LEVEL": "warning"} for name in SERVICES}
AUTOMATIC = {"OMS_WAREHOUSE": "automatic"}
"""The warehouse picks and packs by itself; otherwise nobody is there, and a confirmed order goes no further."""

LOTS = 1_000
"""Lots of stock received in one request."""
STREAMS = 100
"""Of each service, folded anew at each verification."""
RESERVED_BY_HAND = "hot-"
"""How numbers begin for which stock is reserved and no order is there."""


class Unsound(Exception):
    """An order did not come through, or `oms verify` found something: the run is not reported."""


class Road:
    """A running stack with its stock in, and what is asked of it before a figure is reported."""

    def __init__(self, stack: Stack, client: Client) -> None:
        self.stack = stack
        self.client = client

    @property
    def description(self) -> Description:
        return self.stack.description

    async def insist_on_verify(self) -> None:
        """Check every promise, on all that was ever measured on this stack.

        Raises:
            Unsound: one of them is broken.
        """
        checks = all_checks(STREAMS, reserved_by_hand=(RESERVED_BY_HAND,))
        verdicts = await asyncio.to_thread(verify, self.client, checks, patience_s=60)
        if broken := [verdict for verdict in verdicts if verdict.findings]:
            raise Unsound("; ".join(f"{one.invariant}: {one.findings[0].what}" for one in broken))

    async def usage(self) -> Usage:
        """The processor time that every process has used, once nothing is left to do."""
        await until_quiet(self.stack.state)
        return usage_of(self.stack.state)

    @asynccontextmanager
    async def automatic_warehouse(self) -> AsyncIterator[None]:
        """Confirmed orders go on to their end meanwhile."""
        await asyncio.to_thread(self.stack.restart, "shipping", AUTOMATIC)
        try:
            yield
        finally:
            await asyncio.to_thread(self.stack.restart, "shipping")


@contextmanager
def road() -> Iterator[Road]:
    """Five services and the simulators, nobody at the warehouse, in a directory that goes away."""
    with TemporaryDirectory(prefix="orderstream-bench-") as folder:
        environment = ENVIRONMENT | {"shipping": {**ENVIRONMENT["shipping"], "OMS_WAREHOUSE": "manual"}}
        stack = Stack(Path(folder) / "state", components=COMPONENTS, environment=environment)
        try:
            with Client(stack.start()) as client:
                receive(client)
                yield Road(stack, client)
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


async def until(there: Callable[[], Awaitable[bool]], what: str, *, patience_s: float, look_s: float) -> None:
    """Look again and again until it is there.

    Raises:
        Unsound: it is not, after so many seconds.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if await there():
            return
        await asyncio.sleep(look_s)
    raise Unsound(f"waited {patience_s:.0f} s for {what}")


@asynccontextmanager
async def watch(description: Description, event: type[Event] = OrderConfirmed) -> AsyncIterator["Watch"]:
    """Watch the order service's events from now on for one that every order comes to."""
    consumer = AIOKafkaConsumer(
        f"{description.topic_prefix}.{topic_of(event)}",
        bootstrap_servers=description.kafka,
        auto_offset_reset="latest",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        await consumer.seek_to_end()
        yield Watch(consumer, event)
    finally:
        await consumer.stop()


class Watch:
    """Knows an event by its headers alone, and notes when a reader of the topic sees it for each order."""

    def __init__(self, consumer: AIOKafkaConsumer, event: type[Event]) -> None:
        self._consumer = consumer
        self._event = event
        self.seen_at: dict[bytes, float] = {}
        """Seconds since 1970, by order number."""

    @property
    def last(self) -> float:
        """When the last one was seen."""
        return max(self.seen_at.values())

    async def until(self, number: int, patience_s: float = 120) -> None:
        """Wait until so many orders have come to it, in all.

        Raises:
            Unsound: for so long none more has come.
        """
        wanted = "ce_type", self._event.wire_type.encode()
        moved = time.monotonic()
        while len(self.seen_at) < number:
            batches = await self._consumer.getmany(timeout_ms=100)
            now = time.time()
            for records in batches.values():
                for record in records:
                    if wanted in record.headers:
                        self.seen_at.setdefault(record.key, now)
                        moved = time.monotonic()
            if time.monotonic() - moved > patience_s:
                name = self._event.wire_type.rpartition(".")[0]
                raise Unsound(f"{len(self.seen_at)} of {number} orders came to {name}; none in {patience_s:.0f} s")


async def place(description: Description, messages: Sequence[IntakeMessage]) -> None:
    """Publish orders as fast as the broker takes them."""
    access = KafkaAccess(bootstrap=description.kafka)
    async with OrderPublisher(access, prefix=description.topic_prefix) as publisher:
        for start in range(0, len(messages), BATCH):
            await publisher.deliver(messages[start : start + BATCH])

"""The ports, real and in memory; every test finds them empty."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.description import Description
from deploy.local.topics import Topic, create_topics, delete_topics
from shared.eventsourcing.broker import Broker
from shared.eventsourcing.chain import GENESIS
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.gathering import GATHER_S
from shared.eventsourcing.kafka.broker import KafkaBroker
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.memory.broker import Cluster, MemoryBroker
from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.postgres.migrate import migrate
from shared.eventsourcing.postgres.store import PostgresStore
from shared.eventsourcing.store import Store

TOPICS = ("order.commands", "order.events")


class NewBroker(Protocol):
    """Makes one more connection to the cluster, not started yet; in memory nothing gathers."""

    def __call__(self, *, gather_s: float = GATHER_S) -> Broker: ...


class Connect(Protocol):
    """Opens one more instance of the service's store."""

    async def __call__(self) -> Store: ...


@pytest.fixture(scope="session")
def database(infrastructure: Description) -> str:
    """The URL of a migrated database."""
    url = infrastructure.databases["order"]
    migrate("order", url)
    return url


@pytest.fixture(params=["postgres", "memory"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of the database; None in memory."""
    return str(request.getfixturevalue("database")) if request.param == "postgres" else None


@pytest.fixture
async def connect(database_url: str | None) -> AsyncIterator[Connect]:
    """Opens instances of one service over the same empty store."""
    async with AsyncExitStack() as stack:
        if database_url is None:
            tables, locks, clock = Tables(), Locks(), SystemClock()

            async def in_memory() -> Store:
                return MemoryStore(tables, locks, clock)

            yield in_memory
        else:
            await _empty(database_url)

            async def in_postgres() -> Store:
                store = await PostgresStore.connect(database_url)
                stack.push_async_callback(store.close)
                return store

            yield in_postgres


@pytest.fixture
async def store(connect: Connect) -> Store:
    """One instance's store."""
    return await connect()


@pytest.fixture
async def other(connect: Connect) -> Store:
    """Another instance's store, over the same tables."""
    return await connect()


@pytest.fixture(params=["kafka", "memory"])
def bootstrap(request: pytest.FixtureRequest) -> str | None:
    """The address of the cluster; None in memory."""
    return str(request.getfixturevalue("infrastructure").kafka) if request.param == "kafka" else None


@pytest.fixture
async def new_broker(bootstrap: str | None) -> AsyncIterator[NewBroker]:
    """Makes connections to one empty cluster; they are stopped in the end."""
    made: list[Broker] = []
    delete: Callable[[], Awaitable[None]] | None = None
    if bootstrap is None:
        cluster = Cluster(partitions=8)

        def new(gather_s: float) -> Broker:
            return MemoryBroker(cluster)
    else:
        prefix = f"ports-{uuid4().hex[:8]}"
        names = [f"{prefix}.{topic}" for topic in TOPICS]
        await create_topics(bootstrap, [Topic(name=name, settings={}) for name in names])

        async def delete_all() -> None:
            await delete_topics(bootstrap, names)

        delete = delete_all

        def new(gather_s: float) -> Broker:
            return KafkaBroker(
                KafkaAccess(bootstrap=bootstrap),
                prefix=prefix,
                partitions=8,
                client_id=f"test-{len(made)}",
                gather_s=gather_s,
            )

    def tracked(*, gather_s: float = GATHER_S) -> Broker:
        made.append(new(gather_s))
        return made[-1]

    yield tracked
    await asyncio.gather(*(broker.stop() for broker in made))
    if delete is not None:
        await delete()


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "truncate log, stream, inbox, reminder, parked, discarded, instance, reader, view_row"
        )
        await connection.execute("update lane set head = 0, chain_hash = $1", GENESIS)
    finally:
        await connection.close()

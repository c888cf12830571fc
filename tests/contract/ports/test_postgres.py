"""What only PostgreSQL has: migrations and a bell for other processes."""

import asyncio
import socket
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from string import ascii_letters
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local.description import Description
from deploy.local.ports import HOST
from deploy.local.topics import SERVICES
from shared.events.registry import CONTRACT
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.pipeline import Pipeline
from shared.eventsourcing.postgres.migrate import MigrationFailed, migrate
from shared.eventsourcing.postgres.statements import APPEND_ONLY, NEAR, READERS, SCHEMA
from shared.eventsourcing.postgres.store import PostgresStore
from shared.eventsourcing.store import StoreUnavailable
from tests.contract.ports.waiting import PATIENCE_S
from tests.contract.ports.writing import record
from tests.unit.eventsourcing.toy import arrival, block, toy_model, translate
from tests.wire.tap import Tap

TABLES_OF = """
select
    relation.relname as relation, relation.relkind::text as kind, attribute.attname as name,
    format_type(attribute.atttypid, attribute.atttypmod) as type, attribute.attnotnull as required,
    attribute.attidentity::text as identity, ordering.collname as ordering, relation.reloptions as options,
    pg_get_expr(initial.adbin, initial.adrelid) as initial
from pg_class as relation
join pg_attribute as attribute on attribute.attrelid = relation.oid and attribute.attnum > 0
left join pg_collation as ordering on ordering.oid = attribute.attcollation
left join pg_attrdef as initial on initial.adrelid = relation.oid and initial.adnum = attribute.attnum
where relation.relnamespace = $1::regnamespace and relation.relname !~ '^alembic'
order by relation.relname, attribute.attnum
"""
INDEXES_OF = (
    "select indexname, indexdef from pg_indexes where schemaname = $1 and tablename !~ '^alembic' order by 1"
)
CHECKS_OF = """
select conname, pg_get_constraintdef(oid) from pg_constraint
where connamespace = $1::regnamespace and contype = 'c' order by 1
"""
OF_AN_ORDER = "create index view_row_order on view_row (view, (row ->> 'order_number'))"
FOUND_BY: Mapping[str, Sequence[str]] = {
    "order": (
        "create index view_row_customer on view_row (view, (row ->> 'customer_id'))",
        "create index view_row_accepted"
        " on view_row (view, (coalesce(row ->> 'accepted_at', '')) collate \"C\", key)",
        "create index view_row_on_hold on view_row (view) where row ->> 'on_hold' = 'yes'",
    ),
    "inventory": (),
    "payment": (OF_AN_ORDER,),
    "shipping": (
        OF_AN_ORDER,
        "create index view_row_exception on view_row (view) where row ->> 'has_exception' = 'yes'",
    ),
    "notification": (OF_AN_ORDER,),
}
"""What a service's own questions need beside the tables of the runtime."""


def _in_database(url: str, work: Any) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


async def _described(connection: "asyncpg.Connection[asyncpg.Record]", schema: str) -> list[list[tuple[Any, ...]]]:
    found = []
    for query in (TABLES_OF, INDEXES_OF, CHECKS_OF):
        rows = await connection.fetch(query, schema)
        found.append([tuple(str(value).replace(f"{schema}.", "") for value in row) for row in rows])
    return found


async def _expected(service: str, connection: "asyncpg.Connection[asyncpg.Record]") -> list[list[tuple[Any, ...]]]:
    await connection.execute("drop schema if exists expected cascade; create schema expected")
    await connection.execute("set search_path to expected")
    await connection.execute(SCHEMA)
    await connection.execute(NEAR)
    await connection.execute(APPEND_ONLY)
    await connection.execute(READERS)
    for index in FOUND_BY[service]:
        await connection.execute(index)
    await connection.execute("reset search_path")
    try:
        return await _described(connection, "expected")
    finally:
        await connection.execute("drop schema expected cascade")


@pytest.mark.parametrize("service", SERVICES)
def test_a_migrated_database_has_the_tables_of_the_runtime_and_migrating_again_changes_nothing(
    infrastructure: Description, service: str
) -> None:
    url = infrastructure.databases[service]

    migrate(service, url)
    once = _in_database(url, lambda connection: _described(connection, "public"))
    migrate(service, url)
    twice = _in_database(url, lambda connection: _described(connection, "public"))

    assert once == _in_database(url, partial(_expected, service))
    assert twice == once


def test_a_database_that_cannot_be_reached_is_said_in_one_line() -> None:
    with pytest.raises(MigrationFailed, match=r"^database not migrated: [^\n]+$"):
        migrate("order", "postgresql://nobody:x@127.0.0.1:1/nothing")


async def test_a_commit_rings_the_bell_in_another_process_while_one_runs(database: str) -> None:
    one, other = await PostgresStore.connect(database), await PostgresStore.connect(database)
    rings: list[Collection[int]] = []
    heard, listening = asyncio.Event(), asyncio.Event()

    def ring(lanes: Collection[int]) -> None:
        rings.append(lanes)
        heard.set()

    ear = asyncio.create_task(other.listen(ring, listening.set, lambda: asyncio.sleep(60)))
    await listening.wait()
    await _forget_instances(database)
    await one.lease_lanes("relay", "one", 60)
    await record(one, 1, "customer-unheard")
    await other.lease_lanes("relay", "other", 60)
    await record(one, 1, "customer-bell")
    async with asyncio.timeout(30):
        await heard.wait()

    assert rings == [[1]]
    ear.cancel()
    with suppress(asyncio.CancelledError):
        await ear
    await _forget_instances(database)
    await one.close()
    await other.close()


async def _forget_instances(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("delete from instance")
    finally:
        await connection.close()


async def test_a_dead_line_is_noticed(database: str, infrastructure: Description) -> None:
    store = await PostgresStore.connect(database, max_connections=2)
    listening, go_on = asyncio.Event(), asyncio.Event()

    ear = asyncio.create_task(store.listen(lambda lanes: None, listening.set, go_on.wait))
    await listening.wait()
    await _end_other_connections(infrastructure.postgres)
    go_on.set()

    with pytest.raises(StoreUnavailable):
        await ear
    async with asyncio.timeout(30):
        await _answering(store)
    await store.close()


async def test_a_transaction_whose_connection_is_lost_is_unavailable_and_leaves_nothing(
    database: str, infrastructure: Description
) -> None:
    store = await PostgresStore.connect(database)
    with pytest.raises(StoreUnavailable):
        await _cut(store, infrastructure.postgres)

    await _answering(store)
    assert await store.stream("customer-cut") is None
    await store.close()


async def test_a_process_that_stands_still_in_a_transaction_keeps_its_locks_from_nobody_for_long(
    database: str,
) -> None:
    frozen = await PostgresStore.connect(database, stands_still_s=0.5)
    other = await PostgresStore.connect(database)

    async def stand_still() -> None:
        async with frozen.transaction() as transaction:
            await transaction.load([], [], [1])
            await record(other, 1, "customer-awake")
            await transaction.load([], [], [2])

    with pytest.raises(StoreUnavailable):
        await stand_still()

    assert await other.stream("customer-awake") is not None
    await _answering(frozen)
    await frozen.close()
    await other.close()


async def test_a_transaction_that_never_ends_keeps_its_locks_from_nobody_for_long(database: str) -> None:
    """It is never idle for long: who froze between the halves of a statement does not count as idle either."""
    endless = await PostgresStore.connect(database, stands_still_s=0.5)
    other = await PostgresStore.connect(database)

    async def go_on_and_on() -> None:
        async with endless.transaction() as transaction:
            while True:
                await transaction.load([], [], [1])
                await asyncio.sleep(0.1)

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StoreUnavailable):
            await go_on_and_on()

    await record(other, 1, "customer-awake")
    assert await other.stream("customer-awake") is not None
    await _answering(endless)
    await endless.close()
    await other.close()


async def test_a_message_whose_key_no_index_takes_parks_under_a_shorter_one(database: str) -> None:
    store, model = await PostgresStore.connect(database), toy_model()
    pipeline = Pipeline(
        model,
        store,
        SystemClock(),
        translate=translate(model),
        decoder=Decoder(CONTRACT),
        observer=Metrics(),
        on_commit=lambda committed: None,
    )
    running = asyncio.create_task(pipeline.run())
    key = "".join(Random(1).choices(ascii_letters, k=20_000))
    await pipeline.take([arrival(block("good")), arrival(block("bad"), key), arrival(block("fine"))])
    pipeline.stop()
    await running

    assert [len(one.key) for one in await store.parked(key[:500])] == [500]
    assert await store.stream("customer-good") is not None
    assert await store.stream("customer-fine") is not None
    assert await store.stream("customer-bad") is None
    await store.close()


async def test_a_server_that_is_away_is_waited_for(database: str) -> None:
    there = urlsplit(database)
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    elsewhere = database.replace(f":{there.port}/", f":{port}/")
    refused = asyncio.create_task(PostgresStore.connect(elsewhere))
    waiting = asyncio.create_task(PostgresStore.connect(elsewhere, patience_s=PATIENCE_S))

    with pytest.raises(StoreUnavailable):
        await refused
    with Tap(listens=port, target=there.port or 0):
        store = await waiting
        await store.ping()
        await store.close()


async def test_a_server_that_takes_no_writes_is_away(database: str) -> None:
    store = await PostgresStore.connect(f"{database}?default_transaction_read_only=on")

    with pytest.raises(StoreUnavailable, match="read-only transaction"):
        await store.release_leases("anybody")
    await store.close()


async def test_no_database_is_said_in_one_line(infrastructure: Description) -> None:
    def connect(url: str) -> Awaitable[PostgresStore]:
        return PostgresStore.connect(url)

    with pytest.raises(StoreUnavailable, match=r"^[^\n]+$"):
        await connect("postgresql://nobody:x@127.0.0.1:1/nothing")
    with pytest.raises(StoreUnavailable, match="does not exist"):
        await PostgresStore.connect(infrastructure.postgres.rpartition("/")[0] + "/nothing", patience_s=10**6)


async def _cut(store: PostgresStore, admin_url: str) -> None:
    async with store.transaction() as transaction:
        await transaction.load(["customer-cut"], [], [1])
        await _end_other_connections(admin_url)
        await transaction.load([], [], [2])


async def _answering(store: PostgresStore) -> None:
    while True:
        with suppress(StoreUnavailable):
            return await store.ping()


async def _end_other_connections(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'orderstream' and pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()

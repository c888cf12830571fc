"""What a service's interface asks its views is found by an index, however many rows there are."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

import asyncpg
import pytest

from deploy.local.description import Description
from shared.eventsourcing.postgres.migrate import migrate
from shared.eventsourcing.postgres.store import PostgresStore
from tests.contract.ports.waiting import PATIENCE_S

ROWS = 20_000
FILL = """
insert into view_row (view, key, row)
select
    'things@1',
    'key-' || number,
    jsonb_build_object(
        'key', 'key-' || number,
        'status', 'some-' || number % 1000,
        'channel', 'some-' || number % 10,
        'customer_id', 'of-' || number % 4000,
        'order_number', 'of-' || number % 4000,
        'accepted_at', to_char(number, '000000'),
        'recorded_at', to_char(number, '000000'),
        'on_hold', case number % 1000 when 0 then 'yes' else 'no' end,
        'has_exception', case number % 1000 when 0 then 'yes' else 'no' end
    )
from generate_series(1, $1::int) as number
"""
SCANS = "select seq_scan, idx_scan from pg_stat_user_tables where relname = 'view_row'"


@pytest.fixture
async def database(infrastructure: Description, service: str) -> AsyncIterator[str]:
    """The URL of the service's database, with a view of many rows in it."""
    url = infrastructure.databases[service]
    await asyncio.to_thread(migrate, service, url)
    connection = await asyncpg.connect(url)
    await connection.execute("truncate view_row")
    await connection.execute(FILL, ROWS)
    await connection.execute("analyze view_row")
    yield url
    await connection.execute("truncate view_row")
    await connection.close()


@pytest.mark.parametrize(
    ("service", "where", "order_by", "descending", "found"),
    [
        ("order", {}, "accepted_at", True, 100),
        ("order", {"customer_id": "of-7"}, "accepted_at", True, 5),
        ("order", {"status": "some-7"}, "accepted_at", True, 20),
        ("order", {"status": "some-7", "channel": "some-7"}, "accepted_at", True, 20),
        ("order", {"on_hold": "yes"}, "accepted_at", False, 20),
        ("inventory", {}, "", False, 100),
        ("inventory", {"status": ["some-7", "some-8"]}, "", False, 40),
        ("payment", {}, "", False, 100),
        ("payment", {"status": "some-7"}, "", False, 20),
        ("payment", {"order_number": "of-7"}, "recorded_at", False, 5),
        ("shipping", {"order_number": "of-7"}, "", False, 5),
        ("shipping", {"status": "some-7"}, "", False, 20),
        ("shipping", {"has_exception": "yes"}, "", False, 20),
        ("notification", {"order_number": "of-7"}, "", False, 5),
        ("notification", {"status": "some-7"}, "", False, 20),
    ],
)
async def test_a_question_of_the_desk_never_reads_the_whole_view(
    database: str, where: Mapping[str, str | Sequence[str]], order_by: str, descending: bool, found: int
) -> None:
    before = await _scans(database)

    store = await PostgresStore.connect(database)
    rows = await store.view_rows("things@1", where, order_by, descending, 100, 0)
    await store.close()  # a connection tells what it read when it ends

    assert len(rows) == found
    async with asyncio.timeout(PATIENCE_S):
        while (after := await _scans(database)) == before:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.05)
    assert after.whole == before.whole


class _Scans(NamedTuple):
    """How often the view was read."""

    whole: int
    by_index: int


async def _scans(url: str) -> _Scans:
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow(SCANS)
    await connection.close()
    assert row is not None
    return _Scans(row["seq_scan"], row["idx_scan"])

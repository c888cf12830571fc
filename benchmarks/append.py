"""Events a second of the append in batches of 200, beside a raw COPY of the same rows."""

import time
from collections.abc import Awaitable, Sequence
from typing import Any

import asyncpg

from benchmarks.measure import Findings, Measure
from benchmarks.road import Road, scratch_database
from shared.eventsourcing.chain import GENESIS, entry_hash
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.postgres.store import PostgresStore
from shared.eventsourcing.store import Append, LaneHead, LogEntry, StreamWrite

BATCH = 200
BATCHES = 100
RUNS = 5
CONFIGURATION = f"{RUNS} runs of {BATCHES} batches of {BATCH} events each way, after one to warm up"
PAYLOAD = '{"sku":"1029743","order_number":"7Q2M-XH4T-9KFD","allocations":[{"location":"WH-EAST","quantity":1}]}'

COLUMNS = [
    "lane", "position", "id", "kind", "type", "topic", "stream", "version", "partition_key", "correlation_id",
    "causation_id", "actor", "reason", "occurred_at", "recorded_at", "traceparent", "payload", "hash",
]  # fmt: skip


async def measure_append(road: Road) -> Findings:
    """The append of the runtime, and the ceiling."""
    async with scratch_database(road.description) as database:
        return await _measure(database)


async def _measure(database_url: str) -> Findings:
    store = await PostgresStore.connect(database_url)
    copied: list[float] = []
    appended: list[float] = []
    try:
        for run in range(RUNS + 1):
            rows = [[_row(entry) for entry in _entries(run, number, 0, GENESIS)] for number in range(BATCHES)]
            copied.append(await _rate(_copy_all(database_url, rows)))
            appended.append(await _rate(_append_all(store, run)))
    finally:
        await store.close()
    ratios = tuple(done / ceiling for done, ceiling in zip(appended[1:], copied[1:], strict=True))
    measures = (
        Measure(name="raw COPY of the same rows", unit="events/s", runs=tuple(copied[1:]), note="ceiling"),
        Measure(name="append in batches of 200", unit="events/s", runs=tuple(appended[1:])),
        Measure(name="append over COPY", unit="of the ceiling", runs=ratios, target="0.5"),
    )
    return Findings(measures=measures)


async def _rate(work: Awaitable[None]) -> float:
    began = time.perf_counter()
    await work
    return BATCH * BATCHES / (time.perf_counter() - began)


async def _copy_all(database_url: str, batches: Sequence[Sequence[tuple[Any, ...]]]) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("drop table if exists copied")
        await connection.execute("create table copied (like log including all)")
        for rows in batches:
            async with connection.transaction():
                await connection.copy_records_to_table("copied", records=rows, columns=COLUMNS)
    finally:
        await connection.close()


async def _append_all(store: PostgresStore, run: int) -> None:
    """Claim nothing, but lock the lane, append the rows and a stream a batch, and commit, as the pipeline does."""
    lane = 63
    for number in range(BATCHES):
        async with store.transaction() as transaction:
            head = (await transaction.load([], [], [lane])).heads[lane]
            entries = _entries(run, number, head.head, head.chain_hash)
            last = entries[-1]
            stream = f"bench-{run}-{number}"
            await transaction.append(
                Append(
                    recorded_at=last.recorded_at,
                    entries=entries,
                    heads={lane: LaneHead(last.position, last.hash)},
                    streams=[StreamWrite(stream=stream, version=BATCH, state="{}", is_new=True)],
                )
            )


def _entries(run: int, number: int, head: int, chain: bytes) -> list[LogEntry]:
    clock = SystemClock()
    now = clock.now()
    cause = clock.new_id()
    start = head or (run * BATCHES + number) * BATCH
    entries = []
    for place in range(1, BATCH + 1):
        columns: dict[str, Any] = {
            "lane": 63,
            "position": start + place,
            "kind": "event",
            "type": "inventory.stock-allocated.v1",
            "topic": "inventory.events",
            "stream": f"bench-{run}-{number}",
            "version": place,
            "partition_key": "7Q2M-XH4T-9KFD",
            "correlation_id": "7Q2M-XH4T-9KFD",
            "actor": "system",
            "reason": "",
            "occurred_at": now,
            "recorded_at": now,
            "payload": PAYLOAD,
        }
        id = clock.new_id()
        chain = entry_hash(chain, id=str(id), causation_id=str(cause), **columns)
        entries.append(LogEntry(id=id, causation_id=cause, traceparent="", hash=chain, **columns))
    return entries


def _row(entry: LogEntry) -> tuple[Any, ...]:
    return tuple(getattr(entry, column) for column in COLUMNS)

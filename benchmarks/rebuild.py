"""Events a second of a rebuild: a view filled anew, and every stream folded anew, from the order service's log.

The log is copied to a database of its own, so that no running service shares its lanes with the measure.
"""

import asyncio
import io
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import asyncpg
import orjson

from benchmarks.measure import Findings, Measure
from benchmarks.placement import warm_up
from benchmarks.road import Road, Unsound, scratch_database, until
from services.order.app import definition
from services.order.settings import Settings
from services.order.views import ORDERS
from shared.events.order import OrderPlaced
from shared.events.payload import Event
from shared.events.registry import CONTRACT
from shared.eventsourcing.batch import StateCodec
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.decider import Model
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.postgres.store import PostgresStore
from shared.eventsourcing.projections import Projector
from shared.eventsourcing.reading_lanes import LaneReader
from shared.eventsourcing.store import LogEntry
from shared.eventsourcing.views import View, view_id

ENTRIES = 40_000
"""Of the log, as many of each lane; where it has fewer, orders are placed first."""
PLACED_AT_ONCE = 2_000
RUNS = 3
LOOK_S = 0.01
PATIENCE_S = 120.0
COPIED = {
    "lane": "select lane, least(head, $1), chain_hash from lane",
    "log": "select * from log where position <= $1",
    "stream": """
        select stream.*
        from stream
        join (
            select stream, count(*) as facts
            from log
            where kind = 'event' and position <= $1
            group by stream
        ) as copied using (stream)
        where facts = version
    """,
}
CONFIGURATION = (
    f"{ENTRIES:,} entries of the order service's log, {RUNS} runs each in one process; what comes out is"
    " compared with what the service holds"
)


async def measure_rebuild(road: Road) -> Findings:
    """A view by its projector, stream states by the service's own folds."""
    source = road.description.databases["order"]
    while (positions := await _positions_with(source, ENTRIES)) is None:
        await warm_up(road, orders=PLACED_AT_ONCE)
    await road.usage()
    settings = Settings.model_validate({"database_url": source, "kafka_bootstrap": road.description.kafka})
    model = definition(settings).model
    async with scratch_database(road.description) as url, _connected(source, url, positions) as store:
        await _rebuild(store, url, 0)
        views = [await _rebuild(store, url, run) for run in range(1, RUNS + 1)]
        await _compare_view(source, url, RUNS)
        await _fold(store, model)
        folds = [await _fold(store, model) for _ in range(RUNS)]
    return Findings(
        measures=(
            Measure(name="rebuild of a view", unit="events/s", runs=tuple(views), target="30,000"),
            Measure(name="rebuild of stream states", unit="events/s", runs=tuple(folds), target="30,000"),
        )
    )


@asynccontextmanager
async def _connected(source: str, target: str, positions: int) -> AsyncIterator[PostgresStore]:
    """A store on the target: so many positions of each of the source's lanes, and the streams whole in them."""
    for table, question in COPIED.items():
        await _copy(source, target, table, question, positions)
    store = await PostgresStore.connect(target)
    try:
        yield store
    finally:
        await store.close()


async def _copy(source: str, target: str, table: str, question: str, positions: int) -> None:
    rows = io.BytesIO()
    reading, writing = await asyncpg.connect(source), await asyncpg.connect(target)
    try:
        await reading.copy_from_query(question, positions, output=rows, format="binary")
        rows.seek(0)
        await writing.execute(f"truncate {table}")
        await writing.copy_to_table(table, source=rows, format="binary")
        await writing.execute(f"analyze {table}")
    finally:
        await reading.close()
        await writing.close()


async def _positions_with(url: str, entries: int) -> int | None:
    """How much of every lane it takes to have so many entries; None: the log has fewer."""
    connection = await asyncpg.connect(url)
    try:
        heads = [row["head"] for row in await connection.fetch("select head from lane order by lane")]
    finally:
        await connection.close()
    return next(
        (upto for upto in range(max(heads) + 1) if sum(min(upto, head) for head in heads) >= entries), None
    )


async def _count(url: str, question: str, *arguments: Any) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(question, *arguments))
    finally:
        await connection.close()


async def _rebuild(store: PostgresStore, url: str, run: int) -> float:
    """Fill a new version of the view from the first fact on, as a service does that starts with it."""
    view = _version(run)
    types = [event.wire_type for event in view.handles]
    heads = {lane: head.head for lane, head in (await store.lanes()).items()}
    events = await _count(url, "select count(*) from log where type = any($1::text[])", types)
    clock = SystemClock()
    reader = LaneReader(store, clock, name=view_id(view), owner="benchmarks", types=types)
    projector = Projector(view, reader, store, clock, Decoder(CONTRACT))

    async def at_the_heads() -> bool:
        return {lane: lease.position for lane, lease in reader.leases.items()} == heads

    began = time.perf_counter()
    work = asyncio.create_task(projector.run())
    try:
        await until(at_the_heads, "the view to be rebuilt", patience_s=PATIENCE_S, look_s=LOOK_S)
        return events / (time.perf_counter() - began)
    finally:
        projector.stop()
        await work


def _version(run: int) -> View:
    return replace(ORDERS, version=1_000 + run)


async def _compare_view(source: str, target: str, run: int) -> None:
    """Raises Unsound when the view came out otherwise than the service has it."""
    served, rebuilt = await _rows(source, ORDERS), await _rows(target, _version(run))
    placed = await _count(target, "select count(*) from log where type = $1", OrderPlaced.wire_type)
    cut_off = await _cut_off(target)
    wrong = sum(1 for key, row in rebuilt.items() if key not in cut_off and row != served.get(key))
    if wrong or len(rebuilt) != placed:
        raise Unsound(
            f"of {placed} orders the rebuilt view has {len(rebuilt)}, {wrong} otherwise than the service"
        )


async def _cut_off(url: str) -> set[str]:
    """Orders of which the copy holds some facts and not all."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("select distinct stream from log where kind = 'event'")
        whole = await connection.fetch("select stream from stream")
    finally:
        await connection.close()
    return {stream.partition("-")[2] for stream in {row[0] for row in found} - {row[0] for row in whole}}


async def _rows(url: str, view: View) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("select key, row::text as row from view_row where view = $1", view_id(view))
        return {row["key"]: row["row"] for row in found}
    finally:
        await connection.close()


@dataclass(slots=True)
class _Fold:
    """States as their streams' facts come in; facts of one stream may lie in several lanes, so some come early."""

    model: Model
    states: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    early: dict[tuple[str, int], Event] = field(default_factory=dict)
    events: int = 0

    def take(self, entry: LogEntry) -> None:
        stream = entry.stream
        self.early[stream, entry.version] = cast("Event", CONTRACT[entry.type].model_validate_json(entry.payload))
        while (event := self.early.pop((stream, self.versions[stream] + 1), None)) is not None:
            category = self.model.category_of(stream)
            self.states[stream] = category.evolve(self.states.get(stream, category.initial), event)
            self.versions[stream] += 1
            self.events += 1


async def _fold(store: PostgresStore, model: Model) -> float:
    """Read the log lane by lane, fold every stream, and compare the states of whole streams with those stored.

    Raises:
        Unsound: they differ.
    """
    fold, codec = _Fold(model), StateCodec(model)
    reached = dict.fromkeys(range(LANES), 0)
    began = time.perf_counter()
    while slices := await store.read(reached, 200):
        for one in slices:
            reached[one.lane] = one.scanned_to
            for entry in one.entries:
                if entry.kind == "event":
                    fold.take(entry)
    states = {stream: codec.encode(stream, state) for stream, state in fold.states.items()}
    rate = fold.events / (time.perf_counter() - began)
    for category in model.categories:
        after = ""
        while page := await store.streams(category.name, after, 1_000):
            for after, row in page:
                if orjson.loads(row.state) != orjson.loads(states.get(after, "null")):
                    raise Unsound(f"the state of {after} is not the fold of its facts")
    return rate

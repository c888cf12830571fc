"""The placement saga over every peer's, on the PostgreSQL that the stack runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from benchmarks.measure import Measure
from benchmarks.peers.programs import PEERS, NotMeasured, Peer, Result
from deploy.local.databases import Database, create_databases, drop_databases, url_of
from deploy.local.description import Description


async def measure_peers(description: Description, say: Callable[[str], None], saga: Measure) -> list[Measure]:
    """How many times the rate of each peer that of the saga is; a peer that can't be measured says why."""
    measures = []
    for peer in PEERS:
        say(f"the same placement by {peer.title}")
        name = f"placement saga over that of {peer.title}"
        try:
            async with _empty_database(description) as url:
                result = await asyncio.to_thread(peer.run, url)
        except NotMeasured as reason:
            measures.append(Measure(name=name, unit="times", runs=(), note=f"not measured: {reason}"))
        else:
            say(f"  {result.peer}: {result.setting}")
            measures.append(_ratio(name, saga, peer, result))
    return measures


def _ratio(name: str, saga: Measure, peer: Peer, result: Result) -> Measure:
    rate = Measure(name=peer.title, unit="orders/s", runs=result.orders_per_second).median
    note = (
        f"{saga.median:,.0f} over {rate:,.1f} orders/s ({rate * result.commands_per_order:,.0f} commands/s) "
        f"of {result.peer}, {result.setting}"
    )
    ratios = tuple(saga.median / run for run in result.orders_per_second)
    return Measure(name=name, unit="times", runs=ratios, note=f"{note}; {peer.target}" if peer.target else note)


@asynccontextmanager
async def _empty_database(description: Description) -> AsyncIterator[str]:
    """The URL of a database that belongs to no service, and goes away."""
    database = Database(name="benchmarks_peer", password=uuid4().hex)
    await create_databases(description.postgres, [database], own_server=False)
    try:
        yield url_of(description.postgres, database)
    finally:
        await drop_databases(description.postgres, [database.name])

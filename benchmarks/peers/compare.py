"""The placement saga over every peer's, on the PostgreSQL that the stack runs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

from benchmarks import placement
from benchmarks.measure import Findings, Measure
from benchmarks.peers.programs import PEERS, NotMeasured, Peer
from benchmarks.road import Road
from deploy.local.databases import Database, create_databases, drop_databases, url_of
from deploy.local.description import Description

CONFIGURATION = (
    "the same placement by what one would use instead, one after the other, on the same PostgreSQL; each tries how"
    " many orders at a time are fastest, then runs three times, while the stack stands idle"
)


async def measure_peers(road: Road) -> Findings:
    """Orders a second of each peer; one that can't be measured says why."""
    return Findings(measures=tuple([await _rate(road.description, peer) for peer in PEERS]))


def ratios(findings: Findings) -> Findings:
    """How many times the rate of each peer that of the saga is, where both were measured."""
    return Findings(measures=tuple(_ratios(findings)))


def _ratios(findings: Findings) -> Iterator[Measure]:
    saga = findings.named(placement.PREPAID)
    for peer in PEERS:
        rate = findings.named(_name(peer))
        if saga is not None and rate is not None and rate.runs:
            name = f"placement saga over that of {peer.title}"
            runs = tuple(saga.median / run for run in rate.runs)
            note = f"{saga.median:,.0f} over {rate.median:,.1f} orders/s"
            yield Measure(name=name, unit="times", runs=runs, target=peer.target, note=note)


async def _rate(description: Description, peer: Peer) -> Measure:
    try:
        async with _empty_database(description) as url:
            result = await asyncio.to_thread(peer.run, url)
    except NotMeasured as reason:
        return Measure(name=_name(peer), unit="orders/s", runs=(), note=str(reason))
    rate = Measure(name=_name(peer), unit="orders/s", runs=result.orders_per_second)
    commands = f"{rate.median * result.commands_per_order:,.0f} commands/s"
    return Measure(
        name=rate.name, unit=rate.unit, runs=rate.runs, note=f"{result.peer}, {result.setting}; {commands}"
    )


def _name(peer: Peer) -> str:
    return f"the same placement by {peer.title}"


@asynccontextmanager
async def _empty_database(description: Description) -> AsyncIterator[str]:
    """The URL of a database that belongs to no service, and goes away."""
    database = Database(name="benchmarks_peer", password=uuid4().hex)
    await create_databases(description.postgres, [database], own_server=False)
    try:
        yield url_of(description.postgres, database)
    finally:
        await drop_databases(description.postgres, [database.name])

"""Invariant 5: streams have no gaps, lanes have no gaps, and each lane's hash chain verifies."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from oms.client import SERVICES, Client
from oms.verify.finding import Entry, Finding
from shared.eventsourcing.chain import GENESIS, entry_hash
from shared.eventsourcing.lanes import LANES

NAMED = 1_000
"""Missing versions of one stream that are named, the lowest first."""


class Chain:
    """Recomputes every hash from the entries themselves."""

    name = "5 hash chains"

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], tuple[int, bytes]] = {}
        self._wrong: set[Finding] = set()
        self._entries = 0

    def see(self, entry: Entry) -> None:
        self._entries += 1
        position, previous = self._ends.get((entry.service, entry.lane), (0, GENESIS))
        where = f"{entry.service} lane {entry.lane}"
        if entry.position != position + 1:
            self._wrong.add(
                Finding(self.name, where, f"positions {position + 1} to {entry.position - 1} are missing")
            )
        if _hash(entry, previous).hex() != entry.hash:
            what = f"the hash of position {entry.position} does not follow from what is before it"
            self._wrong.add(Finding(self.name, where, what))
        # On from what is recorded, so that one change is one finding and not one for each entry after it.
        self._ends[entry.service, entry.lane] = (entry.position, bytes.fromhex(entry.hash))

    def findings(self, client: Client) -> Iterator[Finding]:
        yield from self._wrong
        for service in SERVICES:
            lanes = client.get(service, "/operations/lanes")["lanes"]
            for number in sorted(set(range(LANES)) - {lane["lane"] for lane in lanes}):
                yield Finding(self.name, f"{service} lane {number}", "the lane is not there")
            for lane in lanes:
                if not self._ends_at(client, service, lane):
                    where = f"{service} lane {lane['lane']}"
                    yield Finding(self.name, where, "its head is not the end of its chain")

    def _ends_at(self, client: Client, service: str, lane: Mapping[str, Any]) -> bool:
        position, end = self._ends.get((service, lane["lane"]), (0, GENESIS))
        if lane["head"] <= position:
            return bool(lane["head"] == position and lane["chain_hash"] == end.hex())
        grown = client.get(service, "/operations/chain", lane=lane["lane"], after=position, limit=1)
        return bool(grown["entries"])

    def checked(self) -> str:
        return f"{self._entries} entries"


class Versions:
    """Every stream's facts are numbered from 1 without gaps."""

    name = "5 stream versions"

    def __init__(self) -> None:
        self._complete: dict[str, int] = defaultdict(int)
        self._early: dict[str, set[int]] = defaultdict(set)
        self._twice: set[Finding] = set()

    def see(self, entry: Entry) -> None:
        if entry.kind != "event":
            return
        stream = f"{entry.service} {entry.stream}"
        early = self._early[stream]
        if entry.version <= self._complete[stream] or entry.version in early:
            self._twice.add(Finding(self.name, stream, f"version {entry.version} exists twice"))
            return
        early.add(entry.version)
        while self._complete[stream] + 1 in early:
            self._complete[stream] += 1
            early.remove(self._complete[stream])
        if not early:
            del self._early[stream]

    def findings(self, client: Client) -> Iterator[Finding]:
        yield from self._twice
        for stream, early in self._early.items():
            # One by one, so that a version which comes late takes nothing away from what is said of the others.
            between = range(self._complete[stream] + 1, max(early, default=0))
            for version in islice((one for one in between if one not in early), NAMED):
                yield Finding(self.name, stream, f"version {version} is missing")

    def checked(self) -> str:
        return f"{len(self._complete)} streams"


def _hash(entry: Entry, previous: bytes) -> bytes:
    return entry_hash(
        previous,
        lane=entry.lane,
        position=entry.position,
        id=entry.id,
        kind=entry.kind,
        type=entry.type,
        topic=entry.topic,
        stream=entry.stream,
        version=entry.version,
        partition_key=entry.partition_key,
        correlation_id=entry.correlation_id,
        causation_id=entry.causation_id,
        actor=entry.actor,
        reason=entry.reason,
        occurred_at=datetime.fromisoformat(entry.occurred_at),
        recorded_at=datetime.fromisoformat(entry.recorded_at),
        payload=entry.payload,
    )

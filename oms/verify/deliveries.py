"""Invariant 5: every relay is at the end of its lane, and what is published is what is consumed or parked."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from oms.client import SERVICES, Client
from oms.verify.finding import Entry, Finding
from oms.verify.logs import AT_ONCE, PAGE
from oms.verify.put_aside import put_aside
from shared.events.cloudevents import source_of
from shared.eventsourcing.lanes import LANES

NO_ID = "00000000-0000-0000-0000-000000000000"

Pair = tuple[str, str]
"""Producer, consumer."""
PAIRS: tuple[Pair, ...] = tuple(product(SERVICES, SERVICES))


class Deliveries:
    """Compares what each service sent to each other one with what that one has taken."""

    name = "5 published = consumed + parked"

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._compared = 0

    def see(self, entry: Entry) -> None:
        self._sent[entry.service, entry.topic, entry.type].add(entry.id)

    def findings(self, client: Client) -> Iterator[Finding]:
        yield from self._behind(client)
        expected = self._expected(client)
        self._compared = sum(len(ids) for ids in expected.values())
        aside = {of: {one["message_id"] for one in put_aside(client, of)} for of in SERVICES}
        missing: dict[Pair, set[str]] = {}
        foreign: dict[Pair, set[str]] = {}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # Also those of whom one sends nothing to the other.
            taken = pool.map(lambda pair: _consumed(client, *pair), PAIRS)
            for pair, found in zip(PAIRS, taken, strict=True):
                missing[pair] = expected[pair] - found - aside[pair[1]]
                foreign[pair] = found - expected[pair]
        for (producer, consumer), ids in missing.items():
            for identity in ids:
                yield Finding(self.name, f"{producer} to {consumer}", f"{identity} was published and not taken")
        for (producer, consumer), ids in foreign.items():
            for identity in ids:
                what = f"{identity} was taken and is not in the store of {producer}"
                yield Finding(self.name, f"{producer} to {consumer}", what)

    def checked(self) -> str:
        return f"{self._compared} messages"

    def _expected(self, client: Client) -> dict[Pair, set[str]]:
        """The ids that each consumer must have taken."""
        expected: dict[Pair, set[str]] = defaultdict(set)
        for consumer in SERVICES:
            takes = client.get(consumer, "/operations/takes")["takes"]
            wanted = {(topic, wire_type) for topic, types in takes.items() for wire_type in types}
            for (producer, topic, wire_type), ids in self._sent.items():
                if (topic, wire_type) in wanted:
                    expected[producer, consumer] |= ids
        return expected

    def _behind(self, client: Client) -> Iterator[Finding]:
        for service in SERVICES:
            readers = client.get(service, "/operations/lag")["readers"]
            relays = {reader["lane"]: reader for reader in readers if reader["reader"] == "relay"}
            for lane in range(LANES):
                if lane not in relays:
                    yield Finding(self.name, f"{service} lane {lane}", "no relay publishes it")
            for lane, reader in relays.items():
                if reader["position"] > reader["head"]:
                    what = "the relay stands past the end of the lane"
                    yield Finding(self.name, f"{service} lane {lane}", what)
                if reader["position"] < reader["head"]:
                    # With its position, so that a relay that moves on is not the finding of the look before.
                    what = f"the relay has published nothing past position {reader['position']}"
                    yield Finding(self.name, f"{service} lane {lane}", what)


def _consumed(client: Client, producer: str, consumer: str) -> set[str]:
    ids: set[str] = set()
    after = NO_ID
    while True:
        asked = {"source": source_of(producer), "after": after, "limit": PAGE}
        page = client.get(consumer, "/operations/consumed", **asked)["ids"]
        ids.update(page)
        if len(page) < PAGE:
            return ids
        after = page[-1]

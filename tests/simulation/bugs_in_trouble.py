"""Planted bugs that show only while one is in trouble: a gateway, a carrier, a partition, a frozen process."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from services.shipping.carrier import Done
from shared.eventsourcing import relay
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.partners import Unknown as Silence
from shared.eventsourcing.reading_lanes import LaneReader
from shared.eventsourcing.store import Lease, Projection
from tests.simulation.carrier import CarrierConnection
from tests.simulation.gateway import GatewayConnection


@contextmanager
def refund_without_key() -> Iterator[None]:
    right = GatewayConnection.refund
    asked: dict[str, int] = {}

    async def refund(self: Any, key: str, **about: Any) -> Any:
        asked[key] = asked.get(key, 0) + 1
        return await right(self, key if asked[key] == 1 else f"{key}-again-{asked[key]}", **about)

    with patch.object(GatewayConnection, "refund", refund):
        yield


@contextmanager
def handover_guessed() -> Iterator[None]:
    right = CarrierConnection.hand_over

    async def hand_over(self: Any, key: str, **about: Any) -> Any:
        outcome = await right(self, key, **about)
        return Done() if isinstance(outcome, Silence) else outcome

    with patch.object(CarrierConnection, "hand_over", hand_over):
        yield


@contextmanager
def hole_passed_over() -> Iterator[None]:
    def contiguous(entries: Sequence[Any], acknowledged: Sequence[bool]) -> Mapping[int, int]:
        arrived = (entry for entry, there in zip(entries, acknowledged, strict=True) if there)
        return {entry.lane: entry.position for entry in arrived}

    with patch.object(relay, "_contiguous", contiguous):
        yield


@contextmanager
def view_not_fenced() -> Iterator[None]:
    right = MemoryStore.project

    async def project(self: Any, reader: str, owner: str, leases: Sequence[Lease], projection: Projection) -> None:
        def held(*_: object) -> frozenset[int]:
            return frozenset(lease.lane for lease in leases)

        with patch.object(MemoryStore, "_held", held):
            await right(self, reader, owner, leases, projection)

    with patch.object(MemoryStore, "project", project):
        yield


@contextmanager
def lease_believed_for_ever() -> Iterator[None]:
    with patch.object(LaneReader, "lapsed", property(lambda self: False)):
        yield

"""Planted bugs that show only while one is in trouble: a gateway, a carrier, a partition, a frozen process."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from services.payment.gateway import Renewed, Voided
from services.shipping.carrier import Done
from shared.eventsourcing import relay
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.partners import Unknown as Silence
from shared.eventsourcing.reading_lanes import LaneReader
from shared.eventsourcing.store import Lease, Projection
from tests.simulation.bugs import asking_anew
from tests.simulation.carrier import CarrierConnection
from tests.simulation.gateway import LIFETIME, GatewayConnection


@contextmanager
def refund_without_key() -> Iterator[None]:
    with asking_anew(GatewayConnection, "refund"):
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
def void_guessed() -> Iterator[None]:
    right, right_of_label = GatewayConnection.void, CarrierConnection.void

    async def void(self: Any, key: str, *, authorisation_id: str) -> Any:
        set_aside = self.gateway.accounts[authorisation_id].set_aside
        outcome = await right(self, key, authorisation_id=authorisation_id)
        return Voided(set_aside) if isinstance(outcome, Silence) else outcome

    async def void_label(self: Any, key: str, **about: Any) -> Any:
        outcome = await right_of_label(self, key, **about)
        return Done() if isinstance(outcome, Silence) else outcome

    with patch.object(GatewayConnection, "void", void), patch.object(CarrierConnection, "void", void_label):
        yield


@contextmanager
def renewal_guessed() -> Iterator[None]:
    right = GatewayConnection.renew

    async def renew(self: Any, key: str, **about: Any) -> Any:
        outcome = await right(self, key, **about)
        return Renewed(self.gateway.now() + LIFETIME) if isinstance(outcome, Silence) else outcome

    with patch.object(GatewayConnection, "renew", renew):
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

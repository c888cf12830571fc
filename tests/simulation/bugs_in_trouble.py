"""Planted bugs that show only while one is in trouble: a gateway, a carrier, a partition, a frozen process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    with _guessing(CarrierConnection, "hand_over", lambda *_: Done()):
        yield


@contextmanager
def void_guessed() -> Iterator[None]:
    def set_aside(connection: Any, about: Mapping[str, Any]) -> Voided:
        return Voided(connection.gateway.accounts[about["authorisation_id"]].set_aside)

    with (
        _guessing(GatewayConnection, "void", set_aside),
        _guessing(CarrierConnection, "void", lambda *_: Done()),
    ):
        yield


@contextmanager
def renewal_guessed() -> Iterator[None]:
    with _guessing(GatewayConnection, "renew", lambda connection, _: Renewed(connection.gateway.now() + LIFETIME)):
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


def _guessing(
    connection: type[GatewayConnection | CarrierConnection],
    operation: str,
    guess: Callable[[Any, Mapping[str, Any]], Any],
) -> Any:
    """Silence is taken for what was hoped for when it was asked."""
    right = getattr(connection, operation)

    async def ask(self: Any, key: str, **about: Any) -> Any:
        hoped = guess(self, about)
        outcome = await right(self, key, **about)
        return hoped if isinstance(outcome, Silence) else outcome

    return patch.object(connection, operation, ask)

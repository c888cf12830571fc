"""A carrier after docs/protocols/carrier.md, in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from services.shipping.carrier import Done, Sold
from services.shipping.domain.messages import ParcelTracked
from shared.events.shipping import CarrierQuote, TrackingStatus
from shared.events.values import Address
from shared.eventsourcing.partners import Refused, Unknown
from tests.simulation.processes import Process
from tests.simulation.wire import Wire

A = TypeVar("A")

JOURNEY: tuple[tuple[TrackingStatus, float], ...] = (
    ("accepted", 0.02),
    ("in_transit", 0.3),
    ("out_for_delivery", 0.7),
    ("delivered", 1.0),
)
"""What happens to a parcel, at which share of its way."""
TROUBLED: tuple[tuple[TrackingStatus, float], ...] = (
    ("accepted", 0.02),
    ("in_transit", 0.2),
    ("delayed", 0.4),
    ("exception", 0.6),
    ("out_for_delivery", 0.8),
    ("delivered", 1.0),
)


QUOTES = (
    CarrierQuote(service="economy", amount=760, currency="USD", days=5),
    CarrierQuote(service="express", amount=1950, currency="USD", days=1),
)


@dataclass(slots=True)
class Label:
    """A label as the carrier keeps it."""

    label_id: str
    fulfilment_id: str
    tracking_number: str
    key: str
    status: str = "bought"


@dataclass(slots=True)
class Carrier:
    """The carrier itself."""

    now: Callable[[], datetime]
    wire: Wire
    random: Random
    report: Callable[[float, UUID, ParcelTracked], None]
    """Takes a report that is due after some seconds."""
    witness: Callable[[str, str], None]
    """Is told of each effect: what it is, and under which key it was asked."""
    labels: dict[str, Label] = field(default_factory=dict)
    answers: dict[str, tuple[object, Sold | Refused]] = field(default_factory=dict)
    impossible: list[str] = field(default_factory=list)

    def sell(self, key: str, reference: str, request: tuple[str, Address, int]) -> Sold | Refused:
        """A label, the same again under the same key."""
        if key in self.answers:
            asked, answer = self.answers[key]
            if asked == request:
                return answer
            self.impossible.append(f"{key}: idempotency_conflict")
            return Refused("idempotency_conflict")
        refused = Refused("address_refused", "There is no such place.")
        answer = refused if request[1].city == "Nowhere" else self._bought(key, reference)
        self.answers[key] = (request, answer)
        return answer

    def void(self, key: str, label_id: str) -> Done | Refused:
        """Take a label back, unless the parcel is on its way."""
        label = self.labels[label_id]
        if label.status not in ("bought", "voided"):
            return Refused("handed_over")
        if label.status == "bought":
            label.status = "voided"
            self.witness(f"void {label_id}", key)
        return Done()

    def take(self, key: str, label_id: str) -> Done | Refused:
        """Take a parcel, and begin to report on it."""
        label = self.labels[label_id]
        if label.status == "voided":
            return Refused("voided")
        if label.status == "bought":
            label.status = "handed_over"
            self.witness(f"take {label_id}", key)
            self._plan(label)
        return Done()

    def _bought(self, key: str, reference: str) -> Sold | Refused:
        number = len(self.labels) + 1
        label = Label(f"lbl_{number}", reference, f"CR{number:014}", key)
        self.labels[label.label_id] = label
        self.witness(f"sell {label.label_id} for {reference}", key)
        return Sold(
            label_id=label.label_id,
            tracking_number=label.tracking_number,
            amount=760,
            currency="USD",
            promised_at=self.now() + timedelta(days=5),
        )

    def _plan(self, label: Label) -> None:
        pace = self.random.choice((0.5, 3.0, 3.0, 3600.0))
        journey = TROUBLED if self.random.random() < 0.1 else JOURNEY
        for ordinal, (status, share) in enumerate(journey):
            moment = self.now() + timedelta(seconds=pace * share)
            tracked = ParcelTracked(
                order_number=label.fulfilment_id.rpartition("-F")[0],
                fulfilment_id=label.fulfilment_id,
                tracking_number=label.tracking_number,
                status=status,
                occurred_at=moment,
                estimated_at=moment + timedelta(days=8) if status == "delayed" else None,
                explanation="weather" if status == "exception" else "",
            )
            identity = uuid5(NAMESPACE_URL, f"carrier/{label.label_id}/{ordinal}")
            self.report(pace * share, identity, tracked)


@dataclass(frozen=True, slots=True)
class CarrierConnection:
    """Implements the shipping service's port for one process."""

    carrier: Carrier
    process: Process

    async def quotes(
        self, *, origin: Address, destination: Address, weight_grams: int
    ) -> tuple[CarrierQuote, ...] | Refused | Unknown:
        return await self._ask("quotes", lambda: QUOTES)

    async def buy_label(
        self,
        key: str,
        *,
        service: str,
        reference: str,
        origin: Address,
        destination: Address,
        weight_grams: int,
    ) -> Sold | Refused | Unknown:
        request = (service, destination, weight_grams)
        return await self._ask("buy_label", lambda: self.carrier.sell(key, reference, request))

    async def void(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        return await self._ask("void", lambda: self.carrier.void(key, label_id))

    async def hand_over(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        return await self._ask("hand_over", lambda: self.carrier.take(key, label_id))

    async def _ask(self, operation: str, serve: Callable[[], A]) -> A | Unknown:
        return await self.carrier.wire.ask(self.process, operation, serve, Unknown)

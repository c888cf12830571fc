"""A carrier after docs/protocols/carrier.md, in memory, and the shipping service's effects over it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from services.shipping.domain.asking import quotes_key
from services.shipping.domain.messages import (
    CarrierSilent,
    HandoverAnswered,
    HandoverDeclined,
    LabelAnswered,
    LabelDeclined,
    ParcelTracked,
    QuotesAnswered,
    VoidAnswered,
    VoidDeclined,
)
from shared.events.payload import Command, Event
from shared.events.shipping import (
    CarrierQuote,
    HandoverRequested,
    LabelRequested,
    LabelVoidRequested,
    QuotesRequested,
    TrackingStatus,
)
from shared.eventsourcing.definition import Effect
from tests.simulation.processes import Process
from tests.simulation.wire import Wire

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


@dataclass(slots=True)
class Label:
    """A label as the carrier keeps it."""

    label_id: str
    order_number: str
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
    labels: dict[str, Label] = field(default_factory=dict)
    answers: dict[str, tuple[object, Command]] = field(default_factory=dict)
    impossible: list[str] = field(default_factory=list)

    def quote(self, intent: QuotesRequested) -> QuotesAnswered:
        """The rates for a parcel."""
        quotes = (CarrierQuote(service="economy", amount=760, currency="USD", days=5),)
        return QuotesAnswered(
            order_number=intent.order_number, fulfilment_id=intent.fulfilment_id, asked=intent.asked, quotes=quotes
        )

    def sell(self, intent: LabelRequested) -> Command:
        """A label, the same again under the same key."""
        request = (intent.service, intent.address, intent.weight_grams)
        if intent.idempotency_key in self.answers:
            asked, answer = self.answers[intent.idempotency_key]
            if asked == request:
                return answer
            self.impossible.append(f"{intent.idempotency_key}: idempotency_conflict")
        named: Any = {
            "order_number": intent.order_number,
            "fulfilment_id": intent.fulfilment_id,
            "idempotency_key": intent.idempotency_key,
        }
        answer = self._refuse(named) if intent.address.city == "Nowhere" else self._bought(named)
        self.answers[intent.idempotency_key] = (request, answer)
        return answer

    def void(self, intent: LabelVoidRequested) -> Command:
        """Take a label back, unless the parcel is on its way."""
        label = self.labels[intent.label_id]
        named: Any = {
            "order_number": intent.order_number,
            "fulfilment_id": intent.fulfilment_id,
            "label_id": intent.label_id,
        }
        if label.status not in ("bought", "voided"):
            return VoidDeclined(**named)
        label.status = "voided"
        return VoidAnswered(**named)

    def take(self, intent: HandoverRequested) -> Command:
        """Take a parcel, and begin to report on it."""
        label = self.labels[intent.label_id]
        named: Any = {
            "order_number": intent.order_number,
            "fulfilment_id": intent.fulfilment_id,
            "label_id": intent.label_id,
        }
        if label.status == "voided":
            return HandoverDeclined(**named)
        if label.status == "bought":
            label.status = "handed_over"
            self._plan(label)
        return HandoverAnswered(**named)

    def _refuse(self, named: Any) -> LabelDeclined:
        return LabelDeclined(**named, refusal_code="address_refused", explanation="There is no such place.")

    def _bought(self, named: Any) -> LabelAnswered:
        number = len(self.labels) + 1
        label = Label(
            label_id=f"lbl_{number}",
            order_number=named["order_number"],
            fulfilment_id=named["fulfilment_id"],
            tracking_number=f"CR{number:014}",
            key=named["idempotency_key"],
        )
        self.labels[label.label_id] = label
        return LabelAnswered(
            **named,
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
                order_number=label.order_number,
                fulfilment_id=label.fulfilment_id,
                tracking_number=label.tracking_number,
                status=status,
                occurred_at=moment,
                estimated_at=moment + timedelta(days=8) if status == "delayed" else None,
                explanation="weather" if status == "exception" else "",
            )
            identity = uuid5(NAMESPACE_URL, f"carrier/{label.label_id}/{ordinal}")
            self.report(pace * share, identity, tracked)


def effects(carrier: Carrier, process: Process) -> Mapping[type[Event], Effect]:
    """What the shipping service does outside, for one process."""

    def asking(serve: Callable[[Any], Command]) -> Effect:
        async def ask(intent: Any) -> Command:
            key = getattr(intent, "idempotency_key", quotes_key(intent.fulfilment_id))

            def silent(explanation: str) -> Command:
                return CarrierSilent(
                    order_number=intent.order_number,
                    fulfilment_id=intent.fulfilment_id,
                    idempotency_key=key,
                    asked=intent.asked,
                    explanation=explanation,
                )

            return await carrier.wire.ask(process, lambda: serve(intent), silent)

        return ask

    return {
        QuotesRequested: asking(carrier.quote),
        LabelRequested: asking(carrier.sell),
        LabelVoidRequested: asking(carrier.void),
        HandoverRequested: asking(carrier.take),
    }

"""Work stops while a hold is open: what the order and its shipments begin, against the holds on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from services.order.domain.holds import ALARMS
from shared.events.order import (
    AuthorisationSought,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    OrderApproved,
    OrderCompleted,
    OrderConfirmed,
    ReservationRequested,
)
from shared.events.payload import Event
from shared.events.shipping import (
    HandoverRequested,
    LabelRequested,
    PickListIssued,
    ShipmentCancellationRequested,
    ShipmentHeld,
    ShipmentResumed,
)
from tests.simulation.books import Finding
from tests.simulation.recorded import Record

RULE = "work stops on a hold"


@dataclass(slots=True)
class Open:
    """What stands still for now."""

    holds: dict[str, HoldOpened] = field(default_factory=dict)
    """The open holds of the order that are no mere alarms."""
    shipments: set[str] = field(default_factory=set)
    """The shipments that were held."""

    def stopping(self, fulfilment: str = "") -> Iterator[HoldOpened]:
        """The holds that stop the whole order, or one fulfilment."""
        return (one for one in self.holds.values() if one.fulfilment_id in ("", fulfilment))


def went_on(records: Mapping[str, Record]) -> Iterator[Finding]:
    """What was begun although a hold was open."""
    for number, record in records.items():
        still = Open()
        for _, event in record.facts:
            if why := _begun(still, event):
                yield Finding(RULE, number, f"{event.wire_type} although {why}")


def _begun(still: Open, event: Event) -> str:
    """What should have stopped this fact; empty: nothing."""
    match event:
        case HoldOpened() if event.reason not in ALARMS:
            still.holds[event.hold_id] = event
        case HoldReleased():
            still.holds.pop(event.hold_id, None)
        case OrderApproved() | ReservationRequested() | OrderConfirmed() | OrderCompleted():
            return _named(still.stopping())
        case AuthorisationSought():
            # It is what a hold for a lapsed authorisation waits for, and releases it.
            return _named(one for one in still.stopping() if one.reason != "authorisation_lapsed")
        case FulfilmentProgressed(status="requested"):
            return _named(still.stopping(event.fulfilment_id))
        case _:
            return _shipped(still, event)
    return ""


def _shipped(still: Open, event: Event) -> str:
    match event:
        case ShipmentHeld():
            still.shipments.add(event.fulfilment_id)
        case ShipmentResumed() | ShipmentCancellationRequested():
            still.shipments.discard(event.fulfilment_id)
        case PickListIssued() | LabelRequested(asked=1) | HandoverRequested(asked=1):
            return f"{event.fulfilment_id} was held" if event.fulfilment_id in still.shipments else ""
        case _:
            pass
    return ""


def _named(holds: Iterator[HoldOpened]) -> str:
    return ", ".join(f"{one.hold_id} ({one.reason}) was open" for one in holds)

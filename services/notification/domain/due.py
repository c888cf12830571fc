"""Which facts a customer is told of, and what is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from shared.events.notification import NoticeKind
from shared.events.order import OrderBackordered, OrderCancelled, OrderConfirmed, PaymentWindowOpened
from shared.events.shipping import DeliveryDelayed, ShipmentDelivered, ShipmentDispatched

Telling = (
    OrderConfirmed
    | OrderBackordered
    | DeliveryDelayed
    | ShipmentDispatched
    | ShipmentDelivered
    | OrderCancelled
    | PaymentWindowOpened
)
"""The facts that a customer is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A notice that is due: at most one per order, kind and subject."""

    order_number: str
    kind: NoticeKind
    subject_id: str = ""
    """A fulfilment, one with its newest estimate, or a payment attempt; empty: the order."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the template fills in; amounts in minor units, times in RFC 3339."""

    @property
    def notice_id(self) -> str:
        return notice_id(self.order_number, self.kind, self.subject_id)


def notice_id(order_number: str, kind: NoticeKind, subject_id: str) -> str:
    """`<order number>-<kind>`, with the subject where there may be several: `SO-7-dispatch-F1`."""
    subject = subject_id.removeprefix(f"{order_number}-")
    return f"{order_number}-{kind}-{subject}" if subject else f"{order_number}-{kind}"


def order_number_of(notice_id: str) -> str:
    """The order that a notice is about, by the notice's id."""
    return _KIND.split(notice_id, maxsplit=1)[0] or notice_id


def due(event: Telling) -> Due:
    """The notice that a fact calls for."""
    number = event.order_number
    match event:
        case OrderConfirmed():
            facts = {
                "amount": str(event.amount),
                "currency": event.currency,
                "parcels": str(len(event.fulfilments)),
                **({"paid_by": event.paid_by} if event.paid_by else {}),
            }
            return Due(order_number=number, kind="confirmation", facts=facts)
        case OrderBackordered():
            facts = {"cause": "stock", "units": str(sum(short.missing for short in event.waiting))}
            return Due(order_number=number, kind="delay", facts=facts)
        case DeliveryDelayed(fulfilment_id=fulfilment, estimated_delivery=estimate):
            facts = {"cause": "carrier", "estimated_delivery": estimate.isoformat()}
            subject = f"{fulfilment}-{_stamp(estimate)}"  # each worse estimate is told of
            return Due(order_number=number, kind="delay", subject_id=subject, facts=facts)
        case ShipmentDispatched(fulfilment_id=subject):
            facts = {
                "carrier_service": event.carrier_service,
                "tracking_number": event.tracking_number,
                "estimated_delivery": _moment(event.estimated_delivery),
                "units": str(sum(line.quantity for line in event.lines)),
            }
            return Due(order_number=number, kind="dispatch", subject_id=subject, facts=facts)
        case ShipmentDelivered(fulfilment_id=subject):
            facts = {"delivered_at": event.delivered_at.isoformat()}
            return Due(order_number=number, kind="delivered", subject_id=subject, facts=facts)
        case OrderCancelled():
            return Due(order_number=number, kind="cancelled", facts={"cause": event.cause})
        case PaymentWindowOpened():
            facts = {"until": event.until.isoformat()}
            return Due(order_number=number, kind="payment_failed", subject_id=_stamp(event.until), facts=facts)


def too_late(facts: Mapping[str, str], now: datetime) -> str:
    """Why a notice with these facts says what is no longer so; empty while it is."""
    until = facts.get("until", "")
    return f"the time to pay again ended at {until}" if until and datetime.fromisoformat(until) <= now else ""


_KIND = re.compile(f"-(?:{'|'.join(get_args(NoticeKind))})(?:-|$)")


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S%fZ}"


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""

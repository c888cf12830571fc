"""What the service can be asked: every shipment, and the pick lists that are open."""

from datetime import datetime
from typing import Any

from services.shipping.domain.shipment import MOVING, later
from shared.events.shipping import (
    DeliveryDelayed,
    HandoverRequested,
    ItemsPicked,
    LabelBought,
    LabelRefused,
    LabelRequested,
    LabelVoided,
    LabelVoidRequested,
    ParcelPacked,
    PickListIssued,
    RateChosen,
    ShipmentCancellationRequested,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentExceptionRaised,
    ShipmentHeld,
    ShipmentRequested,
    ShipmentResumed,
    TrackingReceived,
)
from shared.events.values import RequestedLine
from shared.eventsourcing.views import Fact, Row, View

PROGRESS = ("", "accepted", "in_transit", "out_for_delivery", "delivered")
"""What a carrier says of a parcel, in the order of its way; a late report never leads back."""

NO_EXCEPTION: Row = {"exception": "", "exception_at": None}


def _fulfilments(event: Any) -> tuple[str, ...]:
    return (event.fulfilment_id,)


def _shipment(key: str, row: Row | None, fact: Fact) -> Row | None:
    event: Any = fact.event
    before = row or _unknown(event.order_number, key)
    changes = _beginning(before, event) or _on_the_road(before, event) or _interrupted(before, event)
    after = {**before, **changes}
    troubled = "yes" if after["exception"] else "no"
    return {**after, "has_exception": troubled, "changed_at": fact.recorded_at.isoformat()}


def _unknown(order_number: str, fulfilment_id: str) -> dict[str, Any]:
    """A shipment of which only a hold or a cancellation is known."""
    return {
        "fulfilment_id": fulfilment_id,
        "order_number": order_number,
        "status": "unknown",
        "held": False,
        "location": "",
        "delivery": "",
        "address": None,
        "lines": [],
        "weight_grams": 0,
        "deliver_by": None,
        "carrier_service": "",
        "cost": None,
        "tracking_number": "",
        "tracking_status": "",
        "estimated_delivery": None,
        "estimate_made_at": None,
        "delivered_at": None,
        "refusal": "",
        "exception": "",
        "exception_at": None,
    }


def _beginning(before: Row, event: Any) -> dict[str, Any]:
    match event:
        case ShipmentRequested():
            return {
                "status": "requested",
                "location": event.location,
                "delivery": event.delivery,
                "address": event.address.model_dump(mode="json"),
                "lines": _lines(event.lines),
                "weight_grams": event.weight_grams,
                "deliver_by": _moment(event.deliver_by),
            }
        case RateChosen():
            again = before["status"] in ("packed", "labelling")
            return {"status": "packed" if again else "rated", "carrier_service": event.service}
        case PickListIssued():
            return {"status": "picking"}
        case ItemsPicked():
            return {"status": "picked"}
        case ParcelPacked():
            return {"status": "packed", "weight_grams": event.weight_grams}
        case _:
            return {}


def _on_the_road(before: Row, event: Any) -> dict[str, Any]:
    match event:
        case LabelRequested():
            return {"status": _unless_cancelling(before, "labelling")}
        case LabelBought():
            return {
                "status": _unless_cancelling(before, "labelled"),
                "tracking_number": event.tracking_number,
                "cost": {"amount": event.amount, "currency": event.currency},
                "estimated_delivery": _moment(event.promised_at),
            }
        case HandoverRequested():
            return {"status": "handing_over"}
        case ShipmentDispatched():
            return {"status": "dispatched", "estimated_delivery": _moment(event.estimated_delivery)}
        case TrackingReceived(status=status, tracking_number=number) if number == before["tracking_number"]:
            return {"tracking_status": _further(before["tracking_status"], status), **_tracked(before, event)}
        case DeliveryDelayed():
            return {"estimated_delivery": _moment(event.estimated_delivery)}
        case ShipmentExceptionRaised():
            return {"exception": event.explanation, "exception_at": _moment(event.occurred_at)}
        case ShipmentDelivered():
            return {"status": "delivered", "delivered_at": _moment(event.delivered_at), **NO_EXCEPTION}
        case _:
            return {}


def _tracked(before: Row, report: TrackingReceived) -> dict[str, Any]:
    """The newest estimate, and whether the parcel has moved on since something went wrong."""
    changes: dict[str, Any] = {}
    if report.estimated_delivery is not None and later(report.occurred_at, _read(before["estimate_made_at"])):
        estimate = _moment(report.estimated_delivery)
        changes = {"estimated_delivery": estimate, "estimate_made_at": _moment(report.occurred_at)}
    raised_at = _read(before["exception_at"])
    if report.status in MOVING and (raised_at is None or report.occurred_at >= raised_at):
        changes |= NO_EXCEPTION
    return changes


def _interrupted(before: Row, event: Any) -> dict[str, Any]:
    match event:
        case LabelRefused():
            return {"status": "refused", "refusal": f"{event.refusal_code}: {event.explanation}".rstrip(": ")}
        case LabelVoidRequested():
            return {"status": _unless_cancelling(before, "voiding")}
        case LabelVoided():
            gone = {"tracking_number": "", "cost": None, "estimated_delivery": None}
            return {"status": _unless_cancelling(before, "packed"), **gone}
        case ShipmentHeld():
            return {"held": True}
        case ShipmentResumed():
            status = before["status"]
            if status == "refused":
                status = "packed" if before["carrier_service"] else "requested"
            address = event.address.model_dump(mode="json")
            return {"status": status, "held": False, "refusal": "", "address": address}
        case ShipmentCancellationRequested():
            return {"status": "cancelling", "held": False}
        case ShipmentCancelled():
            return {"status": "cancelled", "held": False}
        case _:
            return {}


def _unless_cancelling(before: Row, status: str) -> str:
    return "cancelling" if before["status"] == "cancelling" else status


def _further(known: str, reported: str) -> str:
    return reported if reported in PROGRESS and PROGRESS.index(reported) > PROGRESS.index(known) else known


def _moment(moment: Any) -> str | None:
    return None if moment is None else str(moment.isoformat())


def _read(moment: str | None) -> datetime | None:
    return None if moment is None else datetime.fromisoformat(moment)


def _lines(lines: tuple[RequestedLine, ...]) -> list[dict[str, Any]]:
    return [line.model_dump(mode="json") for line in lines]


SHIPMENTS = View(
    name="shipments",
    version=2,
    handles=(
        ShipmentRequested,
        RateChosen,
        PickListIssued,
        ItemsPicked,
        ParcelPacked,
        LabelRequested,
        LabelBought,
        LabelRefused,
        LabelVoidRequested,
        LabelVoided,
        HandoverRequested,
        ShipmentDispatched,
        TrackingReceived,
        DeliveryDelayed,
        ShipmentExceptionRaised,
        ShipmentDelivered,
        ShipmentHeld,
        ShipmentResumed,
        ShipmentCancellationRequested,
        ShipmentCancelled,
    ),
    keys=_fulfilments,
    project=_shipment,
)
"""One row for each fulfilment; `status` is the work's, `tracking_status` the carrier's; `has_exception`
is text, so that it can be asked for."""


def _pick_list(key: str, row: Row | None, fact: Fact) -> Row | None:
    match fact.event:
        case PickListIssued() as issued:
            return {
                "fulfilment_id": key,
                "order_number": issued.order_number,
                "location": issued.location,
                "lines": _lines(issued.lines),
                "held": False,
                "issued_at": fact.recorded_at.isoformat(),
            }
        case ShipmentHeld() if row is not None:
            return {**row, "held": True}
        case ShipmentResumed() if row is not None:
            return {**row, "held": False}
        case ItemsPicked() | ShipmentCancelled():
            return None
        case _:
            return row


PICK_LISTS = View(
    name="pick_lists",
    version=1,
    handles=(PickListIssued, ShipmentHeld, ShipmentResumed, ItemsPicked, ShipmentCancelled),
    keys=_fulfilments,
    project=_pick_list,
)
"""What the warehouses have to pick; a row goes when its goods are picked or the shipment is cancelled."""

VIEWS: tuple[View, ...] = (SHIPMENTS, PICK_LISTS)

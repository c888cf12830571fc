"""Shipments and pick lists over HTTP, the warehouse's confirmations, and the carrier's reports."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from services.shipping.domain.shipment import order_number_of
from services.shipping.views import PICK_LISTS, SHIPMENTS
from shared.events.payload import Instant, Payload
from shared.events.shipping import ConfirmDelivered, ConfirmPacked, ConfirmPicked, DispatchParcel
from shared.eventsourcing.api_keys import Caller, requires
from shared.eventsourcing.definition import Submit
from shared.eventsourcing.listing import Limit, Offset, given
from shared.eventsourcing.problems import problem
from shared.eventsourcing.views import ViewReader
from shared.eventsourcing.webhooks import SignedReports, taking

Status = Literal[
    "unknown",
    "requested",
    "rated",
    "picking",
    "picked",
    "packed",
    "labelling",
    "labelled",
    "voiding",
    "refused",
    "handing_over",
    "dispatched",
    "delivered",
    "cancelling",
    "cancelled",
]
FulfilmentId = Annotated[str, Path(min_length=1, max_length=200)]
Writer = Annotated[Caller, Depends(requires("shipments:write"))]


class PackedParcel(BaseModel, frozen=True):
    """What the scales say."""

    weight_grams: int = Field(gt=0, lt=10**9, description="Grams of the closed parcel.")


class Arrival(BaseModel, frozen=True):
    """What a person has learnt of a parcel that the carrier says nothing of."""

    delivered_at: Instant | None = Field(
        default=None, description="When the customer got the goods; now, where nobody knows."
    )
    reason: str = Field(min_length=1, max_length=2_000, description="How it is known; kept with the delivery.")


def routers(submit: Submit, views: ViewReader, *, reports: SignedReports) -> tuple[APIRouter, ...]:
    """The service's routes beside the operations API; webhooks first, as they are most of the calls."""
    return taking("carrier", reports, submit), _reading(views), _confirming(submit)


def _reading(views: ViewReader) -> APIRouter:
    routes = APIRouter(tags=["shipments"], dependencies=[Depends(requires("shipments:read"))])

    @routes.get("/shipments", summary="Shipments, of one order, in one status, or in trouble on their way")
    async def shipments(
        order_number: str = "",
        status: Status | None = None,
        has_exception: Literal["yes", "no"] | None = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> dict[str, Any]:
        where = given(order_number=order_number, status=status, has_exception=has_exception)
        return {"shipments": await views.find(SHIPMENTS, where, limit=limit, offset=offset)}

    @routes.get("/shipments/{fulfilment_id}", summary="The shipment of one fulfilment")
    async def shipment(fulfilment_id: FulfilmentId) -> dict[str, Any]:
        row = await views.get(SHIPMENTS, fulfilment_id)
        if row is None:
            raise problem(404, "Unknown shipment", f"no shipment of fulfilment {fulfilment_id} is known")
        return dict(row)

    @routes.get("/pick-lists", summary="Open pick lists, of one location or all, oldest first")
    async def pick_lists(location: str = "", limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
        where = given(location=location)
        found = await views.find(PICK_LISTS, where, order_by="issued_at", limit=limit, offset=offset)
        return {"pick_lists": found}

    return routes


def _confirming(submit: Submit) -> APIRouter:
    """Repeating a confirmation changes nothing, so that it needs no idempotency key."""
    routes = APIRouter(prefix="/shipments/{fulfilment_id}", tags=["warehouse"])

    async def confirm(message: Payload, fulfilment_id: str, caller: Caller, reason: str = "") -> dict[str, Any]:
        order_number = order_number_of(fulfilment_id)
        reply = await submit(
            message,
            partition_key=order_number,
            correlation_id=order_number,
            actor=caller.name,
            reason=reason,
        )
        match reply.outcome:
            case "created" | "accepted":
                return dict(reply.body)
            case "not_found":
                raise problem(404, "Unknown shipment", f"no shipment of fulfilment {fulfilment_id} is known")
            case "conflict" | "refused":
                status, why = reply.body["status"], reply.body["explanation"]
                detail = f"fulfilment {fulfilment_id} is {status}: {why}"
                raise problem(409, "Not possible now", detail, shipment_status=status)

    @routes.post("/picked", status_code=202, summary="Everything on the pick list is picked")
    async def picked(fulfilment_id: FulfilmentId, caller: Writer) -> dict[str, Any]:
        message = ConfirmPicked(order_number=order_number_of(fulfilment_id), fulfilment_id=fulfilment_id)
        return await confirm(message, fulfilment_id, caller)

    @routes.post("/packed", status_code=202, summary="The parcel is closed and weighed")
    async def packed(fulfilment_id: FulfilmentId, parcel: PackedParcel, caller: Writer) -> dict[str, Any]:
        message = ConfirmPacked(
            order_number=order_number_of(fulfilment_id),
            fulfilment_id=fulfilment_id,
            weight_grams=parcel.weight_grams,
        )
        return await confirm(message, fulfilment_id, caller)

    @routes.post("/dispatch", status_code=202, summary="The parcel goes to the carrier, or to its customer")
    async def dispatch(fulfilment_id: FulfilmentId, caller: Writer) -> dict[str, Any]:
        message = DispatchParcel(order_number=order_number_of(fulfilment_id), fulfilment_id=fulfilment_id)
        return await confirm(message, fulfilment_id, caller)

    @routes.post(
        "/delivered", status_code=202, summary="The parcel has arrived, though the carrier's report never came"
    )
    async def delivered(fulfilment_id: FulfilmentId, arrival: Arrival, caller: Writer) -> dict[str, Any]:
        message = ConfirmDelivered(
            order_number=order_number_of(fulfilment_id),
            fulfilment_id=fulfilment_id,
            delivered_at=arrival.delivered_at,
        )
        return await confirm(message, fulfilment_id, caller, arrival.reason)

    return routes

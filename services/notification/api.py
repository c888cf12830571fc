"""What may be asked over HTTP: who was told what, and to tell again what failed."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from services.notification.domain.due import order_number_of
from services.notification.domain.messages import SendNotice
from services.notification.views import NOTICES
from shared.eventsourcing.api_keys import Caller, requires
from shared.eventsourcing.definition import Submit
from shared.eventsourcing.listing import Limit, Offset, given
from shared.eventsourcing.problems import problem
from shared.eventsourcing.views import ViewReader

Status = Literal["owed", "offered", "delayed", "sent", "failed"]
NoticeId = Annotated[str, Path(min_length=1, max_length=200)]
Writer = Annotated[Caller, Depends(requires("notices:write"))]


class Wanted(BaseModel, frozen=True):
    """Why a notice is sent again."""

    reason: str = Field(min_length=1, max_length=2_000, description="Why; kept with the notice for good.")


def routers(submit: Submit, views: ViewReader) -> tuple[APIRouter, ...]:
    """The service's routes beside the operations API."""
    return _reading(views), _sending(submit)


def _reading(views: ViewReader) -> APIRouter:
    routes = APIRouter(prefix="/notices", tags=["notices"], dependencies=[Depends(requires("notices:read"))])

    @routes.get("")
    async def notices(
        order_number: str = "",
        status: Status | None = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> dict[str, Any]:
        """Notices, of one order or in one status; one that the mail server lets wait says since when and why."""
        where = given(order_number=order_number, status=status)
        found = await views.find(NOTICES, where, limit=limit, offset=offset)
        return {"notices": [{field: row[field] for field in row if field != "kind_and_status"} for row in found]}

    @routes.get("/summary")
    async def summary() -> dict[str, dict[str, dict[str, int]]]:
        """How many notices of each kind have each status."""
        kinds: dict[str, dict[str, int]] = {}
        for both, count in sorted((await views.count_by(NOTICES, "kind_and_status")).items()):
            kind, _, status = both.partition("/")
            kinds.setdefault(kind, {})[status] = count
        return {"kinds": kinds}

    return routes


def _sending(submit: Submit) -> APIRouter:
    """Only what failed is sent again, so that a repeated request sends nothing twice and needs no key."""
    routes = APIRouter(prefix="/notices/{notice_id}", tags=["notices"])

    @routes.post("/send", status_code=202, summary="Send a notice that failed again")
    async def send(notice_id: NoticeId, wanted: Wanted, caller: Writer) -> dict[str, Any]:
        order_number = order_number_of(notice_id)
        reply = await submit(
            SendNotice(order_number=order_number, notice_id=notice_id),
            partition_key=order_number,
            correlation_id=order_number,
            actor=caller.name,
            reason=wanted.reason,
        )
        match reply.outcome:
            case "created" | "accepted":
                return dict(reply.body)
            case "not_found":
                raise problem(404, "Unknown notice", f"no notice {notice_id} is known")
            case "conflict" | "refused":
                status, why = reply.body["status"], reply.body["explanation"]
                detail = f"notice {notice_id} is {status}: {why}"
                raise problem(409, "Not possible now", detail, notice_status=status)

    return routes

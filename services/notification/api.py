"""What may be asked over HTTP: who was told what."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from services.notification.views import NOTICES
from shared.eventsourcing.api_keys import requires
from shared.eventsourcing.definition import Submit
from shared.eventsourcing.views import ViewReader

Status = Literal["owed", "offered", "delayed", "sent", "failed"]


def routers(submit: Submit, views: ViewReader) -> tuple[APIRouter, ...]:
    """The service's routes; it takes no orders over HTTP, so `submit` is not used."""
    routes = APIRouter(prefix="/notices", tags=["notices"], dependencies=[Depends(requires("notices:read"))])

    @routes.get("")
    async def notices(
        order_number: str = "",
        status: Status | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> dict[str, Any]:
        """Notices, of one order or in one status; one that the mail server lets wait says since when and why."""
        wanted = {"order_number": order_number, "status": status or ""}
        where = {field: value for field, value in wanted.items() if value}
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

    return (routes,)

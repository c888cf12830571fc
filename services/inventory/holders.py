"""For whom units are set aside: whoever finds fewer than are reserved has to know whose they are, to act.

A SKU's state does not know it, so that it does not grow with the orders; the view of the reservations does.
"""

from typing import Any

from services.inventory.views import LIVE, RESERVATIONS
from shared.eventsourcing.views import Row, ViewReader

MOST_NAMED = 10
"""Orders that a refusal names; it counts the others."""
_PAGE = 1_000


async def holders(views: ViewReader, sku: str, location: str) -> dict[str, int]:
    """The orders that hold units of a SKU at a location, by number, with their units."""
    held: dict[str, int] = {}
    seen = 0
    while rows := await views.find(RESERVATIONS, {"status": LIVE}, limit=_PAGE, offset=seen):
        seen += len(rows)
        for row in rows:
            if units := _units(row, sku, location):
                held[row["order_number"]] = units
    return dict(sorted(held.items()))


def told(held: dict[str, int]) -> tuple[str, dict[str, Any]]:
    """The end of a refusal's sentence, and its members; both empty where nobody is known."""
    if not held:
        return "", {}
    first = list(held.items())[:MOST_NAMED]
    more = len(held) - len(first)
    named = [f"{number} ({units})" for number, units in first]
    named += [f"{more} more"] if more else []
    members = {
        "reserved_for": [{"order_number": number, "units": units} for number, units in first],
        "more_orders": more,
    }
    return f"; they are set aside for {', '.join(named)}", members


def _units(row: Row, sku: str, location: str) -> int:
    return sum(
        int(one["skus"].get(sku, 0))
        for one in row["fulfilments"].values()
        if one["status"] == "reserved" and one["location"] == location
    )

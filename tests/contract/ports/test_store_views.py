"""The store port: projections and the rows of views."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

import pytest

from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.store import (
    Lease,
    LeaseLost,
    Store,
    StoreConflict,
)
from shared.eventsourcing.stored_views import StoredViews
from shared.eventsourcing.views import Row, View
from tests.contract.ports.writing import Rewriting

LONG_S = 60.0
SHORT_S = 0.1
NO_ID = UUID(int=0)


async def test_a_projection_writes_its_rows_and_moves_its_cursor_together(store: Store) -> None:
    leases = await store.lease_lanes("view@1", "one", LONG_S)

    await store.project("view@1", "one", [Lease(5, 2, leases[5].epoch)], Rewriting("a", "b"))
    await store.project("view@1", "one", [Lease(5, 3, leases[5].epoch)], Rewriting("a"))

    assert await store.view_row("view@1", "a") == {"count": 2}
    assert await store.view_row("view@1", "b") == {"count": 1}
    assert (await store.lease_lanes("view@1", "one", LONG_S))[5].position == 3


async def test_a_projection_that_raises_writes_no_row_and_moves_no_cursor(store: Store) -> None:
    class Failing(Rewriting):
        def apply(self, rows: object) -> dict[str, None]:
            raise ZeroDivisionError

    leases = await store.lease_lanes("view@1", "one", LONG_S)
    with pytest.raises(ZeroDivisionError):
        await store.project("view@1", "one", [Lease(5, 2, leases[5].epoch)], Failing("a"))

    assert (await store.lease_lanes("view@1", "one", LONG_S))[5].position == 0


async def test_a_projection_over_a_lost_lane_writes_nothing_in_the_others_either(
    store: Store, other: Store
) -> None:
    await store.lease_lanes("view@1", "one", LONG_S)
    await other.lease_lanes("view@1", "two", LONG_S)
    mine = await store.lease_lanes("view@1", "one", LONG_S)
    lane = next(iter(mine))
    lost = next(one for one in range(LANES) if one not in mine)

    with pytest.raises(LeaseLost):
        await store.project("view@1", "one", [Lease(lane, 4, mine[lane].epoch), Lease(lost, 4, 1)], Rewriting("a"))

    assert await store.view_row("view@1", "a") is None
    assert (await store.lease_lanes("view@1", "one", LONG_S))[lane].position == 0


async def test_projections_of_one_row_from_two_lanes_at_once_lose_neither(store: Store, other: Store) -> None:
    for _ in range(2):
        one = await store.lease_lanes("view@1", "one", LONG_S)
        two = await other.lease_lanes("view@1", "two", LONG_S)
    rows = [f"row-{number}" for number in range(300)]

    async def until_projected(of: Store, owner: str, lease: Lease) -> None:
        while True:
            with suppress(StoreConflict):
                return await of.project("view@1", owner, [lease], Rewriting(*rows))

    for position in (1, 2, 3):
        mine, its = next(iter(one.values())), next(iter(two.values()))
        await asyncio.gather(
            until_projected(store, "one", Lease(mine.lane, position, mine.epoch)),
            until_projected(other, "two", Lease(its.lane, position, its.epoch)),
        )

    assert [await store.view_row("view@1", row) for row in rows] == [{"count": 6}] * len(rows)


async def test_a_row_that_is_none_afterwards_is_gone(store: Store) -> None:
    await _view(store, {"a": {"n": 1}, "b": {"n": 2}})
    await _view(store, {"a": None})

    assert await store.view_row("view@1", "a") is None
    assert await store.view_rows("view@1", {}, "", False, 10, 0) == [{"n": 2}]


async def test_a_new_version_of_a_view_fills_beside_the_old(store: Store) -> None:
    await _view(store, {"a": {"n": 1}}, view="view@1")
    await _view(store, {"a": {"n": 2}}, view="view@2")

    assert await store.view_row("view@1", "a") == {"n": 1}
    assert await store.view_row("view@2", "a") == {"n": 2}


async def test_the_older_version_of_a_view_answers_until_the_new_one_has_come_as_far(store: Store) -> None:
    old, new = (
        View(name="view", version=version, handles=(), keys=lambda _: (), project=lambda _, row, __: row)
        for version in (1, 2)
    )
    views = StoredViews(store)
    await _view(store, {"a": {"n": 1}}, view="view@1")
    assert await views.get(new, "a") == {"n": 1}
    await _view(store, {"a": {"n": 2}}, view="view@2")

    asked_first_now = StoredViews(store)

    assert await asked_first_now.get(new, "a") == {"n": 2}
    assert await asked_first_now.get(old, "a") == {"n": 1}


ROWS: Mapping[str, Row] = {
    "1": {"id": "1", "status": "open", "city": "Wien", "n": 10},
    "2": {"id": "2", "status": "closed", "city": "berlin", "n": 9},
    "3": {"id": "3", "status": "open", "city": None, "n": 100, "hot": True},
    "4": {"id": "4", "city": "Ärö", "n": 1.5},
    "5": {"id": "5", "status": "open", "city": "Berlin-Mitte", "n": 0},
}


@pytest.mark.parametrize(
    ("where", "order_by", "descending", "found"),
    [
        ({}, "", False, "12345"),
        ({}, "", True, "54321"),
        ({"status": "open"}, "", False, "135"),
        ({"status": ["open", "closed"]}, "", False, "1235"),
        ({"status": "open", "city": "Wien"}, "", False, "1"),
        ({"status": []}, "", False, ""),
        ({"nothing": "x"}, "", False, ""),
        ({"n": "10"}, "", False, "1"),
        ({"n": "1.5"}, "", False, "4"),
        ({"hot": "true"}, "", False, "3"),
        ({}, "city", False, "35124"),
        ({}, "city", True, "42153"),
        ({}, "n", False, "54132"),
        ({}, "status", False, "42135"),
        ({}, "status", True, "53124"),
    ],
)
async def test_rows_are_found_by_fields_and_ordered_by_text(
    store: Store, where: dict[str, str | list[str]], order_by: str, descending: bool, found: str
) -> None:
    await _view(store, ROWS)

    rows = await store.view_rows("view@1", where, order_by, descending, 10, 0)

    assert "".join(row["id"] for row in rows) == found


async def test_rows_come_in_pages(store: Store) -> None:
    await _view(store, ROWS)

    pages = [await store.view_rows("view@1", {}, "city", False, 2, offset) for offset in (0, 2, 4, 6)]

    assert [[row["id"] for row in page] for page in pages] == [["3", "5"], ["1", "2"], ["4"], []]


async def test_rows_are_counted_by_the_text_of_a_field(store: Store) -> None:
    await _view(store, ROWS)

    assert await store.view_counts("view@1", "status") == {"": 1, "closed": 1, "open": 3}
    assert await store.view_counts("view@1", "hot") == {"": 4, "true": 1}
    assert await store.view_counts("view@2", "status") == {}


async def test_a_row_keeps_its_json_but_for_nul(store: Store) -> None:
    await _view(store, {"a": {"text": "漢\x00\\字\x00", "path": "\\u0000", "list": [1, {"x": None}], "yes": True}})

    assert await store.view_row("view@1", "a") == {
        "text": "漢\ufffd\\字\ufffd",
        "path": "\\u0000",
        "list": [1, {"x": None}],
        "yes": True,
    }


async def _view(store: Store, rows: Mapping[str, Row | None], view: str = "view@1") -> None:
    lease = (await store.lease_lanes(view, "one", LONG_S))[5]
    await store.project(view, "one", [Lease(5, lease.position + 1, lease.epoch)], Rewriting(rows=rows))

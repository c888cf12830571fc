"""Answers questions to views, from the newest version of each that knows enough."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import orjson

from shared.eventsourcing.store import ReaderPosition, Store
from shared.eventsourcing.views import Row, Stated, View, view_id

LOOK_AGAIN_S = 1.0
"""How often it is asked whether a new version of a view knows enough to answer."""


def newest_complete(view: View, positions: Sequence[ReaderPosition]) -> str:
    """The newest version, up to the view's own, that is in every lane as far as all older ones are."""
    versions: dict[int, dict[int, int]] = {view.version: {}}
    for one in positions:
        name, _, number = one.reader.rpartition("@")
        if name == view.name and int(number) <= view.version:
            versions.setdefault(int(number), {})[one.lane] = one.position
    complete = view.version
    furthest: dict[int, int] = {}
    for version, reached in sorted(versions.items()):
        if all(reached.get(lane, 0) >= position for lane, position in furthest.items()):
            complete = version
        furthest |= {lane: max(position, furthest.get(lane, 0)) for lane, position in reached.items()}
    return f"{view.name}@{complete}"


class StoredViews:
    """Implements `ViewReader` over the store: a view is answered for by its newest version that is complete.

    Nobody deletes the rows and cursors of older versions: processes of before, which may still run or be started
    again, answer from them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._complete: set[str] = set()
        self._older: dict[str, tuple[str, float]] = {}
        """What answers in place of a version that still fills, and when to look again."""

    async def get(self, view: View, key: str) -> Row | None:
        return await self._store.view_row(await self._answering(view), key)

    async def find(
        self,
        view: View,
        where: Mapping[str, str | Sequence[str]],
        *,
        order_by: str = "",
        descending: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Row]:
        answering = await self._answering(view)
        return await self._store.view_rows(answering, where, order_by, descending, limit, offset)

    async def count_by(self, view: View, field: str) -> dict[str, int]:
        return await self._store.view_counts(await self._answering(view), field)

    async def facts(self, stream: str) -> list[Stated]:
        entries = await self._store.stream_events(stream)
        return [Stated(type=entry.type, payload=orjson.loads(entry.payload)) for entry in entries]

    async def taken(self, message_id: UUID) -> bool:
        return bool(await self._store.taken([message_id]))

    async def _answering(self, view: View) -> str:
        own = view_id(view)
        if own in self._complete:
            return own
        now = asyncio.get_running_loop().time()
        older, look_again_at = self._older.get(own, (own, now))
        if now < look_again_at:
            return older
        answering = newest_complete(view, await self._store.reader_positions())
        if answering == own:
            self._complete.add(own)
        else:
            self._older[own] = (answering, now + LOOK_AGAIN_S)
        return answering

"""Views for queries: folds of the log into rows, outside the write path, versioned, rebuilt beside the old."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson
from msgspec import Struct

from shared.events.payload import Event
from shared.eventsourcing.nul import ESCAPED_NUL

Row = Mapping[str, Any]
"""One row of a view: JSON values only."""


class Fact(Struct, frozen=True, kw_only=True, gc=False):
    """An event with all that the log knows of it."""

    event: Event
    id: UUID
    stream: str
    version: int
    lane: int
    position: int
    partition_key: str
    correlation_id: str
    actor: str
    reason: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What one fact of a stream says."""

    type: str
    payload: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A query's table as a pure fold. A change of the fold is a new version; it fills from the first fact on.

    Until it is complete the older version's rows are read: what asks allows for fields that these lack.
    """

    name: str
    version: int
    handles: tuple[type[Event], ...]
    keys: Callable[[Any], tuple[str, ...]]
    """The rows that an event touches."""
    project: Callable[[str, Row | None, Fact], Row | None]
    """(key, row or None, fact) -> the row afterwards; None deletes it."""


def document(row: Row) -> bytes:
    """A row as JSON without NUL, which no store of JSON holds; people, for whom views are, lose nothing by it."""
    text = orjson.dumps(row)
    return ESCAPED_NUL.sub(_REPLACEMENT, text) if b"\\u0000" in text else text


_REPLACEMENT = b"\\1" + "\ufffd".encode()


def view_id(view: View) -> str:
    """A view with its version: a new version fills beside the old one."""
    return f"{view.name}@{view.version}"


class ViewReader(Protocol):
    """How an API reads the views of its service, and what the store knows beside them."""

    async def get(self, view: View, key: str) -> Row | None:
        """One row."""
        ...

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
        """Rows whose text fields equal the given values (or one of them), ordered by a field or the key.

        The first field is looked up in its index, where the service has one; it had better be the rarest.
        """
        ...

    async def count_by(self, view: View, field: str) -> dict[str, int]:
        """How many rows have each value of a top-level text field."""
        ...

    async def facts(self, stream: str) -> list[Stated]:
        """The facts of a stream, oldest first: for what is asked of one thing alone and would weigh on its row."""
        ...

    async def taken(self, message_id: UUID) -> bool:
        """Whether a message came under this id: for a request that is refused before it becomes one."""
        ...

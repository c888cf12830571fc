"""What is asked of a list over HTTP: which part of it, and which of its rows."""

from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=1_000)]
Offset = Annotated[int, Query(ge=0, le=10**9)]


def given(**wanted: str | None) -> dict[str, str]:
    """The fields that were asked for; the others leave every row in the list."""
    return {field: value for field, value in wanted.items() if value}

"""JSON read strictly: what two parsers may read in two ways is refused."""

import json
from collections import Counter
from typing import Any


def read_strictly(text: str) -> Any:
    """What a JSON text says, where every name of an object stands once and every number is one.

    Raises:
        ValueError: it is no such text; one sentence.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_each_once, parse_constant=_not_a_number)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves open which of two equal names counts; a message must not."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name {twice[:300]!r} stands twice in one object")
    return found


def _not_a_number(text: str) -> None:
    raise ValueError(f"{text} is no number")

"""What in a newer contract would break those who write or kept messages of the older one.

Compared are JSON Schemas as `json_schema.py` makes them, by the rule that today's model must read whatever a
message of the older schema may hold, and lose none of it: what was there stays, what was allowed stays allowed.
Optional fields may be added, limits widened, values allowed that were not.
"""

import operator
from collections.abc import Iterator, Mapping
from typing import Any

from shared.events.json_schema import Schema, resolve

_LOWER_LIMITS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_LIMITS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")

Seen = frozenset[tuple[Any, Any]]
"""The pairs of references that a place lies within, so that a value that holds its own kind is compared once."""


def breaking_changes(older: Mapping[str, Schema], newer: Mapping[str, Schema]) -> list[str]:
    """Every breaking change between two contracts (wire type to schema), each in one line that names its place."""
    found: list[str] = []
    for wire_type, schema in sorted(older.items()):
        if wire_type in newer:
            comparison = _Comparison(schema, newer[wire_type])
            found.extend(comparison.part(schema, newer[wire_type], wire_type, frozenset()))
        else:
            found.append(f"{wire_type}: the message was removed")
    return found


class _Comparison:
    """Two whole schemas, in which the references of their parts are looked up."""

    def __init__(self, older: Schema, newer: Schema) -> None:
        self._older = older
        self._newer = newer

    def part(self, older: Schema, newer: Schema, place: str, seen: Seen) -> Iterator[str]:
        """The breaking changes of one part of the schemas."""
        pair = (older.get("$ref"), newer.get("$ref"))
        if pair in seen:
            return
        if pair != (None, None):
            seen |= {pair}
        older, newer = resolve(older, self._older), resolve(newer, self._newer)
        yield from _default(older, newer, place)
        if "anyOf" in older or "anyOf" in newer:
            yield from self._choices(older, newer, place, seen)
            return
        before, now = older.get("type"), newer.get("type")
        if now not in (None, before) and (before, now) != ("integer", "number"):
            yield f"{place}: the type changed from {before} to {now}"
            return
        yield from _narrowed_values(older, newer, place)
        yield from _narrowed_limits(older, newer, place)
        yield from self._fields(older, newer, place, seen)
        for inner, name in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", " (names)")):
            yield from self._inner(older.get(inner), newer.get(inner), place + name, seen)

    def _choices(self, older: Schema, newer: Schema, place: str, seen: Seen) -> Iterator[str]:
        """Each choice of the older schema must still be one of the newer's; the nearest one tells what broke."""
        candidates = newer.get("anyOf", [newer])
        for choice in older.get("anyOf", [older]):
            faults = (list(self.part(choice, candidate, place, seen)) for candidate in candidates)
            yield from min(
                faults, key=lambda found: (any("the type changed" in fault for fault in found), len(found))
            )

    def _fields(self, older: Schema, newer: Schema, place: str, seen: Seen) -> Iterator[str]:
        before, after = older.get("properties", {}), newer.get("properties", {})
        for name, field in before.items():
            if name in after:
                yield from self.part(field, after[name], f"{place}.{name}", seen)
            else:
                yield f"{place}.{name}: the field was removed"
        required = older.get("required", [])
        for name in newer.get("required", []):
            if name not in before:
                yield f"{place}.{name}: a new field is required"
            elif name not in required:
                yield f"{place}.{name}: the field became required"

    def _inner(self, older: Any, newer: Any, place: str, seen: Seen) -> Iterator[str]:
        if isinstance(older, dict) and isinstance(newer, dict):
            yield from self.part(older, newer, place, seen)
        elif newer not in (None, True) and older is not False:
            yield f"{place}: not everything is allowed any longer"


def _default(older: Schema, newer: Schema, place: str) -> Iterator[str]:
    if "default" in older and "default" in newer and older["default"] != newer["default"]:
        yield f"{place}: the default changed from {older['default']!r} to {newer['default']!r}"


def _narrowed_values(older: Schema, newer: Schema, place: str) -> Iterator[str]:
    before, after = _values(older), _values(newer)
    if after is not None and before is None:
        yield f"{place}: only some values are allowed now"
    elif after is not None and before is not None:
        yield from (f"{place}: the value {value!r} is no longer allowed" for value in before if value not in after)
    for rule in ("pattern", "format", "uniqueItems", "multipleOf"):
        if rule in newer and newer[rule] != older.get(rule):
            yield f"{place}: the {rule} changed from {older.get(rule)} to {newer[rule]}"
    if newer.get("x-unit") != older.get("x-unit"):
        yield f"{place}: the unit changed from {older.get('x-unit')} to {newer.get('x-unit')}"


def _narrowed_limits(older: Schema, newer: Schema, place: str) -> Iterator[str]:
    for limits, narrower in ((_LOWER_LIMITS, operator.gt), (_UPPER_LIMITS, operator.lt)):
        for limit in limits:
            before, now = older.get(limit), newer.get(limit)
            if now is not None and (before is None or narrower(now, before)):
                yield f"{place}: {limit} was narrowed from {before} to {now}"


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")

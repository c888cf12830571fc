"""Every kind of breaking change is found and named; what readers of yesterday's messages can bear is let pass."""

from typing import Any

import pytest

from shared.events.compatibility import breaking_changes

OLD: dict[str, Any] = {
    "type": "object",
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {"sku": {"type": "string", "maxLength": 20}, "note": {"type": "string", "default": ""}},
            "required": ["sku"],
        },
    },
    "properties": {
        "amount": {"type": "integer", "minimum": 0, "maximum": 100, "x-unit": "minor units"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "code": {"type": "string", "pattern": "^[A-Z]+$"},
        "free": {"type": "string"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "first": {"anyOf": [{"$ref": "#/$defs/Line"}, {"type": "null"}], "default": None},
        "facts": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["amount", "kind", "code", "lines"],
}


def _with(**fields: Any) -> dict[str, Any]:
    return {**OLD, "properties": {**OLD["properties"], **fields}}


def _without(*names: str) -> dict[str, Any]:
    return {**OLD, "properties": {name: field for name, field in OLD["properties"].items() if name not in names}}


def _with_line(**changes: Any) -> dict[str, Any]:
    return {**OLD, "$defs": {"Line": {**OLD["$defs"]["Line"], **changes}}}


SKU = OLD["$defs"]["Line"]["properties"]["sku"]
NOTE = OLD["$defs"]["Line"]["properties"]["note"]


@pytest.mark.parametrize(
    ("newer", "named"),
    [
        (_without("free"), ["m.v1.free: the field was removed"]),
        (
            {**_with(more={"type": "string"}), "required": [*OLD["required"], "more"]},
            ["m.v1.more: a new field is required"],
        ),
        ({**OLD, "required": [*OLD["required"], "free"]}, ["m.v1.free: the field became required"]),
        (_with(free={"type": "integer"}), ["m.v1.free: the type changed from string to integer"]),
        (
            _with(amount={**OLD["properties"]["amount"], "maximum": 99}),
            ["m.v1.amount: maximum was narrowed from 100 to 99"],
        ),
        (
            _with(amount={**OLD["properties"]["amount"], "minimum": 1}),
            ["m.v1.amount: minimum was narrowed from 0 to 1"],
        ),
        (_with(free={"type": "string", "maxLength": 5}), ["m.v1.free: maxLength was narrowed from None to 5"]),
        (
            _with(amount={**OLD["properties"]["amount"], "x-unit": "grams"}),
            ["m.v1.amount: the unit changed from minor units to grams"],
        ),
        (_with(kind={"type": "string", "enum": ["a", "c"]}), ["m.v1.kind: the value 'b' is no longer allowed"]),
        (_with(kind={"type": "string", "const": "a"}), ["m.v1.kind: the value 'b' is no longer allowed"]),
        (_with(free={"type": "string", "enum": ["a"]}), ["m.v1.free: only some values are allowed now"]),
        (
            _with(code={"type": "string", "pattern": "^[A-Z]{3}$"}),
            ["m.v1.code: the pattern changed from ^[A-Z]+$ to ^[A-Z]{3}$"],
        ),
        (_with(first={"$ref": "#/$defs/Line"}), ["m.v1.first: the type changed from null to object"]),
        (
            _with(facts={"type": "object", "additionalProperties": {"type": "integer"}}),
            ["m.v1.facts.*: the type changed from string to integer"],
        ),
        (
            _with(facts={"type": "object", "additionalProperties": False}),
            ["m.v1.facts.*: not everything is allowed any longer"],
        ),
        (
            _with_line(properties={"note": NOTE}),
            [
                "m.v1.lines[].sku: the field was removed",
                "m.v1.first.sku: the field was removed",
            ],
        ),
        (
            _with_line(properties={"sku": SKU, "note": {**NOTE, "default": "none"}}),
            [
                "m.v1.lines[].note: the default changed from '' to 'none'",
                "m.v1.first.note: the default changed from '' to 'none'",
            ],
        ),
    ],
)
def test_a_breaking_change_is_found_and_its_place_named(newer: dict[str, Any], named: list[str]) -> None:
    assert breaking_changes({"m.v1": OLD}, {"m.v1": newer}) == named


def test_a_removed_message_is_named() -> None:
    assert breaking_changes({"m.v1": OLD, "n.v1": OLD}, {"m.v1": OLD}) == ["n.v1: the message was removed"]


@pytest.mark.parametrize(
    "newer",
    [
        OLD,
        _with(more={"type": "string", "default": ""}),
        _with(amount={**OLD["properties"]["amount"], "maximum": 1_000}),
        _with(amount={"type": "number", "minimum": 0, "x-unit": "minor units"}),
        _with(kind={"type": "string", "enum": ["a", "b", "c"]}),
        _with(code={"type": "string"}),
        _with(free={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        _with_line(properties={**OLD["$defs"]["Line"]["properties"], "more": {"type": "integer", "default": 0}}),
        {**OLD, "required": ["amount", "kind", "code"]},
    ],
)
def test_a_change_that_yesterdays_messages_survive_is_let_pass(newer: dict[str, Any]) -> None:
    assert breaking_changes({"m.v1": OLD}, {"m.v1": newer, "new.v1": OLD}) == []


def test_a_value_that_holds_its_own_kind_is_compared_once() -> None:
    def tree(**field: Any) -> dict[str, Any]:
        node = {"type": "object", "properties": {"left": {"$ref": "#/$defs/Node"}, **field}}
        return {"$ref": "#/$defs/Node", "$defs": {"Node": node}}

    assert breaking_changes({"m.v1": tree(name={"type": "string"})}, {"m.v1": tree()}) == [
        "m.v1.name: the field was removed"
    ]

"""A class of settings as a table for people."""

from collections.abc import Iterator
from inspect import get_annotations
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from shared.events.json_schema import Schema, resolve

ROOT = Path(__file__).resolve().parents[1]
SPANS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


def table(settings: type[BaseSettings]) -> str:
    """The settings that this class states, Markdown; those that it inherits are its parents' to tell."""
    return "\n".join(["| variable | type | default | meaning |", "|---|---|---|---|", *_rows(settings)]) + "\n"


def stated(settings: type[BaseSettings]) -> dict[str, FieldInfo]:
    """The fields that stand in the class itself, in their order."""
    return {
        name: settings.model_fields[name] for name in get_annotations(settings) if name in settings.model_fields
    }


def _rows(settings: type[BaseSettings]) -> Iterator[str]:
    whole = settings.model_json_schema()
    prefix = settings.model_config["env_prefix"]
    for name, field in stated(settings).items():
        variable = f"{prefix}{name}".upper()
        kind = _type(name, _given(whole["properties"][name]), whole)
        yield f"| `{variable}` | {kind} | {_default(name, field)} | {_meaning(settings, name, field)} |"


def _given(schema: Schema) -> Schema:
    """What a setting is when it is not null."""
    return next((choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"), schema)


def _type(name: str, schema: Schema, whole: Schema) -> str:
    match schema:
        case {"enum": values}:
            words = "one of " + ", ".join(f"`{value}`" for value in values if value)
        case {"format": "password"}:
            words = "URL, secret" if name.endswith("_url") else "secret"
        case {"format": "path" | "file-path"}:
            words = "path"
        case {"type": "boolean"}:
            words = "true or false"
        case {"type": "integer"}:
            words = f"whole number{_range(schema)}"
        case {"type": "number"}:
            words = f"{'seconds' if _is_duration(name) else 'number'}{_range(schema)}"
        case {"type": "string"}:
            words = "URL" if name.endswith("_url") else "text"
        case _:
            words = f"JSON: {_structure(schema, whole)}"
    return words


def _range(schema: Schema) -> str:
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {_number(schema[limit])}" for limit, word in limits.items() if limit in schema)


def _structure(schema: Schema, whole: Schema) -> str:
    """The shape of a JSON value; what may be left out of an object is marked with `?`."""
    match resolve(schema, whole):
        case {"type": "array", "items": items}:
            words = f"a list of {_structure(items, whole)}"
        case {"type": "object", "properties": fields, **rest}:
            names = (name if name in rest.get("required", []) else f"{name}?" for name in fields)
            words = f"`{{{', '.join(names)}}}`"
        case {"type": kind}:
            words = str(kind)
        case _:
            words = "a value"
    return words


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    match field.get_default(call_default_factory=True, validated_data={}):
        case None | "" | ():
            text = "none"
        case SecretStr() as secret:
            text = "a secret" if secret else "none"
        case bool(switch):
            text = f"`{str(switch).lower()}`"
        case int(number) | float(number):
            text = f"`{_number(number)}`{_span(number) if _is_duration(name) else ''}"
        case Path() as path:
            text = f"`{path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()}`"
        case BaseModel() as value:
            text = f"`{value.model_dump_json(exclude_defaults=True)}`"
        case value:
            text = f"`{value}`"
    return text


def _meaning(settings: type[BaseSettings], name: str, field: FieldInfo) -> str:
    inherited = any(name in getattr(parent, "model_fields", {}) for parent in settings.__bases__)
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"As above, with another default. {meaning}" if inherited else meaning


def _is_duration(name: str) -> bool:
    return name.endswith("_s")


def _number(number: Any) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _span(seconds: float) -> str:
    """Many seconds in a unit that a person can picture, where it comes out even."""
    for unit, size in SPANS:
        if seconds >= 2 * size and seconds % size == 0:
            return f" ({_number(seconds / size)} {unit})"
    return ""

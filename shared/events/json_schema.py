"""The JSON Schema (draft 2020-12) of a message, as its reader sees it."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from shared.events.payload import Payload

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Without a title on every field, which would only repeat its name."""

    schema_dialect = DIALECT

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def schema_of(message: type[Payload]) -> Schema:
    """The schema of a message, made once and not to be changed; `$id` is its file name, which is its wire type."""
    schema = TypeAdapter(message).json_schema(schema_generator=_Generator, mode="validation")
    head = {"$schema": DIALECT, "$id": f"{message.wire_type}.json"}
    return head | {name: schema[name] for name in ("title", "description") if name in schema} | schema


def resolve(part: Schema, whole: Schema) -> Schema:
    """What a part of a schema refers to, with what stands beside the reference; else the part itself."""
    reference = part.get("$ref")
    if reference is None:
        return part
    target = whole["$defs"][reference.removeprefix("#/$defs/")]
    return {**target, **{name: value for name, value in part.items() if name != "$ref"}}

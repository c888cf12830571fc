"""`python -m tests.contract.sampling`: keeps a baseline schema and two samples of every message that has none yet.

Nothing that is there is ever changed: what was published yesterday stays what today's models must read. A
deliberate break is a new version of the message, with its own baseline and an upcaster from the old one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from services.inventory.domain import messages as inventory
from services.notification.domain import messages as notification
from services.order.domain import messages as order
from services.payment.domain import messages as payment
from services.shipping.domain import messages as shipping
from shared.events.json_schema import Schema, resolve, schema_of
from shared.events.payload import Payload
from shared.events.registry import CONTRACT

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
BASELINE = HERE / "baseline"

INTERNAL: Mapping[str, type[Payload]] = MappingProxyType(
    {
        message.wire_type: message
        for service in (order, inventory, payment, shipping, notification)
        for message in service.INTERNAL
    }
)
"""What the services say to themselves: reminders and what is parked are read long after they were written."""
KEPT: Mapping[str, type[Payload]] = MappingProxyType({**CONTRACT, **INTERNAL})
"""Every message that somebody may have kept."""

_STRINGS = {"^[A-Z]{3}$": "USD", "^[A-Z]{2}$": "US"}


def sample(schema: Schema, *, complete: bool) -> Any:
    """A value that the schema allows, with every field or only with the required ones, always the same."""
    return _value(schema, schema, complete, "value")


def _value(part: Schema, whole: Schema, complete: bool, name: str) -> Any:
    part = resolve(part, whole)
    match part:
        case {"anyOf": choices}:
            return _value(choices[0], whole, complete, name)
        case {"const": value} | {"enum": [*_, value]}:
            return value
        case {"type": "object", "properties": fields}:
            required = part.get("required", [])
            return {
                field: _value(inner, whole, complete, field)
                for field, inner in fields.items()
                if complete or field in required
            }
        case {"type": "object", "additionalProperties": inner}:
            return {"colour": _value(inner, whole, complete, "blue")}
        case {"type": "array", "items": inner}:
            return [_value(inner, whole, complete, f"{name}-{place}") for place in (1, 2)]
        case _:
            return _scalar(part, name)


def _scalar(part: Schema, name: str) -> Any:
    match part:
        case {"type": "integer"}:
            low = part.get("minimum", part.get("exclusiveMinimum", 0) + 1)
            return max(low, 1) + sum(name.encode()) % 50
        case {"type": "boolean"}:
            return True
        case {"format": "date-time"}:
            return "2026-03-02T12:34:56.789000Z"
        case {"pattern": pattern}:
            return _STRINGS[pattern]
        case _:
            return f"{name.replace('_', ' ')} ü 订"[: part.get("maxLength")]


def missing() -> list[Path]:
    """The files of messages that have no baseline or sample yet."""
    return [path for path in _files() if not path.exists()]


def _files() -> dict[Path, Any]:
    files: dict[Path, Any] = {}
    for wire_type, message in KEPT.items():
        schema = schema_of(message)
        files[BASELINE / f"{wire_type}.json"] = schema
        files[SAMPLES / wire_type / "complete.json"] = sample(schema, complete=True)
        files[SAMPLES / wire_type / "required_only.json"] = sample(schema, complete=False)
    return files


def main() -> None:
    for path, content in _files().items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

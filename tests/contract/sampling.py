"""`python -m tests.contract.sampling`: keeps a baseline schema and two samples of every message as it is now.

Nothing that is there is ever changed: what was published yesterday stays what today's models must read. A message
that has grown since is kept beside what it was (`….v1.2.json`), so that what it grew by can't be broken later. A
deliberate break is a new version of the message, with its own baseline and an upcaster from the old one.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from services.inventory.domain import messages as inventory
from services.notification.domain import messages as notification
from services.order.domain import messages as order
from services.payment.domain import messages as payment
from services.shipping.domain import messages as shipping
from shared.events.compatibility import breaking_changes
from shared.events.json_schema import Schema, resolve, schema_of
from shared.events.payload import Payload
from shared.events.registry import CONTRACT

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
BASELINE = HERE / "baseline"

_BASELINE_NAME = re.compile(r"(.+\.v\d+)(?:\.(\d+))?\.json")
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


def baselines() -> Mapping[str, list[Schema]]:
    """What was published of each message, from its first schema to its newest."""
    found: dict[str, dict[int, Schema]] = defaultdict(dict)
    for path in BASELINE.glob("*.json"):
        if named := _BASELINE_NAME.fullmatch(path.name):
            found[named[1]][int(named[2] or 1)] = json.loads(path.read_text(encoding="utf-8"))
    return {wire_type: [schemas[number] for number in sorted(schemas)] for wire_type, schemas in found.items()}


def missing() -> list[str]:
    """The messages that are not kept as they are now."""
    kept = baselines()
    return [
        wire_type
        for wire_type, message in KEPT.items()
        if not kept.get(wire_type) or _has_grown(wire_type, kept[wire_type][-1], schema_of(message))
    ]


def _has_grown(wire_type: str, newest: Schema, today: Schema) -> bool:
    """Whether there is something today that the newest baseline would not miss if it were taken away."""
    return bool(breaking_changes({wire_type: today}, {wire_type: newest}))


def main() -> None:
    """Keep what is missing; a message that breaks its baseline has no business here, and a test says so."""
    argparse.ArgumentParser(prog="python -m tests.contract.sampling", description=__doc__).parse_args()
    kept = baselines()
    for wire_type in missing():
        number = len(kept.get(wire_type, [])) + 1
        suffix = f".{number}" if number > 1 else ""
        schema = schema_of(KEPT[wire_type])
        _write(BASELINE / f"{wire_type}{suffix}.json", schema)
        for name, complete in (("complete", True), ("required_only", False)):
            _write(SAMPLES / wire_type / f"{name}{suffix}.json", sample(schema, complete=complete))


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

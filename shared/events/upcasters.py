"""Reading yesterday's messages: each old version is turned into the next one, until it is today's."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from shared.events.payload import Payload

Body = dict[str, Any]

Upcasters = Mapping[str, Callable[[Body], Body]]
"""Old wire type, for example `order.placed.v1`, to the pure function that makes a body of the next version."""

UPCASTERS: Upcasters = MappingProxyType({})
"""None yet: every message of the contract is in its first version."""

_bodies = TypeAdapter(Body)


def current_type(wire_type: str, upcasters: Upcasters = UPCASTERS) -> str:
    """The wire type that a message has after upcasting; its own when there is nothing to do."""
    while wire_type in upcasters:
        wire_type = _next_version(wire_type)
    return wire_type


def upcast(wire_type: str, body: Body, upcasters: Upcasters = UPCASTERS) -> Body:
    """The body as the current version states it."""
    while wire_type in upcasters:
        body = upcasters[wire_type](body)
        wire_type = _next_version(wire_type)
    return body


def read_payload(
    types: Mapping[str, type[Payload]], wire_type: str, value: bytes | str, upcasters: Upcasters = UPCASTERS
) -> Payload | None:
    """The message in some JSON of any version, or None when no type of `types` reads it; then it isn't parsed.

    Raises:
        pydantic.ValidationError: the JSON is not a message of this type.
    """
    model = types.get(wire_type)
    if model is not None:
        return model.model_validate_json(value)
    model = types.get(current_type(wire_type, upcasters))
    if model is None:
        return None
    return model.model_validate(upcast(wire_type, _bodies.validate_json(value), upcasters))


def _next_version(wire_type: str) -> str:
    name, _, version = wire_type.rpartition(".v")
    return f"{name}.v{int(version) + 1}"

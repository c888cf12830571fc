"""CloudEvents 1.0 on Kafka: what travels in the headers beside a payload."""

import re
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from shared.events.strict_json import read_strictly

CONTENT_TYPE = b"application/json"
STRUCTURED = b"application/cloudevents"

Headers = Collection[tuple[str, bytes | None]]


class Metadata(NamedTuple):
    """The attributes of a message. A named tuple because one is made for every message; empty means not given."""

    id: str
    """Unique within the source; ours are UUIDs of version 7."""
    source: str
    """Who states it, for example `/orderstream/order`."""
    type: str
    """The wire type, for example `order.placed.v1`."""
    time: datetime | None = None
    """When it occurred."""
    subject: str = ""
    """The stream that records it."""
    dataschema: str = ""
    sequence: str = ""
    """`lane:position` in the log of its source."""
    correlation_id: str = ""
    """The order that it is about, or what stands for it."""
    causation_id: str = ""
    """The message that caused it."""
    partition_key: str = ""
    traceparent: str = ""
    """W3C trace context; one that is not well formed is not looked at, as that standard wants it."""
    actor: str = ""
    reason: str = ""


def said_in(metadata: Metadata, body: bytes) -> str:
    """Who said what under which id: the same for a message that comes again, another for another body."""
    return f"{metadata.source}\n{metadata.id}\n{sha256(body).hexdigest()}"


def source_of(service: str) -> str:
    """The source that a service of ours names."""
    return f"/orderstream/{service}"


def dataschema_of(wire_type: str) -> str:
    """The name of the schema of a message; the schema itself is `schemas/<wire type>.json`."""
    return f"urn:orderstream:schema:{wire_type}"


def headers_of(metadata: Metadata) -> list[tuple[str, bytes]]:
    """The headers of a message in binary mode; attributes that are empty are left out."""
    headers = [
        *_same_for_a_type(metadata.source, metadata.type, metadata.dataschema),
        ("ce_id", metadata.id.encode()),
    ]
    if metadata.time is not None:
        headers.append(("ce_time", _written(metadata.time)))
    for name, value in (
        ("ce_subject", metadata.subject),
        ("ce_sequence", metadata.sequence),
        ("ce_correlationid", metadata.correlation_id),
        ("ce_causationid", metadata.causation_id),
        ("ce_partitionkey", metadata.partition_key),
        ("ce_traceparent", metadata.traceparent),
        ("ce_actor", metadata.actor),
        ("ce_reason", metadata.reason),
    ):
        if value:
            headers.append((name, _line(value)))
    return headers


def read_headers(headers: Headers) -> Metadata:
    """The attributes of a message in binary mode; headers of anyone else are not looked at.

    Raises:
        ValueError: a required attribute is missing, or one of ours can't be read; one sentence.
    """
    found = {name: _decoded(name, value) for name, value in headers if name in _HEADERS}
    if found.get("ce_specversion") != "1.0":
        raise ValueError("ce_specversion must be 1.0")
    text = _MISSING | found
    return Metadata(
        _given("ce_id", text["ce_id"]),
        _given("ce_source", text["ce_source"]),
        _given("ce_type", text["ce_type"]),
        _moment("ce_time", text["ce_time"]),
        text["ce_subject"],
        text["ce_dataschema"],
        text["ce_sequence"],
        text["ce_correlationid"],
        text["ce_causationid"],
        text["ce_partitionkey"],
        _trace(text["ce_traceparent"]),
        text["ce_actor"],
        text["ce_reason"],
    )


def read_message(headers: Headers, value: bytes | None) -> tuple[Metadata, bytes]:
    """Attributes and payload JSON of a message in binary or structured mode, told apart by `content-type`.

    Raises:
        ValueError: as for `read_headers`, or there is no payload; one sentence.
    """
    if not value:
        raise ValueError("the message has no body")
    for name, content_type in headers:
        if name == "content-type" and content_type and content_type.lower().startswith(STRUCTURED):
            return read_structured(value)
    return read_headers(headers), value


def read_structured(value: bytes) -> tuple[Metadata, bytes]:
    """Attributes and payload JSON of a message in structured mode (`application/cloudevents+json`).

    Raises:
        ValueError: it is no such message; one sentence.
    """
    try:
        from_json(value, allow_inf_nan=False)  # it refuses deep nesting and half surrogates
        envelope = read_strictly(value.decode())
    except ValueError as wrong:
        raise ValueError(f"the message is not JSON: {wrong}") from None
    if not isinstance(envelope, dict):
        raise ValueError("a structured message is a JSON object")
    if envelope.get("specversion") != "1.0":
        raise ValueError("specversion must be 1.0")
    if envelope.get("data") is None:
        raise ValueError("data is missing")
    metadata = Metadata(
        _given("id", _string(envelope, "id")),
        _given("source", _string(envelope, "source")),
        _given("type", _string(envelope, "type")),
        _moment("time", _string(envelope, "time")),
        *(_string(envelope, name) for name in _OPTIONAL),
    )
    return metadata, to_json(envelope["data"])


_OPTIONAL = (
    "subject",
    "dataschema",
    "sequence",
    "correlationid",
    "causationid",
    "partitionkey",
    "traceparent",
    "actor",
    "reason",
)
"""The optional attributes in the order of `Metadata`, after its time."""

_HEADERS = frozenset(f"ce_{name}" for name in ("specversion", "id", "source", "type", "time", *_OPTIONAL))
_MISSING = dict.fromkeys(_HEADERS, "")

_TRACE = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@lru_cache(maxsize=1_024)
def _same_for_a_type(source: str, wire_type: str, dataschema: str) -> tuple[tuple[str, bytes], ...]:
    schema = (("ce_dataschema", _line(dataschema)),) if dataschema else ()
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", source.encode()),
        ("ce_type", wire_type.encode()),
        ("content-type", CONTENT_TYPE),
        *schema,
    )


@lru_cache(maxsize=1_024)
def _written(moment: datetime) -> bytes:
    """A batch records all it decided at one moment."""
    return moment.isoformat().encode()


def _decoded(name: str, value: bytes | None) -> str:
    if not value:
        return ""
    try:
        return _text(name, value.decode())
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8") from None


def _line(value: str) -> bytes:
    return (value if value.isprintable() else _printable(value)).encode()


def _given(name: str, value: str) -> str:
    if not value:
        raise ValueError(f"{name} is missing")
    return value


def _moment(name: str, value: str) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{name} is not an RFC 3339 time with an offset")
    return moment


def _string(envelope: dict[str, Any], name: str) -> str:
    value = envelope.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a string")
    return _trace(value) if name == "traceparent" else _text(name, value)


def _text(name: str, value: str) -> str:
    if "\x00" in value:
        raise ValueError(f"{name} holds the character NUL")
    return value


def _trace(value: str) -> str:
    return value if _TRACE.fullmatch(value) else ""


def _printable(value: str) -> str:
    """CloudEvents attributes hold no control characters; a reason typed on several lines becomes one."""
    return "".join(letter if letter.isprintable() else " " for letter in value)

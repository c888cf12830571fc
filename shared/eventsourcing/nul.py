"""The character NUL, which no text of PostgreSQL holds."""

import re

from shared.events.payload import Payload

ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""The escape of NUL in JSON, not an escaped backslash followed by `u0000`."""


def holds_nul(message: Payload, *texts: str) -> bool:
    """Whether a message, or a text that travels with it, can't be stored."""
    document = message.__pydantic_serializer__.to_json(message)
    # The pattern alone begins anew at each byte, and takes six times as long as all the rest.
    escaped = b"\\u0000" in document and ESCAPED_NUL.search(document) is not None
    return escaped or any("\x00" in text for text in texts)


def storable(text: str, limit: int = 2_000) -> str:
    """A text that every store holds: without NUL, and no longer than an index takes."""
    return text.replace("\x00", "\ufffd")[:limit]

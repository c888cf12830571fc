"""The name that a caller gives a request, under which it is the same request when it comes again."""

import hashlib
from typing import Annotated

from fastapi import Header

from shared.events.http_api import IDEMPOTENCY_KEY
from shared.events.payload import Payload

HEADER = "Idempotency-Key"
KeyGiven = Annotated[
    str | None,
    Header(
        alias=HEADER,
        pattern=f"^{IDEMPOTENCY_KEY}$",
        description="The same key never does it twice: the same request gets the first answer again, another 409.",
    ),
]
"""A key that may be left out: then every request is a new one."""


def digest_of(request: Payload, key: str | None) -> bytes:
    """What tells a request from another one under the same key, be it of another kind; nothing without a key."""
    return hashlib.sha256(f"{request.wire_type}\n{request.model_dump_json()}".encode()).digest() if key else b""

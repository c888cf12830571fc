"""The hash chain of a lane: each entry's hash covers the entry and the hash before it."""

import hashlib
from datetime import datetime
from functools import lru_cache

import orjson

GENESIS = bytes(32)
"""The hash before the first entry of a lane."""


def entry_hash(
    previous: bytes,
    *,
    lane: int,
    position: int,
    id: str,
    kind: str,
    type: str,
    topic: str,
    stream: str,
    version: int,
    partition_key: str,
    correlation_id: str,
    causation_id: str,
    actor: str,
    reason: str,
    occurred_at: datetime,
    recorded_at: datetime,
    payload: str,
) -> bytes:
    """SHA-256 over the previous hash and the compact JSON array of the entry's columns, in this order.

    Times are whole microseconds since 1970. Strings are JSON strings in UTF-8 without superfluous escapes.
    """
    columns = [
        lane,
        position,
        id,
        kind,
        type,
        topic,
        stream,
        version,
        partition_key,
        correlation_id,
        causation_id,
        actor,
        reason,
        microseconds(occurred_at),
        microseconds(recorded_at),
        payload,
    ]
    return hashlib.sha256(previous + orjson.dumps(columns)).digest()


@lru_cache(maxsize=1_024)
def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970, without the rounding of floating point."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + moment.microsecond

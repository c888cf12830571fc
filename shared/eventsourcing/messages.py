"""A message on its way in or out: its metadata beside its payload."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from uuid import UUID

from msgspec import Struct, msgpack

from shared.events.payload import Payload
from shared.eventsourcing.ids import named_id


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """A message as the broker holds it."""

    topic: str
    """Without the prefix of the installation."""
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0

    @property
    def place(self) -> str:
        """`topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def identity(self) -> UUID:
        """The same when the record is read again; a topic that was made anew has another one at its place."""
        content = msgpack.encode((self.key, self.value, self.headers, self.timestamp_ms))
        return named_id(f"{self.place}\n{sha256(content).hexdigest()}")


class Arrival(Struct, frozen=True, kw_only=True, gc=False):
    """A message as the pipeline takes it, from whichever input."""

    message: Payload
    message_id: UUID
    """Claimed once: the same id is never decided twice."""
    partition_key: str
    correlation_id: str
    source: str
    """`ce_source` of a broker record, or `http`, `reminder` or `effect`."""
    actor: str = "system"
    reason: str = ""
    occurred_at: datetime | None = None
    traceparent: str = ""
    body_digest: bytes = b""
    wants_reply: bool = False
    parked_id: UUID | None = None
    """The parked message that this one is, tried again."""
    origin: Mapping[str, str] = MappingProxyType({})
    """Where the bytes came from, kept with a parked message."""


class Malformed(Exception):
    """The bytes hold no message: the reason is one sentence."""

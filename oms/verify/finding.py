"""What a check looks at, and what it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import orjson

from oms.client import Client


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not as it must be. It compares equal when it is found again."""

    invariant: str
    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a service's log."""

    service: str
    id: str
    kind: str
    type: str
    topic: str
    stream: str
    version: int
    lane: int
    position: int
    partition_key: str
    correlation_id: str
    causation_id: str
    actor: str
    reason: str
    occurred_at: str
    recorded_at: str
    payload: str
    """The exact text that was hashed."""
    hash: str

    def body(self) -> dict[str, Any]:
        """The payload's fields."""
        fields: dict[str, Any] = orjson.loads(self.payload)
        return fields


class Check(Protocol):
    """One invariant. The log is shown to it once, as it grows; what it finds may change with more of it."""

    name: str
    """What must be true, in a few words."""

    def see(self, entry: Entry) -> None:
        """Take one entry in; those of one lane come in their order, lanes and services in any."""
        ...

    def findings(self, client: Client) -> Iterator[Finding]:
        """What is wrong by all that was seen, and by what the services and simulators say now.

        What something in flight explains goes away by itself; the text of a finding must not change from one look
        to the next as long as it stands.
        """
        ...

    def checked(self) -> str:
        """How much was looked at, for the closing table."""
        ...


@runtime_checkable
class Partial(Check, Protocol):
    """A check that leaves something out where a stack does not give what it needs."""

    def left_out(self, client: Client) -> str:
        """What is not given, in a few words; empty where all is checked."""
        ...


@runtime_checkable
class Prepared(Check, Protocol):
    """A check that asks for what is stored before the log is read: all of that must then be in the log."""

    def prepare(self, client: Client) -> None:
        """Ask for it; comes before the entries of each look at which the check is asked."""
        ...

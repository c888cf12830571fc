"""The port to the broker: at least once in, at least once out."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Protocol

from msgspec import Struct

from shared.eventsourcing.messages import Record


class BrokerUnavailable(Exception):
    """The broker did not acknowledge; whether it has the message may be unknown."""


class BrokerAway(BrokerUnavailable):
    """Nobody answers where a broker should be: it may be there in a moment."""


class Outgoing(Struct, frozen=True, kw_only=True, gc=False):
    """A message to be published to the partition of its lane."""

    topic: str
    """Without the prefix of the installation."""
    lane: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Bytes that count towards what a broker takes."""
        return len(self.key) + len(self.value) + sum(map(len, chain.from_iterable(self.headers)))


Handle = Callable[[Sequence[Record]], Awaitable[None]]
"""Takes a batch and returns when it is safe in the store; never raises for the content of a record.

A batch for which it raises is delivered again before anything after it."""


class Broker(Protocol):
    """A partitioned log shared by all services."""

    def subscribe(
        self, topics: Sequence[str], group: str, handle: Handle, ended: Callable[[Exception], None]
    ) -> None:
        """Deliver batches of these topics; the offsets of a batch are committed after `handle` returned.

        `ended` is told when deliveries ended for good though nobody stopped them.
        """
        ...

    async def start(self) -> None:
        """Connect, and begin to deliver.

        Raises:
            BrokerUnavailable: no broker answers, or its topics are not as they have to be.
        """
        ...

    async def stop(self) -> None:
        """Finish the batch in hand, commit its offsets and disconnect."""
        ...

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[bool]:
        """Publish in order; True for each that the broker acknowledged. A False may have arrived all the same."""
        ...

    def delivering(self) -> bool:
        """Whether the group has given the subscription its partitions, be they none: not while they move."""
        ...

    def near(self) -> frozenset[int]:
        """The lanes whose messages come to this process, by what the group said last; none before that."""
        ...

    async def ping(self) -> None:
        """Raises BrokerUnavailable when no broker answers the subscription."""
        ...

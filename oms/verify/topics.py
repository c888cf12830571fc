"""What stands in the topics that the relays publish to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from deploy.local.description import Description
from shared.events import registry
from shared.events.channel import ChannelOrderReceived
from shared.events.cloudevents import Headers

TOPICS = tuple(one for one in registry.TOPICS if one != registry.topic_of(ChannelOrderReceived))
"""Every topic of the contract but the intake, to which channels publish; without the installation's prefix."""


class Standing(NamedTuple):
    """One record by its headers alone. A named tuple because one is made for every record; empty: not given."""

    topic: str
    partition: int
    offset: int
    source: str
    sequence: str
    id: str

    @property
    def place(self) -> str:
        """`topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Records of one partition, one after the other, on from those of the stretch before."""

    topic: str
    partition: int
    of: int
    """How many partitions the topic has."""
    torn: bool = False
    """What stood before them is gone unread: by retention, or because the topic was made anew."""
    records: Sequence[Standing] = ()


class Topics(Protocol):
    """The topics of the services, read once and on from there."""

    def read(self, stack: Description, see: Callable[[Stretch], None]) -> None:
        """Show what came since the last time, at least one stretch of every partition that is there."""
        ...


def standing(topic: str, partition: int, offset: int, headers: Headers) -> Standing:
    """A record by its headers; one that is no text of ours stands for none."""
    given = dict(headers)
    return Standing(
        topic,
        partition,
        offset,
        _text(given.get("ce_source")),
        _text(given.get("ce_sequence")),
        _text(given.get("ce_id")),
    )


def _text(value: bytes | None) -> str:
    return value.decode(errors="replace") if value else ""

"""The order of a log's lanes as anybody sees it on the topics."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.eventsourcing.lanes import LANES
from tests.e2e.kafka import Message


@dataclass(frozen=True, slots=True)
class Repeat:
    """A record that came before, as at least once allows."""

    source: str
    lane: int
    position: int
    place: str


def repeats_of(messages: Iterable[Message]) -> list[Repeat]:
    """What in one topic was published more than once.

    Fails unless every lane of every source rises on its partition, and what does not rise repeats, byte by byte,
    what was there before: for whoever drops the ids that it knows, nothing is ever overtaken.
    """
    newest: dict[tuple[str, int], int] = {}
    first: dict[tuple[str, int, int], Message] = {}
    repeats = []
    for message in messages:
        if "ce_sequence" not in message.headers:
            continue  # a partner's
        source = message.headers["ce_source"].decode()
        lane, position = map(int, message.headers["ce_sequence"].split(b":"))
        _, partition, _ = message.place.rsplit("/", 2)
        assert int(partition) == lane % 8, f"{message.place} is not where lane {lane} belongs"
        if position > newest.get((source, lane), 0):
            newest[source, lane] = position
            first[source, lane, position] = message
            continue
        original = first.get((source, lane, position))
        assert original is not None, f"{message.place}: {source} {lane}:{position} comes after a later one"
        assert (message.key, message.value, message.headers) == (original.key, original.value, original.headers)
        repeats.append(Repeat(source, lane, position, message.place))
    assert all(lane < LANES for _, lane in newest)
    return repeats

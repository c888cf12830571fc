"""What the stores hold, entry by entry, beside what stands in the topics."""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from oms.client import SERVICES
from oms.verify.topics import Standing, Stretch
from shared.events.cloudevents import source_of
from shared.eventsourcing.lanes import LANES

SERVICE_OF = {source_of(service): service for service in SERVICES}
NAMED = 1_000
"""Entries of one lane that are named, the lowest first."""

Wrong = tuple[str, str]
"""Where, and what."""
LaneKey = tuple[str, int]
"""Service, lane."""


class Publications:
    """Compares them without keeping a text: an entry takes about 20 bytes, a record of a known entry none.

    Entries come first, then the records; both go on where they were. A topic that begins in the middle, because
    its beginning was deleted or it was made anew, is judged from the first record of each lane on.
    """

    def __init__(self) -> None:
        self.records = 0
        self._lanes: dict[LaneKey, _Lane] = defaultdict(_Lane)
        self._topics: dict[str, int] = {}
        """Numbers of topics, as lanes keep them."""
        self._partitions: dict[str, int] = {}
        """How many partitions each topic has."""
        self._torn: set[tuple[str, int]] = set()
        self._anew: set[str] = set()
        self._begun: set[tuple[str, int]] = set()
        """Partitions of which a record was seen."""
        self._runs: dict[tuple[str, str, int], dict[int, _Run]] = defaultdict(dict)
        """Topic, service, lane to partition to what stands there."""
        self._unknown: list[Standing] = []
        """Records whose entries were not shown; those of a moment ago will be."""
        self._wrong: set[Wrong] = set()

    def store(self, service: str, lane: int, position: int, id: str, topic: str) -> None:
        """An entry of a log; those of a lane come in their order."""
        number = self._topics.setdefault(topic, len(self._topics))
        self._lanes[service, lane].add(position, hash(id), number)

    def place_unknown(self) -> None:
        """Look for the entries of records that had none."""
        self._unknown = [record for record in self._unknown if not self._place(record)]

    def see(self, stretch: Stretch) -> None:
        """Records of a partition, in their order."""
        self._partitions[stretch.topic] = stretch.of
        if stretch.torn:
            self._tear(stretch.topic, stretch.partition)
        self.records += len(stretch.records)
        self._unknown += [record for record in stretch.records if not self._place(record)]

    def unknown(self) -> Iterator[Standing]:
        """Records that no store has."""
        yield from self._unknown

    def wrong(self, passed: Mapping[LaneKey, int]) -> Iterator[Wrong]:
        """What does not stand as it should; `passed` is how far each relay was before the topics were read."""
        yield from self._wrong
        for (topic, service, lane), runs in self._runs.items():
            yield from self._misplaced(topic, service, lane, runs)
        names = list(self._topics)
        for (service, lane), entries in self._lanes.items():
            missing = self._missing(service, lane, entries, names, passed.get((service, lane), 0))
            for position, topic in islice(missing, NAMED):
                there = f"it does not stand in {topic}" if topic in self._partitions else f"there is no {topic}"
                yield f"{service} lane {lane}", f"the relay is past position {position}, and {there}"

    def _place(self, record: Standing) -> bool:
        """Whether a store has the entry of a record."""
        service, lane, position = SERVICE_OF.get(record.source, ""), *_place_in_log(record.sequence)
        entries = self._lanes.get((service, lane))
        index = entries.find(position, hash(record.id)) if entries else None
        if entries is None or index is None:
            return False
        number = self._topics.get(record.topic)
        if entries.topics[index] != number:
            own = list(self._topics)[entries.topics[index]]
            self._wrong.add((record.place, f"{service} {lane}:{position} stands here, and its topic is {own}"))
            return True
        if (record.topic, record.partition) not in self._begun:
            self._begun.add((record.topic, record.partition))
            if number in entries.topics[:index]:
                self._anew.add(record.topic)
        run = self._run(record, service, lane, position)
        if position > run.highest:
            run.highest = position
        elif not entries.standing[index] and not (self._is_torn(record.topic, lane) and position < run.first):
            told = f"{service} {lane}:{position} stands here for the first time, behind {lane}:{run.highest}"
            self._wrong.add((record.place, told))
        run.lowest = min(run.lowest, position)
        entries.standing[index] = 1
        return True

    def _run(self, record: Standing, service: str, lane: int, position: int) -> "_Run":
        runs = self._runs[record.topic, service, lane]
        if record.partition not in runs:
            runs[record.partition] = _Run(record.place, position, position, position - 1)
        return runs[record.partition]

    def _misplaced(self, topic: str, service: str, lane: int, runs: "Mapping[int, _Run]") -> Iterator[Wrong]:
        """What stands in other partitions than its lane's; what came when the topic had fewer of them may."""
        count = self._partitions[topic]
        homes = dict.fromkeys(lane % fewer for fewer in range(count, 0, -1) if LANES % fewer == 0)
        lowest = None
        for partition in (*(one for one in homes if one in runs), *(runs.keys() - homes)):
            run = runs[partition]
            grown = lowest is None or run.lowest <= lowest or (topic, partition) in self._torn
            if partition in homes and grown:
                lowest = run.lowest
            else:
                yield run.place, f"{service} lane {lane} stands here, and its partition is {lane % count}"

    def _missing(
        self, service: str, lane: int, entries: "_Lane", names: list[str], passed: int
    ) -> Iterator[tuple[int, str]]:
        """Positions, with their topics, that the relay passed and that stand nowhere."""
        end = bisect_right(entries.positions, passed)
        index = entries.standing.find(0, 0, end)
        while index >= 0:
            topic, position = names[entries.topics[index]], entries.positions[index]
            runs = self._runs.get((topic, service, lane), {})
            if self._is_torn(topic, lane) and all(position < run.lowest for run in runs.values()):
                entries.standing[index] = 1  # it has stood there, by all that can be told
            else:
                yield position, topic
            index = entries.standing.find(0, index + 1, end)

    def _is_torn(self, topic: str, lane: int) -> bool:
        count = self._partitions.get(topic)
        return topic in self._anew or (count is not None and (topic, lane % count) in self._torn)

    def _tear(self, topic: str, partition: int) -> None:
        self._torn.add((topic, partition))
        self._begun.add((topic, partition))
        for (other, _, _), runs in self._runs.items():
            if other == topic:
                runs.pop(partition, None)


@dataclass(slots=True)
class _Lane:
    """The entries of one lane by their positions."""

    positions: "array[int]" = field(default_factory=lambda: array("q"))
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    """Hashes of the ids."""
    topics: bytearray = field(default_factory=bytearray)
    standing: bytearray = field(default_factory=bytearray)
    """Whether its record was seen."""

    def add(self, position: int, id: int, topic: int) -> None:
        self.topics.append(topic)
        self.positions.append(position)
        self.ids.append(id)
        self.standing.append(0)

    def find(self, position: int, id: int) -> int | None:
        """Where an entry is among the others; None when there is none of that position and id."""
        index = bisect_left(self.positions, position)
        if index < len(self.positions) and (self.positions[index], self.ids[index]) == (position, id):
            return index
        return None


@dataclass(slots=True)
class _Run:
    """What stands of one lane in one partition."""

    place: str
    """Of the first record."""
    first: int
    lowest: int
    highest: int


def _place_in_log(sequence: str) -> tuple[int, int]:
    """Lane and position; none has the lane -1."""
    lane, _, position = sequence.partition(":")
    try:
        return int(lane), int(position)
    except ValueError:
        return -1, -1

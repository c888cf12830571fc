"""The newest entries that this process committed, kept so that its own readers need not ask the store for them."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from shared.eventsourcing.store import LaneSlice, LogEntry

KEPT_PER_LANE = 64
"""Entries of a lane that are kept; a reader that is further behind asks the store."""
LARGEST_KEPT = 64 * 1024
"""Characters of an entry's payload; what is larger is read from the store, so that the tail has a size."""


class Tail:
    """The gapless ends of the lanes as far as this process wrote them."""

    def __init__(self) -> None:
        self._lanes: dict[int, deque[LogEntry]] = {}
        """Only the lanes that were written to."""
        self._let_go: dict[int, int] = {}
        """Lanes of which nothing is kept, and where they ended."""

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Keep what was just committed. Where another instance wrote in between, the lane begins anew."""
        for entry in entries:
            if len(entry.payload) > LARGEST_KEPT:
                self._lanes.pop(entry.lane, None)
                self._let_go[entry.lane] = entry.position
                continue
            kept = self._lanes.get(entry.lane)
            if kept is None:
                kept = self._lanes[entry.lane] = deque(maxlen=KEPT_PER_LANE)
                self._let_go.pop(entry.lane, None)
            elif kept[-1].position + 1 != entry.position:
                kept.clear()
            kept.append(entry)

    def after(self, positions: Mapping[int, int], limit: int, types: Collection[str] | None) -> list[LaneSlice]:
        """What comes after these positions in the lanes that the tail knows from there on; it may know of more."""
        return [
            _slice(lane, kept, position, limit, types)
            for lane, kept, position in self._behind(positions)
            if kept[0].position <= position + 1
        ]

    def reaches_beyond(self, positions: Mapping[int, int]) -> bool:
        """Whether there are entries after these positions that the tail has lost sight of."""
        let_go = any(positions.get(lane, end) < end for lane, end in self._let_go.items())
        return let_go or any(position + 1 < kept[0].position for _, kept, position in self._behind(positions))

    def _behind(self, positions: Mapping[int, int]) -> list[tuple[int, deque[LogEntry], int]]:
        """The few lanes in which there is something to see, for readers who look after every commit."""
        return [
            (lane, kept, positions[lane])
            for lane, kept in self._lanes.items()
            if positions.get(lane, newest := kept[-1].position) < newest
        ]


def _slice(
    lane: int, kept: deque[LogEntry], position: int, limit: int, types: Collection[str] | None
) -> LaneSlice:
    start = position + 1 - kept[0].position
    newest = islice(kept, start, None)
    entries = tuple(islice((entry for entry in newest if types is None or entry.type in types), limit))
    full = len(entries) == limit
    return LaneSlice(lane, entries, entries[-1].position if full else kept[-1].position)

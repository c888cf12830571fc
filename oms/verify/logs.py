"""The services' logs, read once each from the first entry to the last, and on from there as they grow."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from oms.client import SERVICES, Client
from oms.verify.finding import Entry

PAGE = 1_000
AT_ONCE = 4
"""Lanes asked for at the same time; more would only take the services' processors from them."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane of one service, and how far it reaches."""

    service: str
    number: int
    head: int


class Logs:
    """How far each lane has been read."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, int], int] = {}

    def news(self, client: Client) -> Iterator[Entry]:
        """What the services have recorded since the last time, at least up to the heads as they are now."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = deque(self._grown(client))
            reading: deque[tuple[Lane, Future[list[Entry]]]] = deque()
            while waiting or reading:
                # The next pages come while this one is looked at, and no whole log is ever in memory.
                while waiting and len(reading) < AT_ONCE:
                    lane = waiting.popleft()
                    reading.append((lane, pool.submit(self._page, client, lane)))
                lane, reply = reading.popleft()
                if page := reply.result():
                    self._read[lane.service, lane.number] = page[-1].position
                    if page[-1].position < lane.head:
                        waiting.append(lane)
                yield from page

    def _grown(self, client: Client) -> list[Lane]:
        """The lanes with something new, those of all services in turn, so that each serves a part of the time."""
        lanes = [
            Lane(service, one["lane"], one["head"])
            for service in SERVICES
            for one in client.get(service, "/operations/lanes")["lanes"]
            if one["head"] > self._position(service, one["lane"])
        ]
        return sorted(lanes, key=lambda lane: lane.number)

    def _page(self, client: Client, lane: Lane) -> list[Entry]:
        after = self._position(lane.service, lane.number)
        rows = client.get(lane.service, "/operations/chain", lane=lane.number, after=after, limit=PAGE)["entries"]
        return [Entry(service=lane.service, **{name: row[name] for name in FIELDS}) for row in rows]

    def _position(self, service: str, lane: int) -> int:
        return self._read.get((service, lane), 0)


FIELDS = tuple(name for name in Entry.__dataclass_fields__ if name != "service")

"""The services' logs, read once each from the first entry to the last, and on from there as they grow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from oms.client import SERVICES, Client
from oms.verify.finding import Entry

PAGE = 1_000
AT_ONCE = 4
"""Lanes asked for at the same time; more would only take the services' processors from them."""


class Logs:
    """How far each lane has been read."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, int], int] = {}

    def news(self, client: Client) -> Iterator[Entry]:
        """What the services have recorded since the last time, up to the heads as they are now."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for service in SERVICES:
                lanes = client.get(service, "/operations/lanes")["lanes"]
                grown = [
                    (lane["lane"], lane["head"])
                    for lane in lanes
                    if lane["head"] > self._position(service, lane["lane"])
                ]
                for entries in pool.map(
                    lambda end: self._segment(client, *end), [(service, *end) for end in grown]
                ):
                    yield from entries

    def _segment(self, client: Client, service: str, lane: int, head: int) -> list[Entry]:
        entries: list[Entry] = []
        position = self._position(service, lane)
        while position < head:
            page = client.get(service, "/operations/chain", lane=lane, after=position, limit=PAGE)["entries"]
            entries += (Entry(service=service, **{name: row[name] for name in FIELDS}) for row in page)
            if not page:
                break
            position = page[-1]["position"]
        self._read[service, lane] = max(position, head)
        return entries

    def _position(self, service: str, lane: int) -> int:
        return self._read.get((service, lane), 0)


FIELDS = tuple(name for name in Entry.__dataclass_fields__ if name != "service")

"""The services' logs, read once each from the first entry to the last, and on from there as they grow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

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
        """What the services have recorded since the last time, at least up to the heads as they are now."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for service in SERVICES:
                lanes = client.get(service, "/operations/lanes")["lanes"]
                heads = {
                    one["lane"]: one["head"] for one in lanes if one["head"] > self._position(service, one["lane"])
                }
                while heads:
                    # A page of a few lanes at a time, so that no whole log is ever in memory.
                    some = list(heads)[:AT_ONCE]
                    for lane, page in zip(some, pool.map(partial(self._page, client, service), some), strict=True):
                        yield from page
                        if not page or page[-1].position >= heads[lane]:
                            del heads[lane]

    def _page(self, client: Client, service: str, lane: int) -> list[Entry]:
        after = self._position(service, lane)
        rows = client.get(service, "/operations/chain", lane=lane, after=after, limit=PAGE)["entries"]
        if rows:
            self._read[service, lane] = rows[-1]["position"]
        return [Entry(service=service, **{name: row[name] for name in FIELDS}) for row in rows]

    def _position(self, service: str, lane: int) -> int:
        return self._read.get((service, lane), 0)


FIELDS = tuple(name for name in Entry.__dataclass_fields__ if name != "service")

"""Invariant 5: every stream that is stored has its facts, and every stream that has facts is stored."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

from oms.client import SERVICES, Client, Json
from oms.verify.finding import Entry, Finding
from oms.verify.logs import AT_ONCE, PAGE

CATEGORIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "order": ("order", "placement", "intake", "customer"),
        "inventory": ("stock", "reservation"),
        "payment": ("payment",),
        "shipping": ("shipment",),
        "notification": ("notice",),
    }
)
"""The categories of streams that each service stores."""

Stream = tuple[str, str]
"""Service, stream."""


class Streams:
    """Compares the version of every stored stream with the facts; of the states `States` compares a sample."""

    name = "5 stored streams"

    def __init__(self) -> None:
        self._ends: dict[Stream, int] = {}
        """The highest version among each stream's facts."""
        self._stored: dict[Stream, int] = {}
        """The version that was stored before the log was read, so that the log must reach it."""

    def prepare(self, client: Client) -> None:
        """Implements `Prepared`."""
        everything = {(service, category) for service in SERVICES for category in CATEGORIES[service]}
        self._stored = _versions(client, everything)

    def see(self, entry: Entry) -> None:
        if entry.kind == "event":
            stream = (entry.service, entry.stream)
            self._ends[stream] = max(self._ends.get(stream, 0), entry.version)

    def findings(self, client: Client) -> Iterator[Finding]:
        for stream, version in self._stored.items():
            end = self._ends.get(stream)
            if end is None:
                yield Finding(self.name, " ".join(stream), "is stored, and no fact is of it")
            elif end < version:
                yield Finding(self.name, " ".join(stream), "its facts do not reach the version that is stored")
        ahead = {stream: end for stream, end in self._ends.items() if self._stored.get(stream, 0) < end}
        # Asked once more: what was recorded since the first time is stored by now.
        stored = _versions(client, {(service, stream.partition("-")[0]) for service, stream in ahead})
        for known, end in ahead.items():
            if known not in stored:
                yield Finding(self.name, " ".join(known), "has facts, and is not stored")
            elif stored[known] < end:
                yield Finding(self.name, " ".join(known), "its facts go beyond the version that is stored")

    def checked(self) -> str:
        return f"{len(self._ends)} streams"


def rows_of(client: Client, service: str, category: str) -> Iterator[Json]:
    """Every stored stream of a category, with its version and its state."""
    after = ""
    while True:
        asked = {"category": category, "after": after, "limit": PAGE}
        page = client.get(service, "/operations/streams", **asked)["streams"]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]["stream"]


def _versions(client: Client, of: Collection[tuple[str, str]]) -> dict[Stream, int]:
    """The stored version of every stream of some services' categories."""

    def ask(one: tuple[str, str]) -> dict[Stream, int]:
        return {(one[0], row["stream"]): row["version"] for row in rows_of(client, *one)}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {stream: version for page in pool.map(ask, sorted(of)) for stream, version in page.items()}

"""Invariant 5: the state that is stored with a stream is the fold of its facts."""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from oms.client import Client
from oms.verify.finding import Entry, Finding
from oms.verify.logs import AT_ONCE

PAGE = 50
"""Streams asked for at once."""


class States:
    """Lets each service fold its streams anew and compares; of many streams, an even sample."""

    name = "5 state = fold of events"

    def __init__(self, streams_per_service: int, salt: bytes | None = None) -> None:
        self._limit = streams_per_service
        self._salt = secrets.token_bytes(8) if salt is None else salt
        """Other streams are chosen under another salt, so that in time each has its turn."""
        self._streams: dict[str, set[str]] = defaultdict(set)
        self._compared = 0

    def see(self, entry: Entry) -> None:
        if entry.kind == "event":
            self._streams[entry.service].add(entry.stream)

    def findings(self, client: Client) -> Iterator[Finding]:
        chosen = {service: self._sample(service) for service in self._streams}
        self._compared = sum(map(len, chosen.values()))
        pages = [
            (service, streams[start : start + PAGE])
            for service, streams in chosen.items()
            for start in range(0, len(streams), PAGE)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for found in pool.map(lambda page: list(self._compare(client, *page)), pages):
                yield from found

    def checked(self) -> str:
        known = sum(len(streams) for streams in self._streams.values())
        return f"{self._compared} of {known} streams"

    def _sample(self, service: str) -> list[str]:
        """The same streams at every look, spread evenly by a hash of their names."""
        return sorted(self._streams[service], key=self._spread)[: self._limit]

    def _spread(self, stream: str) -> bytes:
        return hashlib.sha256(self._salt + stream.encode()).digest()

    def _compare(self, client: Client, service: str, streams: Sequence[str]) -> Iterator[Finding]:
        for answer in client.get(service, "/operations/folds", stream=streams)["folds"]:
            where = f"{service} {answer['stream']}"
            if "fault" in answer:
                yield Finding(self.name, where, answer["fault"])
            elif answer["version"] != answer["stored_version"]:
                yield Finding(self.name, where, "the stored version is not the number of its facts")
            elif answer["state"] != answer["stored_state"]:
                yield Finding(self.name, where, "the stored state is not the fold of its facts")

"""Invariant 5: the state that is stored with a stream is the fold of its facts."""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from oms.client import Client, NotFound
from oms.errors import OmsError, Unreachable
from oms.verify.finding import Entry, Finding
from oms.verify.logs import AT_ONCE


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
        chosen = [(service, stream) for service in self._streams for stream in self._sample(service)]
        self._compared = len(chosen)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for found in pool.map(lambda one: self._compare(client, *one), chosen):
                yield from found

    def checked(self) -> str:
        known = sum(len(streams) for streams in self._streams.values())
        return f"{self._compared} of {known} streams"

    def _sample(self, service: str) -> list[str]:
        """The same streams at every look, spread evenly by a hash of their names."""
        return sorted(self._streams[service], key=self._spread)[: self._limit]

    def _spread(self, stream: str) -> bytes:
        return hashlib.sha256(self._salt + stream.encode()).digest()

    def _compare(self, client: Client, service: str, stream: str) -> list[Finding]:
        where = f"{service} {stream}"
        try:
            answer = client.get(service, f"/operations/streams/{quote(stream, safe='')}")
        except NotFound:
            return [Finding(self.name, where, "has no stored state")]
        except Unreachable:
            raise
        except OmsError as error:
            return [Finding(self.name, where, f"its facts can't be folded: {error}")]
        if answer["version"] != answer["stored_version"]:
            return [Finding(self.name, where, "the stored version is not the number of its facts")]
        if answer["state"] != answer["stored_state"]:
            return [Finding(self.name, where, "the stored state is not the fold of its facts")]
        return []

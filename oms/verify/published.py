"""Invariant 5: what is in the stores stands in the topics, each in its place, and nothing else does."""

from collections.abc import Iterator
from itertools import islice

from oms.client import SERVICES, Client
from oms.verify.finding import Entry, Finding
from oms.verify.publications import NAMED, SERVICE_OF, LaneKey, Publications
from oms.verify.put_aside import put_aside
from oms.verify.topics import Standing, Topics


class Published:
    """Compares what every relay has passed with what stands in the topics; `Deliveries` with what was taken."""

    name = "5 stored = published"

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._publications = Publications()

    def see(self, entry: Entry) -> None:
        self._publications.store(entry.service, entry.lane, entry.position, entry.id, entry.topic)

    def findings(self, client: Client) -> Iterator[Finding]:
        passed = _passed(client)
        self._publications.place_unknown()
        self._topics.read(client.stack, self._publications.see)
        for where, what in self._publications.wrong(passed):
            yield Finding(self.name, where, what)
        unknown = [record for record in self._publications.unknown() if not _asked_by_a_partner(record)]
        aside = _places_put_aside(client) if unknown else frozenset()
        for record in islice((one for one in unknown if one.place not in aside), NAMED):
            yield Finding(self.name, record.place, f"{_named(record)} stands here and is in no store")

    def checked(self) -> str:
        return f"{self._publications.records} records"


def _passed(client: Client) -> dict[LaneKey, int]:
    """How far each relay is in each lane."""
    return {
        (service, reader["lane"]): reader["position"]
        for service in SERVICES
        for reader in client.get(service, "/operations/lag")["readers"]
        if reader["reader"] == "relay"
    }


def _places_put_aside(client: Client) -> frozenset[str]:
    """Places of records that wait for a person, or that a person dropped."""
    return frozenset(one["origin"].get("place", "") for service in SERVICES for one in put_aside(client, service))


def _asked_by_a_partner(record: Standing) -> bool:
    """Whoever says who they are may ask a service for something; facts are told by their owner alone."""
    named = bool(record.id and record.source) and record.source not in SERVICE_OF
    return named and record.topic.endswith(".commands")


def _named(record: Standing) -> str:
    return record.id or "a record without an id"

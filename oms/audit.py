"""Everything that the services recorded about one order, causes before what they caused."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from oms.client import SERVICES, Client
from oms.errors import OmsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of a service's log: a fact, or a request to another service."""

    service: str
    id: str
    kind: str
    type: str
    stream: str
    lane: int
    position: int
    caused_by: str
    """The id of the entry that led to it; empty where that is not an entry: a file, a person, a deadline."""
    depth: int
    """How many entries led to it, one after the other."""
    actor: str
    reason: str
    recorded_at: datetime
    payload: Mapping[str, Any]


def audit(client: Client, order_number: str) -> list[Step]:
    """The steps of one order in causal order; what is not cause and effect is ordered by time.

    Raises:
        OmsError: no service has heard of the order, or one of them does not answer.
    """
    entries = [
        (service, entry)
        for service in SERVICES
        for entry in client.get(service, "/operations/facts", correlation_id=order_number)["facts"]
    ]
    if not entries:
        raise OmsError(f"no service has recorded anything about {order_number}")
    return in_causal_order(entries)


def in_causal_order(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Step]:
    """Entries with their services, each after what caused it; ties by time, then by place in the log."""
    known = {str(entry["id"]): (service, entry) for service, entry in entries}
    # What an effect brings back carries an id made from that of the intent.
    results = {str(uuid5(UUID(identity), "result")): identity for identity in known}
    caused_by = {
        identity: _cause(str(entry["causation_id"]), known, results) for identity, (_, entry) in known.items()
    }
    effects: dict[str, list[str]] = {}
    for identity, cause in caused_by.items():
        effects.setdefault(cause, []).append(identity)

    depths: dict[str, int] = {"": -1}
    steps: list[Step] = []
    ready = [(_place(*known[identity]), identity) for identity in effects.get("", [])]
    heapq.heapify(ready)
    while ready:
        _, identity = heapq.heappop(ready)
        cause = caused_by[identity]
        depths[identity] = depths[cause] + 1
        steps.append(_step(*known[identity], cause, depths[identity]))
        for effect in effects.get(identity, []):
            heapq.heappush(ready, (_place(*known[effect]), effect))
    # Entries that claim to cause each other can't be put in order; an audit leaves nothing out.
    odd = sorted(known.keys() - depths.keys(), key=lambda identity: _place(*known[identity]))
    return steps + [_step(*known[identity], caused_by[identity], 0) for identity in odd]


def _cause(causation_id: str, known: Mapping[str, object], results: Mapping[str, str]) -> str:
    return causation_id if causation_id in known else results.get(causation_id, "")


def _place(service: str, entry: Mapping[str, Any]) -> tuple[datetime, int, int, str]:
    return (
        datetime.fromisoformat(entry["recorded_at"]),
        int(entry["lane"]),
        int(entry["position"]),
        service,
    )


def _step(service: str, entry: Mapping[str, Any], cause: str, depth: int) -> Step:
    return Step(
        service=service,
        id=str(entry["id"]),
        kind=entry["kind"],
        type=entry["type"],
        stream=entry["stream"],
        lane=entry["lane"],
        position=entry["position"],
        caused_by=cause,
        depth=depth,
        actor=entry["actor"],
        reason=entry["reason"],
        recorded_at=datetime.fromisoformat(entry["recorded_at"]),
        payload=entry["payload"],
    )

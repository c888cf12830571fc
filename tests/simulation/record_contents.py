"""Each record in a topic says of its entry what the log says of it, header by header."""

from collections.abc import Iterator

from deploy.local.topics import SERVICES
from shared.events.cloudevents import dataschema_of, source_of
from shared.eventsourcing.store import LogEntry
from tests.simulation.books import Finding
from tests.simulation.world import World

ONE_IN = 8
"""So many records are looked at, others in each world: to look at all of them takes time."""


def told_otherwise(world: World) -> Iterator[Finding]:
    """Records that differ from their entries."""
    entries = {
        str(entry.id).encode(): (service, entry)
        for service in SERVICES
        for lane in world.sites[service].tables.log.values()
        for entry in lane
    }
    for records in world.cluster.topics.values():
        for record in records[world.seed % ONE_IN :: ONE_IN]:
            headers = dict(record.headers)
            service, entry = entries.get(headers.get("ce_id", b""), ("", None))
            if entry is None:
                continue  # a stranger's, or a channel's
            expected = _headers(service, entry)
            wrong = [name for name in expected.keys() | headers.keys() if expected.get(name) != headers.get(name)]
            if (record.key, record.value) != (entry.partition_key.encode(), entry.payload.encode()):
                wrong.append("key or value")
            if wrong:
                place = f"{service} {entry.lane}:{entry.position} ({entry.type})"
                told = f"{', '.join(sorted(wrong))}: not as in {place}"
                yield Finding("stored = published", record.place, told)


def _headers(service: str, entry: LogEntry) -> dict[str, bytes]:
    given = {
        "ce_specversion": "1.0",
        "ce_id": str(entry.id),
        "ce_source": source_of(service),
        "ce_type": entry.type,
        "ce_time": entry.occurred_at.isoformat(),
        "ce_subject": entry.stream,
        "ce_dataschema": dataschema_of(entry.type),
        "ce_sequence": f"{entry.lane}:{entry.position}",
        "ce_correlationid": entry.correlation_id,
        "ce_causationid": str(entry.causation_id),
        "ce_partitionkey": entry.partition_key,
        "ce_traceparent": entry.traceparent,
        "ce_actor": entry.actor,
        "ce_reason": entry.reason,
        "content-type": "application/json",
    }
    return {name: value.encode() for name, value in given.items() if value}

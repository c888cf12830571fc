"""What can't be decided, as it waits for a person: its bytes, its reason and all that is known of it."""

from datetime import datetime

from shared.eventsourcing.clock import Clock
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.messages import Arrival, Record
from shared.eventsourcing.nul import storable
from shared.eventsourcing.store import ParkedMessage, StoredReminder


def unreadable_record(clock: Clock, record: Record, explanation: str) -> ParkedMessage:
    """A record of the broker in which there is no message; it parks by its place and holds up nothing."""
    return ParkedMessage(
        id=clock.new_id(),
        key=record.place,
        blocking=False,
        message_id=record.identity,
        source=record.topic,
        type="",
        payload=record.value or b"",
        correlation_id=correlation_id_of(record),
        actor="system",
        explanation=storable(explanation),
        origin={"place": record.place},
        parked_at=clock.now(),
    )


def unreadable_reminder(clock: Clock, reminder: StoredReminder, explanation: str) -> ParkedMessage:
    """A reminder that nobody can read; what comes after it under its key waits for it."""
    return ParkedMessage(
        id=clock.new_id(),
        key=reminder.partition_key,
        blocking=True,
        message_id=reminder.id,
        source="reminder",
        type=reminder.type,
        payload=reminder.payload.encode(),
        correlation_id=reminder.correlation_id,
        actor=reminder.actor,
        explanation=storable(explanation),
        origin={"traceparent": reminder.traceparent},
        parked_at=clock.now(),
    )


def undecided(clock: Clock, arrival: Arrival, explanation: str, at: datetime) -> ParkedMessage:
    """A message whose decision failed, or that comes behind such a one of its key."""
    return ParkedMessage(
        id=clock.new_id(),
        key=arrival.partition_key,
        blocking=True,
        message_id=arrival.message_id,
        source=arrival.source,
        type=arrival.message.wire_type,
        payload=arrival.message.model_dump_json().encode(),
        correlation_id=arrival.correlation_id,
        actor=arrival.actor,
        explanation=storable(explanation),
        origin=_origin_of(arrival),
        parked_at=at,
    )


def unstorable(clock: Clock, arrival: Arrival, explanation: str) -> ParkedMessage:
    """A message whose outputs the store refuses, without what it can't hold."""

    def clean(text: str) -> str:
        return storable(text, 500)

    return ParkedMessage(
        id=clock.new_id(),
        key=clean(arrival.partition_key),
        blocking=True,
        message_id=arrival.message_id,
        source=clean(arrival.source),
        type=arrival.message.wire_type,
        payload=arrival.message.model_dump_json().encode(),
        correlation_id=clean(arrival.correlation_id),
        actor=clean(arrival.actor),
        explanation=clean(explanation),
        origin=_origin_of(arrival),
        parked_at=clock.now(),
    )


def tried_again(decoder: Decoder, row: ParkedMessage) -> Arrival:
    """A parked message as it arrived."""
    return Arrival(
        message=decoder.read(row.type, row.payload),
        message_id=row.message_id,
        partition_key=row.key,
        correlation_id=row.correlation_id,
        source=row.source,
        actor=row.actor,
        reason=row.origin.get("reason", ""),
        traceparent=row.origin.get("traceparent", ""),
        wants_reply=row.source == "http",
        parked_id=row.id,
        origin=row.origin,
    )


def correlation_id_of(record: Record) -> str:
    """What an unreadable record says it is about, where at least that can be read."""
    said = next((value for name, value in record.headers if name == "ce_correlationid"), b"")
    return storable((said or b"").decode(errors="replace"), 200)


def _origin_of(arrival: Arrival) -> dict[str, str]:
    """All else that is told with it, for who decides it again."""
    return {**arrival.origin, "reason": arrival.reason, "traceparent": arrival.traceparent}

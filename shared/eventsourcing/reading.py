"""Reading messages of the contract from broker records."""

import uuid
from collections.abc import Mapping

from pydantic import ValidationError

from shared.events.cloudevents import Metadata, read_message
from shared.events.payload import Payload
from shared.events.upcasters import UPCASTERS, Upcasters, current_type, read_payload
from shared.eventsourcing.definition import Translate
from shared.eventsourcing.ids import UUID, named_id
from shared.eventsourcing.messages import Arrival, Malformed, Record


def read_contract(types: Mapping[str, type[Payload]], upcasters: Upcasters = UPCASTERS) -> Translate:
    """The translation for a service that takes these messages, by wire type; all others are skipped unparsed."""

    readable = {*types, *(old for old in upcasters if current_type(old, upcasters) in types)}
    of_interest = frozenset(wire_type.encode() for wire_type in readable)

    def translate(record: Record) -> Arrival | None:
        for name, value in record.headers:
            if name == "ce_type" and value not in of_interest:
                return None
        metadata, body = attributes_of(record)
        try:
            message = read_payload(types, metadata.type, body, upcasters)
        except ValidationError as wrong:
            raise Malformed(f"{metadata.type}: {first_fault(wrong)}") from None
        return None if message is None else arrival_of(record, metadata, message)

    return translate


def attributes_of(record: Record) -> tuple[Metadata, bytes]:
    """The CloudEvents attributes and the payload JSON of a record.

    Raises:
        Malformed: it is no CloudEvent, or has no body.
    """
    try:
        return read_message(record.headers, record.value)
    except ValueError as wrong:
        raise Malformed(str(wrong)) from None


def arrival_of(record: Record, metadata: Metadata, message: Payload) -> Arrival:
    """A record that has been read, as the pipeline takes it.

    Raises:
        Malformed: neither `ce_partitionkey` nor the Kafka key says under which key it is decided.
    """
    partition_key = metadata.partition_key or _key_of(record)
    return Arrival(
        message=message,
        message_id=message_id_of(metadata),
        partition_key=partition_key,
        correlation_id=metadata.correlation_id or partition_key,
        source=metadata.source,
        actor=metadata.actor or "system",
        reason=metadata.reason,
        occurred_at=metadata.time,
        traceparent=metadata.traceparent,
        origin={"place": record.place},
    )


def message_id_of(metadata: Metadata) -> UUID:
    """The id as a UUID; one made from source and id where a partner's id is none."""
    try:
        return UUID(metadata.id) if len(metadata.id) == 36 else UUID(uuid.UUID(metadata.id).bytes)
    except ValueError:
        return named_id(f"{metadata.source}\n{metadata.id}")


def first_fault(wrong: ValidationError) -> str:
    """One sentence for a failed validation: where and what, without the offending value."""
    faults = wrong.errors(include_url=False, include_context=False, include_input=False)
    place = ".".join(str(part) for part in faults[0]["loc"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{place}: {faults[0]['msg']}{more}" if place else f"{faults[0]['msg']}{more}"


def _key_of(record: Record) -> str:
    if not record.key:
        raise Malformed("the message has neither ce_partitionkey nor a Kafka key")
    try:
        return record.key.decode()
    except UnicodeDecodeError:
        raise Malformed("the Kafka key is not UTF-8") from None

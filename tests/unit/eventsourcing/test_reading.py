"""Broker records into arrivals."""

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from msgspec.structs import replace

from shared.events.cloudevents import Metadata, headers_of, source_of
from shared.events.inventory import ReceiveStock
from shared.events.payload import Payload
from shared.eventsourcing.messages import Arrival, Malformed, Record
from shared.eventsourcing.reading import message_id_of, read_contract

RECEIVE = ReceiveStock(sku="A", location="WH-EAST", quantity=5)
TYPES: dict[str, type[Payload]] = {ReceiveStock.wire_type: ReceiveStock}
METADATA = Metadata(
    id="0198c0de-0000-7000-8000-000000000001",
    source=source_of("order"),
    type=ReceiveStock.wire_type,
    time=datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
    correlation_id="O1",
    partition_key="O1",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    actor="maria",
    reason="delivery note 5",
)


def _record(metadata: Metadata = METADATA, value: bytes | None = None, key: bytes | None = b"K") -> Record:
    return Record(
        topic="inventory.commands",
        partition=3,
        offset=42,
        key=key,
        value=value or RECEIVE.model_dump_json().encode(),
        headers=tuple(headers_of(metadata)),
    )


def test_a_message_arrives_with_all_that_its_headers_say() -> None:
    assert read_contract(TYPES)(_record()) == Arrival(
        message=RECEIVE,
        message_id=UUID(METADATA.id),
        partition_key="O1",
        correlation_id="O1",
        source="/orderstream/order",
        actor="maria",
        reason="delivery note 5",
        occurred_at=METADATA.time,
        traceparent=METADATA.traceparent,
        origin={"place": "inventory.commands/3/42"},
    )


def test_a_message_with_only_what_is_required_is_decided_under_its_kafka_key_by_the_system() -> None:
    arrival = read_contract(TYPES)(_record(Metadata(id="1", source="/partner", type=ReceiveStock.wire_type)))

    assert arrival is not None
    assert (arrival.partition_key, arrival.correlation_id, arrival.actor) == ("K", "K", "system")
    assert arrival.occurred_at is None


def test_a_uuid_is_the_message_id_and_any_other_id_counts_within_its_source() -> None:
    assert message_id_of(METADATA) == UUID(METADATA.id)
    assert message_id_of(METADATA._replace(id=f"urn:uuid:{METADATA.id}")) == UUID(METADATA.id)
    partner = Metadata(id="order 7", source="/partner", type="t.v1")
    assert message_id_of(partner) == uuid5(NAMESPACE_URL, "/partner\norder 7")
    assert message_id_of(partner) == message_id_of(partner._replace(type="u.v1"))


def test_a_message_of_another_type_is_skipped_without_reading_its_body() -> None:
    assert read_contract(TYPES)(_record(METADATA._replace(type="other.thing.v1"), b"not json")) is None


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (replace(_record(), headers=()), "ce_specversion must be 1.0"),
        (replace(_record(), value=None), "the message has no body"),
        (_record(value=b"\xff\x00"), "inventory.receive-stock.v1: Invalid JSON"),
        (_record(value=b"{}"), "inventory.receive-stock.v1: sku: Field required .and 2 more."),
        (_record(METADATA._replace(partition_key=""), key=None), "neither ce_partitionkey nor a Kafka key"),
        (_record(METADATA._replace(partition_key=""), key=b"\xff"), "Kafka key is not UTF-8"),
    ],
)
def test_bytes_that_hold_no_message_are_refused_in_one_sentence(record: Record, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_contract(TYPES)(record)


def test_the_offending_value_stays_out_of_the_sentence() -> None:
    with pytest.raises(Malformed) as refused:
        read_contract(TYPES)(_record(value=b'{"sku":"A","location":"B","quantity":"secret"}'))

    assert "secret" not in str(refused.value)

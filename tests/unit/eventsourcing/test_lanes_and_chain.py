"""Lanes as Kafka's partitioner has them, and a chain that shows every change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.partitioner import murmur2 as kafkas_murmur2
from hypothesis import given
from hypothesis import strategies as st

from shared.eventsourcing.chain import GENESIS, entry_hash, microseconds
from shared.eventsourcing.lanes import LANES, lane_of, murmur2

COLUMNS: dict[str, Any] = {
    "lane": 3,
    "position": 7,
    "id": "0198c0de-0000-7000-8000-000000000001",
    "kind": "event",
    "type": "order.placed.v1",
    "topic": "order.events",
    "stream": "order-1",
    "version": 2,
    "partition_key": "O1",
    "correlation_id": "O1",
    "causation_id": "0198c0de-0000-7000-8000-000000000002",
    "actor": "maria",
    "reason": "",
    "occurred_at": datetime(2026, 3, 2, 12, 0, 0, 1, tzinfo=UTC),
    "recorded_at": datetime(2026, 3, 2, 12, 0, 0, 2, tzinfo=UTC),
    "payload": '{"a": 1}',
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_gives_the_values_that_kafka_publishes(data: bytes, expected: int) -> None:
    assert murmur2(data) == expected & 0xFFFFFFFF


@given(st.binary(max_size=200))
def test_the_hash_is_that_of_kafkas_client_for_every_key(data: bytes) -> None:
    assert murmur2(data) == kafkas_murmur2(data) & 0xFFFFFFFF


@given(st.text(), st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
def test_the_lane_lies_in_the_partition_that_kafkas_partitioner_would_choose(key: str, partitions: int) -> None:
    chosen = (kafkas_murmur2(key.encode()) & 0x7FFFFFFF) % partitions

    assert 0 <= lane_of(key) < LANES
    assert lane_of(key) % partitions == chosen


def _other(value: Any) -> Any:
    match value:
        case int():
            return value + 1
        case datetime():
            return value + timedelta(microseconds=1)
        case _:
            return f"{value} "


@pytest.mark.parametrize("column", list(COLUMNS))
def test_a_change_of_any_column_changes_the_hash(column: str) -> None:
    assert entry_hash(GENESIS, **{**COLUMNS, column: _other(COLUMNS[column])}) != entry_hash(GENESIS, **COLUMNS)


def test_text_moved_from_one_column_to_the_next_changes_the_hash() -> None:
    moved = {**COLUMNS, "actor": "mari", "reason": "a"}

    assert entry_hash(GENESIS, **moved) != entry_hash(GENESIS, **COLUMNS)


def test_the_hash_covers_all_that_came_before() -> None:
    first = entry_hash(GENESIS, **COLUMNS)

    assert entry_hash(first, **COLUMNS) != first
    assert first == entry_hash(GENESIS, **COLUMNS)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_times_are_whole_microseconds_without_rounding(moment: datetime) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)

    assert microseconds(moment) == since // timedelta(microseconds=1)

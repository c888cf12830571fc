"""Record batches as hostile clients write them, read by the consumer that the services use."""

from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from shared.eventsourcing.kafka.records import forgive_header_names

NAME = b"the-name-of-a-header"
BAD = b"\xff\xfe\xc0\xaf-no-utf-8-at-all"


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    forgive_header_names()


def batch(*values: bytes, first: int = 0, bad: bool = False) -> bytes:
    """A batch of records with one header each; with `bad` its name is no UTF-8."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    for offset, value in enumerate(values):
        builder.append(offset, 1_700_000_000_000, b"key", value, [(NAME.decode(), b"v")])
    data = bytearray(builder.build())
    data[0:8] = first.to_bytes(8, "big")
    if bad:
        data = data.replace(NAME, BAD)
        data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    return bytes(data)


def read(data: bytes) -> list[Any]:
    """All records of a fetched partition, as the consumer reads them."""
    return list(
        fetcher.PartitionRecords(
            TopicPartition("channel.orders", 0), fetcher.MemoryRecords(data), [], 0, None, None, True, 0
        )
    )


def test_good_batches_are_read_as_ever() -> None:
    records = read(batch(b"a", b"b") + batch(b"c", first=2))

    assert [(one.offset, one.key, one.value) for one in records] == [
        (0, b"key", b"a"),
        (1, b"key", b"b"),
        (2, b"key", b"c"),
    ]
    assert records[0].headers == ((NAME.decode(), b"v"),)


def test_a_name_that_is_no_utf_8_is_made_readable_and_the_others_are_read() -> None:
    records = read(batch(b"a") + batch(b"b", b"c", first=1, bad=True) + batch(b"d", first=3))

    assert [(one.offset, one.value) for one in records] == [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"d")]
    assert "\ufffd" in records[1].headers[0][0]
    assert records[1].headers[0][1] == b"v"
    assert records[3].headers == ((NAME.decode(), b"v"),)

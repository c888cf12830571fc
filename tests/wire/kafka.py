"""Reading a copied conversation with Kafka: requests by their kind, and the records in them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from aiokafka.protocol import fetch, produce
from aiokafka.record.memory_records import MemoryRecords

from tests.wire.tap import Connection

PRODUCE, FETCH, OFFSET_COMMIT = 0, 1, 8
_LENGTH = struct.Struct(">i")
_HEAD = struct.Struct(">hhi")
_SHORT = struct.Struct(">h")
_REQUESTS = {one.API_VERSION: one for one in get_args(produce.ProduceRequestStruct)}
_RESPONSES = {one.API_VERSION: one.RESPONSE_TYPE for one in get_args(fetch.FetchRequestStruct)}


@dataclass(frozen=True, slots=True)
class Request:
    """A request and its answer."""

    kind: int
    """Kafka's number of the API."""
    sent: int
    """Bytes."""
    received: int
    """Bytes."""
    batches: int
    """Record batches that it brought there or back."""
    records: int


def requests_of(connection: Connection) -> list[Request]:
    """All requests of a connection that were answered."""
    answers = {_LENGTH.unpack_from(body)[0]: body for body in _frames(bytes(connection.received))}
    found = []
    for body in _frames(bytes(connection.sent)):
        kind, version, correlation = _HEAD.unpack_from(body)
        answer = answers.get(correlation)
        if answer is not None:
            batches, records = _contents(kind, version, body, answer)
            found.append(Request(kind, len(body) + 4, len(answer) + 4, batches, records))
    return found


def _frames(data: bytes) -> Iterator[bytes]:
    place = 0
    while place + 4 <= len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        yield data[place + 4 : place + 4 + length]
        place += 4 + length


def _contents(kind: int, version: int, request: bytes, answer: bytes) -> tuple[int, int]:
    """Record batches and records; kinds without records have none."""
    if kind == PRODUCE:
        (client_id,) = _SHORT.unpack_from(request, _HEAD.size)
        topics = _REQUESTS[version].decode(request[_HEAD.size + _SHORT.size + client_id :]).topics
    elif kind == FETCH:
        topics = _RESPONSES[version].decode(answer[_LENGTH.size :]).topics
    else:
        return 0, 0
    return _count(partition[-1] for _, partitions in topics for partition in partitions)


def _count(record_sets: Iterator[Any]) -> tuple[int, int]:
    """Record batches, and records in them."""
    batches = records = 0
    for data in record_sets:
        reader = MemoryRecords(bytes(data or b""))
        while reader.has_next():
            batches += 1
            records += sum(1 for _ in reader.next_batch())
    return batches, records

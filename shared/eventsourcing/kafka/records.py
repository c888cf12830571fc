"""Reading record batches of which a header's name is no UTF-8, where aiokafka would stop at them for ever."""

import struct
from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_PREFIX = struct.Struct(">qi")
"""Base offset, and the length of what follows in the batch."""


def forgive_header_names() -> None:
    """Let every consumer of the process read such names with replacement characters instead of failing.

    Kafka's brokers don't look at names of headers, and clients in C write what they are given: one such record
    would end the consumption of its partition, and of all others with it.
    """
    fetcher.MemoryRecords = _Records


class _Records:
    """The batches of one fetched partition."""

    def __init__(self, data: bytes) -> None:
        self._records: Any = MemoryRecords(data)
        self._data = memoryview(data)
        self._position = 0

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())

    def next_batch(self) -> "_Batch":
        start = self._position
        _, length = _PREFIX.unpack_from(self._data, start)
        self._position = start + _PREFIX.size + length
        return _Batch(self._records.next_batch(), self._data[start : self._position])


class _Batch:
    """A batch that is read at full speed, and again with patience when that fails."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return _patiently(self._data)


def _patiently(data: memoryview) -> Iterator[Any]:
    batch = _DefaultRecordBatchPy(data)
    batch._maybe_uncompress()
    batch._buffer = _Forgiving(batch._buffer)
    yield from batch


class _Forgiving(bytearray):
    """Bytes of which every text can be read."""

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        part = super().__getitem__(place)
        return _Forgiving(part) if isinstance(part, bytearray) else part

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "replace")

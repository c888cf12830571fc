"""Lanes: the partition key of a message decides its lane, as Kafka's default partitioner decides its partition."""

from functools import lru_cache

LANES = 64
"""Lanes of every log. Partition counts divide it, so a lane lies whole in one partition."""


@lru_cache(maxsize=10_000)  # those on their way; every process keeps so many
def lane_of(partition_key: str) -> int:
    """The lane of a partition key: `murmur2(key) & 0x7fffffff % 64`."""
    return (murmur2(partition_key.encode()) & 0x7FFFFFFF) % LANES


@lru_cache
def lanes_of(partitions: frozenset[int], of: int) -> frozenset[int]:
    """The lanes that lie in some partitions of topics that have so many; readers ask after every commit."""
    return frozenset(lane for one in partitions for lane in range(one, LANES, of))


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, seed 0x9747b28c, as in Kafka's `Utils.murmur2`."""
    length = len(data)
    mixer, mask = 0x5BD1E995, 0xFFFFFFFF
    value = (0x9747B28C ^ length) & mask
    whole = length & ~3
    for place in range(0, whole, 4):
        word = int.from_bytes(data[place : place + 4], "little") * mixer & mask
        word = (word ^ word >> 24) * mixer & mask
        value = value * mixer & mask ^ word
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * mixer & mask
    value = (value ^ value >> 13) * mixer & mask
    return value ^ value >> 15

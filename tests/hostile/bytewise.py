"""Attacks on the bytes of a body, whatever they mean."""

import base64
import bz2
import gzip
import zlib
from collections.abc import Callable
from random import Random

from tests.hostile import wild

Change = Callable[[Random, bytes], bytes]


def _flipped(random: Random, value: bytes) -> bytes:
    if not value:
        return value
    place = random.randrange(len(value))
    return value[:place] + bytes([value[place] ^ 1 << random.randrange(8)]) + value[place + 1 :]


def _cut(random: Random, value: bytes) -> bytes:
    return value[: random.randrange(len(value) + 1)]


def _without_a_slice(random: Random, value: bytes) -> bytes:
    start = random.randrange(len(value) + 1)
    return value[:start] + value[start + random.choice((1, 2, 10, 100)) :]


def _with_a_slice_again(random: Random, value: bytes) -> bytes:
    start = random.randrange(len(value) + 1)
    end = start + random.choice((1, 5, 50, 500))
    return value[:end] + value[start:end] + value[end:]


def _with_bytes(random: Random, value: bytes) -> bytes:
    place = random.randrange(len(value) + 1)
    return value[:place] + wild.some_bytes(random) + value[place:]


def _between_bytes(random: Random, value: bytes) -> bytes:
    return wild.some_bytes(random) + value + wild.some_bytes(random)


def _recoded(random: Random, value: bytes) -> bytes:
    name = random.choice(("utf-16", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037", "shift_jis", "cp1252"))
    return value.decode(errors="replace").encode(name, errors="replace")


def _packed(random: Random, value: bytes) -> bytes:
    pack: Callable[[bytes], bytes] = random.choice((_gzip, zlib.compress, bz2.compress, base64.b64encode))
    return pack(value)


def _gzip(value: bytes) -> bytes:
    return gzip.compress(value, mtime=0)


def _noise(random: Random, value: bytes) -> bytes:
    return random.randbytes(random.choice((0, 1, 2, 16, 300)))


def _nothing_much(random: Random, value: bytes) -> bytes:
    return random.choice((*wild.BYTES, b"true", b'"a"', b"1", b"[{}]", b"{}", b" ", b"{}" * 3, b"\x00" * 100))


BYTEWISE: tuple[tuple[str, Change], ...] = (
    ("a bit flipped", _flipped),
    ("cut off", _cut),
    ("a slice left out", _without_a_slice),
    ("a slice twice", _with_a_slice_again),
    ("bytes put in", _with_bytes),
    ("bytes around it", _between_bytes),
    ("another encoding", _recoded),
    ("packed", _packed),
    ("noise", _noise),
    ("nothing much", _nothing_much),
)

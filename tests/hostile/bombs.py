"""Bodies that cost the reader far more than the sender: deep, wide, long, repeated."""

from collections.abc import Callable
from random import Random

from tests.hostile.orders import Sample

Make = Callable[[Random, Sample, int], bytes]
"""(randomness, a good message, about so many bytes) -> the bomb."""


def _repeated(part: bytes, size: int) -> bytes:
    return part * max(1, size // len(part))


def _field(sample: Sample, name: str, value: bytes) -> bytes:
    """The good body with one more field, or the field once more when it has it: the reader meets it first."""
    return b'{"' + name.encode() + b'":' + value + b"," + sample.value[1:]


def _instead(sample: Sample, name: str, value: bytes) -> bytes:
    """The good body with another value of a field that it has."""
    renamed = sample.value.replace(f'"{name}":'.encode(), b'"was":', 1)
    return _field(sample, name, value)[: len(name) + 5 + len(value)] + renamed[1:]


def _listed(parts: bytes) -> bytes:
    return b"[" + parts.removesuffix(b",") + b"]"


def _nested_lists(random: Random, sample: Sample, size: int) -> bytes:
    return _field(sample, "x", b"[" * (size // 2) + b"]" * (size // 2))


def _nested_lists_never_closed(random: Random, sample: Sample, size: int) -> bytes:
    return _instead(sample, "attributes", b"[" * size)


def _nested_objects(random: Random, sample: Sample, size: int) -> bytes:
    depth = size // 6
    return _field(sample, "x", b'{"a":' * depth + b"0" + b"}" * depth)


def _digits(random: Random, sample: Sample, size: int) -> bytes:
    return _instead(sample, "total", b"9" * size)


def _many_long_numbers(random: Random, sample: Sample, size: int) -> bytes:
    return _field(sample, "x", _listed(_repeated(b"7" * 4_299 + b",", size)))


def _fraction(random: Random, sample: Sample, size: int) -> bytes:
    return _instead(sample, "total", b"0." + b"3" * size)


def _exponents(random: Random, sample: Sample, size: int) -> bytes:
    return _field(sample, "x", _listed(_repeated(random.choice((b"1e400,", b"1e308,", b"1e-999999999,")), size)))


def _lines(part: bytes) -> Make:
    def make(random: Random, sample: Sample, size: int) -> bytes:
        return _instead(sample, "lines", _listed(_repeated(part + b",", size)))

    return make


def _real_lines(random: Random, sample: Sample, size: int) -> bytes:
    count = random.choice((size // 60, min(size // 60, 5_000), 5_001))
    lines = b",".join(b'{"line_id":"%d","sku":"a","quantity":1,"unit_price":0}' % one for one in range(count))
    return _instead(sample, "total", b"0").replace(b'"lines":', b'"lines":[' + lines + b'],"was_lines":', 1)


def _attributes(random: Random, sample: Sample, size: int) -> bytes:
    value = random.choice((b"1", b'""', b"{}"))
    names = b",".join(b'"%d":' % one + value for one in range(size // 10))
    return _instead(sample, "attributes", b"{" + names + b"}")


def _names(random: Random, sample: Sample, size: int) -> bytes:
    return _field(sample, "x", b"{" + b",".join(b'"%d":0' % one for one in range(size // 10)) + b"}")


def _one_name_often(random: Random, sample: Sample, size: int) -> bytes:
    return _field(sample, "x", b"{" + _repeated(b'"a":0,', size).removesuffix(b",") + b"}")


def _empty_objects(random: Random, sample: Sample, size: int) -> bytes:
    return _field(sample, "x", _listed(_repeated(random.choice((b"{},", b"[],", b'"",', b"0,")), size)))


def _long_text(random: Random, sample: Sample, size: int) -> bytes:
    letters = random.choice((b"a", b"\\u0041", b"\\ud83d\\udca3", "\u202e".encode(), b"\\\\", b"\\u0000", b"\x7f"))
    field = random.choice(("notes", "channel", "channel_order_id", "x", "currency"))
    return _instead(sample, field, b'"' + _repeated(letters, size) + b'"')


def _long_name(random: Random, sample: Sample, size: int) -> bytes:
    return _field(sample, "n" * size, b"0")


def _spaces(random: Random, sample: Sample, size: int) -> bytes:
    return random.choice((b" ", b"\n", b"\t\r\n", b"\x00")) * size + sample.value


def _tail(random: Random, sample: Sample, size: int) -> bytes:
    return sample.value + random.choice((b" ", b"\n", b"]", sample.value, b"\x00")) * (size // 1_000 + 1)


def _zeros(random: Random, sample: Sample, size: int) -> bytes:
    return b"\x00" * size


BOMBS: tuple[tuple[str, Make], ...] = (
    ("nested lists", _nested_lists),
    ("nested lists that never close", _nested_lists_never_closed),
    ("nested objects", _nested_objects),
    ("a number of many digits", _digits),
    ("many long numbers", _many_long_numbers),
    ("a long fraction", _fraction),
    ("huge exponents", _exponents),
    ("lines that are numbers", _lines(b"1")),
    ("lines that are empty", _lines(b"{}")),
    ("lines without a quantity", _lines(b'{"line_id":"1","sku":"a","quantity":0,"unit_price":0}')),
    ("lines of nothing", _lines(b"null")),
    ("real lines", _real_lines),
    ("attributes", _attributes),
    ("unknown names", _names),
    ("one name often", _one_name_often),
    ("empty things", _empty_objects),
    ("a long text", _long_text),
    ("a long name", _long_name),
    ("spaces", _spaces),
    ("a tail", _tail),
    ("zeros", _zeros),
)

"""Values that programs stumble over."""

from random import Random
from typing import Any

RAW = "\x01raw:"
"""Marks a text that stands for JSON written as it is: numbers that Python would not write."""

NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2, 255, 10**6, 10**9, 10**9 + 1, 10**15, 10**15 + 1, 10**18, -(10**15)),
    *(2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 2**128, 10**400),
    *(0.0, -0.0, 1.0, 1.5, -1.5, 1e15, 1e16, 1e308, 5e-324, 1234567890123456.7),
    *(float("nan"), float("inf"), float("-inf")),
    *(RAW + text for text in ("1e400", "-1e400", "1E2", "1e0", "1.0e2", "-0", "1e-400", "00", "01", "+1", "0x10")),
    *(RAW + text for text in ("1.", ".5", "1_000", "1,000", "NaN", "-Infinity", "1e", "--1", "\u0661\u0662")),
    *(RAW + "1" * digits for digits in (20, 40, 4_299, 4_300, 4_301, 5_001)),
    *(RAW + "-" + "9" * 5_000, RAW + "0." + "3" * 5_000, RAW + "1" + "0" * 5_000 + "e-5000"),
)

TEXTS: tuple[str, ...] = (
    *("", " ", "\t", "\n", "0", "1", "-1", "1.0", "1e3", "true", "null", "None", "NaN", "undefined", "[]", "{}"),
    *(
        "\x00",
        "a\x00b",
        "\x01",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\u2028",
        "\u200b",
        "\u200e",
        "\ufeff",
        "\ufffd",
        "\uffff",
    ),
    *("\ud800", "\udfff", "a\ud83d", "\udc00\ud800", "\U0010ffff", "\U0001f3f4\u200d\u2620\ufe0f", "\u202eevil"),
    *("e" + "\u0301" * 300, "\ufdfd" * 20, "\u0130\u0131\ufb01\u00df", "\u212b", "\u5f20\u4f1f", "\u0f3c\u3064"),
    *(
        "'; drop table orders; --",
        '"',
        "\\",
        "\\u0000",
        "../../etc/passwd",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%s%n%d",
    ),
    *("<script>alert(1)</script>", "a" * 199, "a" * 200, "a" * 201, "a" * 2_000, "a" * 2_001, "\u4e00" * 201),
    *("USD", "usd", "US", "XX", "XXX", "US\n", "USD\n", "\uff35\uff33", "card", "prepaid", "ship", "zh", "web"),
)

MOMENTS: tuple[str, ...] = (
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z"),
    *(
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999-14:00",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
    ),
    *("2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T24:00:00Z", "2026-06-30T23:59:60Z", "2026-01-01T00:00:00"),
    *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+23:59", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z"),
    *(
        "2026-01-01T00:00:00.1234567890Z",
        "1767225600",
        "1e10",
        "-1",
        "yesterday",
        "2026-W01-1",
        "20260101T000000Z",
    ),
)

SHAPES: tuple[Any, ...] = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": ""},
    {"a": {"b": []}},
    [1, "a", None],
)

NAMES: tuple[str, ...] = (
    *(
        "__proto__",
        "constructor",
        "__class__",
        "model_config",
        "$ref",
        "self",
        "name",
        "wire_type",
        "",
        "\x00",
        "\ud800",
    ),
    *("total", "lines", "channel", "Total", "TOTAL", "tot\u0430l", "total\u200b", "total ", " total", "a" * 5_000),
)

BYTES: tuple[bytes, ...] = (
    *(b"", b"\x00", b"\xff", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc0\x80", b"\xc0\xaf", b"\xe0\x80"),
    *(
        b"\xf0\x80\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\x80",
    ),
    *(
        b"\r\n",
        b"\x1b",
        b"\\u0000",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"//",
        b"/**/",
        b"null",
        b"NaN",
    ),
    *(
        b"0",
        b"-",
        b"e",
        b".",
        b"\\ud800",
        b"\\x00",
        b"'",
        b"\x1f\x8b\x08",
        b"PK\x03\x04",
        b"<?xml",
        b"\xe2\x80\xa8",
    ),
)


def value(random: Random) -> Any:
    """Any value that JSON has, or nearly has."""
    match random.randrange(8):
        case 0 | 1 | 2:
            return random.choice(NUMBERS)
        case 3 | 4:
            return random.choice(TEXTS)
        case 5:
            return random.choice(MOMENTS)
        case 6:
            return random.choice(SHAPES)
        case _:
            return random.choice((random.getrandbits(random.randrange(1, 130)), random.random(), text(random)))


def text(random: Random) -> str:
    """A text of any code points, surrogates among them."""
    highest = random.choice((0x7F, 0xFF, 0x2FFF, 0x10FFFF))
    return "".join(chr(random.randint(0, highest)) for _ in range(random.choice((1, 3, 10, 40))))


def some_bytes(random: Random) -> bytes:
    """Bytes that mean something to somebody, or nothing to anybody."""
    if random.random() < 0.7:
        return random.choice(BYTES)
    return random.randbytes(random.choice((1, 2, 8, 64)))

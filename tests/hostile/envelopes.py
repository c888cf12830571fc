"""Attacks on what travels beside a body: headers, the structured mode, Kafka keys."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from shared.events.channel import ChannelOrderReceived
from tests.hostile import wild
from tests.hostile.orders import Headers, Sample

Change = Callable[[Random, Headers], Headers]

OURS = (
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_dataschema", "ce_sequence"),
    *("ce_correlationid", "ce_causationid", "ce_partitionkey", "ce_traceparent", "ce_actor", "ce_reason"),
    "content-type",
)
CONTENT_TYPES = (
    *(b"application/cloudevents+json", b"APPLICATION/CLOUDEVENTS+JSON; charset=utf-8", b"application/cloudevents"),
    *(b"application/cloudevents-batch+json", b"application/cloudevents+avro", b"application/json; charset=utf-16"),
    *(
        b"text/plain",
        b"text/xml",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data",
        b"application/gzip",
    ),
    *(
        b"",
        b"\xff",
        b" application/json",
        b"application/octet-stream",
        b"application/gzip",
        b"application/json\x00",
    ),
)
TYPES = (b"order.placed.v1", b"channel.order-received.v2", b"channel.order-received", b"channel.order-rejected.v1")


def _missing(random: Random, headers: Headers) -> Headers:
    if not headers:
        return headers
    place = random.randrange(len(headers))
    return (*headers[:place], *headers[place + 1 :])


def _garbage(random: Random, headers: Headers) -> Headers:
    return _with(random, headers, random.choice(OURS), _garbled(random))


def _twice(random: Random, headers: Headers) -> Headers:
    other = (random.choice(OURS), _garbled(random))
    return (*headers, other) if random.random() < 0.5 else (other, *headers)


def _misspelt(random: Random, headers: Headers) -> Headers:
    if not headers:
        return headers
    place = random.randrange(len(headers))
    name, value = headers[place]
    names = (name.upper(), name.title(), name.replace("_", "-"), name.replace("_", ":"), f" {name}", f"{name}\x00")
    return (*headers[:place], (random.choice(names), value), *headers[place + 1 :])


def _huge(random: Random, headers: Headers) -> Headers:
    size = random.choices((300, 3_000, 30_000, 300_000), (50, 30, 15, 1))[0]
    name = random.choice((*OURS, "x", "x" * 10_000))
    return _with(random, headers, name, random.choice((b"a", b"\xff", b"\x00", "\u8ba2".encode())) * size)


def _many(random: Random, headers: Headers) -> Headers:
    count = random.choices((51, 500, 5_000), (50, 20, 1))[0]
    more = [(f"x-{number}" if random.random() < 0.5 else "x", wild.some_bytes(random)) for number in range(count)]
    return (*headers, *more) if random.random() < 0.5 else (*more, *headers)


def _none(random: Random, headers: Headers) -> Headers:
    return ()


def _unknown(random: Random, headers: Headers) -> Headers:
    names = ("", "\x00", "ce_", "ce_id ", "\U0001f4a3", "authorization", "ce_data", "ce_data_base64", "a" * 5_000)
    return (*headers, (random.choice(names), _garbled(random)))


def _content_type(random: Random, headers: Headers) -> Headers:
    return _with(random, headers, "content-type", random.choice(CONTENT_TYPES))


def _type(random: Random, headers: Headers) -> Headers:
    return _with(random, headers, "ce_type", random.choice(TYPES))


ENVELOPES: tuple[tuple[str, Change], ...] = (
    ("a header missing", _missing),
    ("a header of garbage", _garbage),
    ("a header of garbage", _garbage),
    ("a header twice", _twice),
    ("a header misspelt", _misspelt),
    ("a huge header", _huge),
    ("many headers", _many),
    ("no headers", _none),
    ("an unknown header", _unknown),
    ("another content type", _content_type),
    ("another type", _type),
)


def key(random: Random) -> bytes | None:
    """A Kafka key that is none."""
    size = random.choices((1, 300, 30_000, 1_000_000), (40, 40, 10, 1))[0]
    return random.choice((None, b"", b"\x00", b"\xff\xfe", b"order-1", wild.some_bytes(random), b"k" * size))


def structured(random: Random, sample: Sample, data: bytes) -> tuple[bytes, Headers]:
    """The same order as a structured CloudEvent, with something wrong now and then."""
    known = dict(sample.headers)
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": (known["ce_id"] or b"").decode(),
        "source": (known["ce_source"] or b"").decode(),
        "type": ChannelOrderReceived.wire_type,
        "time": (known["ce_time"] or b"").decode(),
        "datacontenttype": "application/json",
        "traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
    }
    if random.random() < 0.4:
        name = random.choice([*envelope, "actor", "partitionkey", "correlationid", "reason", "subject", "data"])
        envelope[name] = wild.value(random)
        if isinstance(envelope[name], str) and envelope[name].startswith(wild.RAW):
            envelope[name] = None
    written = json.dumps(envelope, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    body = written[:-1] + (b',"data":' if random.random() < 0.97 else b',"data_base64":') + data + b"}"
    return body, (("content-type", b"application/cloudevents+json"),)


def _with(random: Random, headers: Headers, name: str, value: bytes | None) -> Headers:
    return (*(one for one in headers if one[0] != name), (name, value))


def _garbled(random: Random) -> bytes | None:
    match random.randrange(6):
        case 0:
            return None
        case 1:
            return random.choice(wild.MOMENTS).encode()
        case 2:
            return random.choice(wild.TEXTS).encode(errors="surrogatepass")
        case 3:
            return random.choice(CONTENT_TYPES)
        case _:
            return wild.some_bytes(random)

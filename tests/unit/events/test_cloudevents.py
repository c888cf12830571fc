"""Messages of the contract as CloudEvents on Kafka."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevents import (
    Metadata,
    dataschema_of,
    headers_of,
    read_headers,
    read_message,
    read_structured,
    source_of,
)

COMPLETE = Metadata(
    id="0198c0de-0000-7000-8000-000000000001",
    source=source_of("order"),
    type="order.placed.v1",
    time=datetime(2026, 3, 2, 12, 0, 0, 125_000, tzinfo=UTC),
    subject="order-O1",
    dataschema=dataschema_of("order.placed.v1"),
    sequence="17:4711",
    correlation_id="O1",
    causation_id="0198c0de-0000-7000-8000-000000000000",
    partition_key="web:O1",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    actor="maria",
    reason="客户要求",
)
REQUIRED = {"ce_specversion": b"1.0", "ce_id": b"1", "ce_source": b"/s", "ce_type": b"t.v1"}


def test_what_is_written_is_read_again() -> None:
    assert read_headers(headers_of(COMPLETE)) == COMPLETE


def test_attributes_that_are_not_given_are_not_written() -> None:
    bare = Metadata(id="1", source="/s", type="t.v1")

    assert dict(headers_of(bare)) == {**REQUIRED, "content-type": b"application/json"}
    assert read_headers(headers_of(bare)) == bare


def test_the_required_attributes_alone_are_a_message() -> None:
    assert read_headers(REQUIRED.items()) == Metadata(id="1", source="/s", type="t.v1")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_required_attribute_is_named(name: str) -> None:
    rest = [(header, value) for header, value in REQUIRED.items() if header != name]

    with pytest.raises(ValueError, match=name):
        read_headers(rest)


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type"])
@pytest.mark.parametrize("value", [b"", None, b"\xff"])
def test_a_required_attribute_that_says_nothing_is_named(name: str, value: bytes | None) -> None:
    with pytest.raises(ValueError, match=name):
        read_headers({**REQUIRED, name: value}.items())


@pytest.mark.parametrize("time", [b"yesterday", b"2026-03-02T12:00:00", b"\xff"])
def test_a_time_without_an_offset_or_that_is_none_is_refused(time: bytes) -> None:
    with pytest.raises(ValueError, match="ce_time"):
        read_headers({**REQUIRED, "ce_time": time}.items())


def test_another_version_of_cloudevents_is_refused() -> None:
    with pytest.raises(ValueError, match="ce_specversion"):
        read_headers({**REQUIRED, "ce_specversion": b"0.3"}.items())


def test_headers_of_others_are_not_looked_at() -> None:
    foreign = [("x-binary", b"\xff\xfe"), ("ce_colour", b"\xff"), ("x-null", None)]

    assert read_headers([*foreign, *REQUIRED.items()]) == Metadata(id="1", source="/s", type="t.v1")


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_actor", "ce_reason", "ce_partitionkey"])
def test_an_attribute_with_nul_is_refused_because_no_store_holds_it(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} holds the character NUL"):
        read_headers([*(REQUIRED | {name: b"a\x00b"}).items()])


@pytest.mark.parametrize(
    "trace", [b"garbage", b"00-" + b"0" * 100_000, b"00-" + b"G" * 32 + b"-" + b"0" * 16 + b"-01"]
)
def test_a_trace_context_that_is_none_is_not_looked_at(trace: bytes) -> None:
    assert read_headers([*REQUIRED.items(), ("ce_traceparent", trace)]).traceparent == ""


def test_a_reason_on_several_lines_travels_on_one() -> None:
    headers = dict(headers_of(COMPLETE._replace(reason="too dear\nsays the customer")))

    assert headers["ce_reason"] == b"too dear says the customer"


def test_structured_and_binary_mode_say_the_same() -> None:
    envelope = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "t.v1",
        "time": "2026-03-02T12:00:00Z",
        "partitionkey": "k",
        "data": {"a": [1, "é"]},
    }
    binary = [*REQUIRED.items(), ("ce_time", b"2026-03-02T12:00:00+00:00"), ("ce_partitionkey", b"k")]

    structured = read_message(
        [("content-type", b"application/cloudevents+json; charset=UTF-8")], json.dumps(envelope).encode()
    )

    assert structured == read_message(binary, '{"a":[1,"é"]}'.encode())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON object"),
        (b'{"specversion":"1.0","id":"1","source":"/s","data":{}}', "type is missing"),
        (b'{"specversion":"1.0","id":1,"source":"/s","type":"t","data":{}}', "id is not a string"),
        (b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}', "data is missing"),
        (b'{"id":"1"}', "specversion"),
        (b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1,"a":2}}', "'a' stands twice"),
        (b'{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"t","data":{}}', "'id' stands twice"),
        (
            b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{},"actor":"\\u0000"}',
            "actor holds .* NUL",
        ),
    ],
)
def test_a_structured_message_that_is_none_is_refused_in_one_sentence(value: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_structured(value)


@pytest.mark.parametrize("value", [None, b""])
def test_a_message_without_a_body_is_refused(value: bytes | None) -> None:
    with pytest.raises(ValueError, match="no body"):
        read_message(REQUIRED.items(), value)


@given(st.lists(st.tuples(st.sampled_from([*REQUIRED, "ce_time", "content-type", "x"]), st.binary(max_size=40))))
def test_any_headers_are_read_or_refused_with_a_sentence(headers: list[tuple[str, bytes]]) -> None:
    said = ""
    try:
        read_message(headers, b"{}")
    except ValueError as refused:
        said = str(refused)

    assert "\n" not in said

"""A message as large as the intake takes costs no more memory than a stated multiple of it."""

from collections.abc import Callable
from random import Random

import pytest

from services.order.domain.messages import RefuseIntake
from services.order.translate import INTAKE, read_intake
from shared.events.channel import MOST_BYTES
from shared.eventsourcing.messages import Record
from tests.hostile.bombs import BOMBS
from tests.hostile.envelopes import structured
from tests.hostile.memory import peak_of_objects
from tests.hostile.orders import Headers, samples

MOST_MIB = 40
"""For one message of a mebibyte; a service reads one after the other."""
SIZE = MOST_BYTES - 8_192
SAMPLE = next(one for one in samples() if len(one.value) < 4_000)


@pytest.mark.parametrize("place", range(len(BOMBS)), ids=[name for name, _ in BOMBS])
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_a_bomb_is_bounded(place: int, mode: str) -> None:
    random = Random(place)
    value = BOMBS[place][1](random, SAMPLE, SIZE)
    headers = SAMPLE.headers
    if mode == "structured":
        value, headers = structured(Random(0), SAMPLE, value)

    _read_within_bounds(value, headers)


@pytest.mark.parametrize(
    "headers",
    [
        lambda: (*SAMPLE.headers, *((f"x-{number}", b"\xff") for number in range(50_000))),
        lambda: (*SAMPLE.headers, ("x" * 500_000, b"\xff" * 500_000)),
        lambda: (*SAMPLE.headers, ("ce_traceparent", b"0" * 1_000_000)),
    ],
    ids=["many", "huge", "a huge trace context"],
)
def test_headers_are_bounded(headers: Callable[[], Headers]) -> None:
    _read_within_bounds(SAMPLE.value, headers())


def test_a_message_out_of_a_compressed_batch_comes_back_as_far_as_a_topic_takes_it() -> None:
    record = _record(b" " * 30 * MOST_BYTES, SAMPLE.headers)

    refused = read_intake(record).message

    assert isinstance(refused, RefuseIntake)
    assert refused.code == "too_large"
    assert len(refused.model_dump_json()) < 3 * MOST_BYTES


def _read_within_bounds(value: bytes, headers: Headers) -> None:
    record = _record(value, headers)
    with peak_of_objects() as peak:
        arrival = read_intake(record)

    assert peak.mebibytes < MOST_MIB
    assert len(arrival.traceparent) < 100


def _record(value: bytes, headers: Headers) -> Record:
    kept = headers  # null headers exist in Kafka, whatever its client says
    return Record(topic=INTAKE, partition=0, offset=0, key=None, value=value, headers=kept)  # type: ignore[arg-type]

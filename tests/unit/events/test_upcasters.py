"""Old versions of a message are read through pure functions from dict to dict."""

import pytest
from pydantic import ValidationError

from shared.events.payload import Event, MinorUnits, Name
from shared.events.upcasters import Body, current_type, read_payload, upcast


class ParcelWeighed(Event, name="made-up.parcel-weighed", version=2):
    """Only for these tests."""

    parcel_id: Name
    weight_grams: MinorUnits


def _kilograms_to_grams(body: Body) -> Body:
    return {"parcel": body["parcel"], "grams": body["kilograms"] * 1_000}


def _whole_names(body: Body) -> Body:
    return {"parcel_id": body["parcel"], "weight_grams": body["grams"]}


CHAIN = {"made-up.parcel-weighed.v0": _kilograms_to_grams, "made-up.parcel-weighed.v1": _whole_names}
TYPES = {ParcelWeighed.wire_type: ParcelWeighed}
WEIGHED = ParcelWeighed(parcel_id="P1", weight_grams=2_000)


@pytest.mark.parametrize(
    ("version", "value"),
    [
        (0, b'{"parcel":"P1","kilograms":2}'),
        (1, b'{"parcel":"P1","grams":2000}'),
        (2, b'{"parcel_id":"P1","weight_grams":2000}'),
    ],
)
def test_every_version_of_a_message_is_read_as_todays(version: int, value: bytes) -> None:
    assert read_payload(TYPES, f"made-up.parcel-weighed.v{version}", value, CHAIN) == WEIGHED


def test_an_old_body_goes_through_every_version_in_between() -> None:
    assert upcast("made-up.parcel-weighed.v0", {"parcel": "P1", "kilograms": 2}, CHAIN) == WEIGHED.model_dump()


def test_the_current_type_of_a_message_that_never_changed_is_its_own() -> None:
    assert current_type("order.placed.v1", CHAIN) == "order.placed.v1"
    assert current_type("made-up.parcel-weighed.v0", CHAIN) == "made-up.parcel-weighed.v2"


@pytest.mark.parametrize("wire_type", ["order.placed.v1", "nonsense", "made-up.parcel-weighed.v3"])
def test_a_message_that_nobody_here_reads_is_not_even_parsed(wire_type: str) -> None:
    assert read_payload(TYPES, wire_type, b"not json", CHAIN) is None


@pytest.mark.parametrize("value", [b"[]", b"not json", b"\xff"])
def test_an_old_message_that_is_no_object_is_refused_like_a_new_one(value: bytes) -> None:
    with pytest.raises(ValidationError):
        read_payload(TYPES, "made-up.parcel-weighed.v0", value, CHAIN)
    with pytest.raises(ValidationError):
        read_payload(TYPES, "made-up.parcel-weighed.v2", value, CHAIN)

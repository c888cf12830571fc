"""Every status is stored as JSON, and what has ended is small."""

from typing import Annotated

import pytest
from pydantic import Discriminator, TypeAdapter

from services.shipping.domain.shipment import SHIPMENT, Cancelled, Dispatched, Shipment, order_number_of
from shared.events.payload import Event
from shared.eventsourcing.testing import Scenario
from tests.unit.shipping.road import (
    ELSEWHERE,
    PROMISE,
    STATUSES,
    STREAM,
    cancellation_requested,
    cancelled,
    collecting,
    delivered,
    held,
    nothing_yet,
    picked,
    quotes_requested,
    refused,
    resumed,
    status_of,
    tracked,
    up_to,
    void_requested,
)

STORED: TypeAdapter[Shipment] = TypeAdapter(Annotated[Shipment, Discriminator("status")])

SCENARIOS = [
    *(up_to(status) for status in STATUSES),
    *(up_to(status).given(STREAM, held) for status in STATUSES),
    up_to("labelled").given(STREAM, cancellation_requested, void_requested()),
    up_to("labelling").given(STREAM, refused),
    up_to("packed").given(STREAM, held, resumed(ELSEWHERE), quotes_requested(2, ELSEWHERE)),
    up_to("dispatched").when(tracked("exception")).after,
    up_to("dispatched").when(tracked("in_transit", estimated_at=PROMISE)).after,
    collecting("packed"),
    nothing_yet().given(STREAM, held),
    nothing_yet().given(STREAM, cancelled),
    nothing_yet().given(STREAM, cancelled).when(tracked("in_transit")).after,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=status_of)
def test_every_status_is_the_same_after_a_trip_through_the_store(scenario: Scenario) -> None:
    state = scenario.states[STREAM]
    assert STORED.validate_json(STORED.dump_json(state)) == state


def test_an_unknown_shipment_is_the_same_after_a_trip_through_the_store() -> None:
    assert STORED.validate_json(STORED.dump_json(SHIPMENT.initial)) == SHIPMENT.initial


def test_what_was_stored_with_less_is_read() -> None:
    older = (
        b'{"tracking_number": "CR1", "estimated_delivery": "2026-11-24T12:00:00Z", "exception_at": null,'
        b' "status": "dispatched"}'
    )
    read = STORED.validate_json(older)
    assert isinstance(read, Dispatched)
    assert (read.estimate_made_at, read.moved_at) == (None, None)
    assert STORED.validate_json(b'{"status": "cancelled"}') == Cancelled()


def test_a_shipment_that_nobody_asked_for_stays_unknown_whatever_is_told_of_it() -> None:
    held_before = nothing_yet().given(STREAM, held)
    assert held_before.given(STREAM, picked).states == held_before.states


@pytest.mark.parametrize("ended", [cancelled, delivered()])
def test_a_shipment_that_has_ended_stays_as_it_is_whatever_is_told_of_it(ended: Event) -> None:
    over = nothing_yet().given(STREAM, ended)
    assert over.given(STREAM, held, picked).states == over.states


@pytest.mark.parametrize("status", ["dispatched", "delivered"])
def test_what_has_left_keeps_neither_lines_nor_address(status: str) -> None:
    assert len(STORED.dump_json(up_to(status).states[STREAM])) < 200


@pytest.mark.parametrize(
    ("fulfilment_id", "order_number"),
    [("7XZA-0Q4B-CC1D-F12", "7XZA-0Q4B-CC1D"), ("2026-FF-17-F1", "2026-FF-17"), ("elsewhere", "elsewhere")],
)
def test_the_id_of_a_fulfilment_tells_its_order(fulfilment_id: str, order_number: str) -> None:
    assert order_number_of(fulfilment_id) == order_number

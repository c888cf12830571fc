"""States are kept as JSON and come back the same; the model takes what it says it takes."""

import pytest
from pydantic import TypeAdapter

from services.inventory.domain.messages import INTERNAL
from services.inventory.domain.model import model
from services.inventory.domain.reservation import RESERVATION, Reservation, Reserved, fulfilment_number
from services.inventory.domain.stock import STOCK, StockItem
from shared.events.inventory import KeepReservation, ReceiveStock
from shared.events.payload import Payload
from shared.eventsourcing.testing import Scenario
from tests.unit.inventory.sample import (
    EAST,
    WEST,
    dispatched,
    expires,
    hands_over,
    inventory,
    line,
    release,
    reserve,
)

LINES = (line("1", "A", 2), line("2", "B", 1))
SPLIT = inventory(A={EAST: 5}, B={WEST: 5}).when(reserve(*LINES)).after
WAITING = inventory(A={EAST: 1}).when(reserve(*LINES, backorder=True)).after


@pytest.mark.parametrize(
    "scenario",
    [
        inventory().when(reserve(*LINES)).after,
        inventory(A={EAST: 5}).when(reserve(*LINES, partial=True)).after,
        SPLIT,
        SPLIT.when(KeepReservation(order_number="O1")).after,
        SPLIT.when(dispatched("O1-F1", EAST, LINES[0])).after,
        SPLIT.when(release("A", "B")).after,
        WAITING,
        WAITING.when(ReceiveStock(sku="A", location=WEST, quantity=1)).after,
    ],
)
def test_every_state_comes_back_from_json_as_it_was(scenario: Scenario) -> None:
    for stream, state in scenario.states.items():
        adapter: TypeAdapter[object] = TypeAdapter(scenario.model.category_of(stream).state_type)
        assert adapter.validate_json(adapter.dump_json(state)) == state


def test_the_initial_states_come_back_from_json_as_they_were() -> None:
    stock, reservation = TypeAdapter(StockItem), TypeAdapter[Reservation](Reservation)
    assert stock.validate_json(stock.dump_json(STOCK.initial)) == STOCK.initial
    assert reservation.validate_json(reservation.dump_json(RESERVATION.initial)) == RESERVATION.initial


def test_a_state_kept_before_queues_knew_addresses_comes_back() -> None:
    kept = (
        b'{"queue": [{"order_number": "O1", "quantity": 2, "priority": 0, "queued_at": "2026-03-02T12:00:00Z"}]}'
    )
    (waiting,) = TypeAdapter(StockItem).validate_json(kept).queue
    assert (waiting.country, waiting.region, waiting.held_at) == (None, "", ())


def test_a_deadline_that_comes_back_from_json_still_means_its_reservation() -> None:
    reminder = expires("A", "B").message
    read = type(reminder).model_validate_json(reminder.model_dump_json())
    adapter = TypeAdapter[Reservation](Reservation)
    kept = adapter.validate_json(adapter.dump_json(SPLIT.states["reservation-O1"]))
    assert read == reminder
    assert isinstance(kept, Reserved)
    assert kept.expires_at == read.model_dump()["expires_at"]


def test_every_message_to_itself_has_a_route() -> None:
    assert set(INTERNAL) <= set(model().routes)
    assert len({message.wire_type for message in INTERNAL}) == len(INTERNAL)


@pytest.mark.parametrize(
    ("message", "streams"),
    [
        (reserve(line("1", "A", 1), line("2", "B", 1), line("3", "A", 1)), "reservation-O1 stock-A stock-B"),
        (release("B", "A", "B"), "reservation-O1 stock-B stock-A"),
        (hands_over("A", "O1").message, "reservation-O1 stock-A"),
        (ReceiveStock(sku="A", location=EAST, quantity=1), "stock-A"),
        (KeepReservation(order_number="O1"), "reservation-O1"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_message_names_each_stream_that_it_touches_once(message: Payload, streams: str) -> None:
    assert model().routes[type(message)].streams(message) == tuple(streams.split())


def test_fulfilments_are_numbered_within_their_order() -> None:
    assert fulfilment_number("2026-FF-17-F12") == 12
    assert fulfilment_number("elsewhere") == 0

"""What can be asked of stock and reservations, folded from their facts."""

from itertools import permutations
from uuid import UUID

from services.inventory.views import RESERVATIONS, STOCK
from shared.events.inventory import (
    BackorderFilled,
    BackorderQueued,
    BackorderWithdrawn,
    FulfilmentShipped,
    ReservationExpired,
    ReservationKept,
    ReservationRefused,
    ReservationReleased,
    StockAdjusted,
    StockAllocated,
    StockDeallocated,
    StockLevelsSet,
    StockReceived,
    StockShipped,
    StockTransferred,
)
from shared.events.payload import Event
from shared.eventsourcing.testing import NOON
from shared.eventsourcing.views import Fact, Row, View
from tests.unit.inventory.sample import EAST, WEST, backordered, line, missing, plan, reserved, units

FIRST, SECOND = plan("O1-F1", EAST, line("1", "A", 2)), plan("O1-F2", WEST, line("2", "B", 1))
SPLIT = reserved(FIRST, SECOND).event


def row_of(view: View, *events: Event) -> Row:
    """The row after some facts."""
    row: Row | None = None
    for version, event in enumerate(events, start=1):
        (key,) = view.keys(event)
        row = view.project(key, row, _fact(event, version))
    assert row is not None
    return row


def _fact(event: Event, version: int) -> Fact:
    return Fact(
        event=event,
        id=UUID(int=version),
        stream="stream",
        version=version,
        lane=0,
        position=version,
        partition_key="key",
        correlation_id="key",
        actor="system",
        reason="",
        occurred_at=NOON,
        recorded_at=NOON,
    )


def _statuses(row: Row) -> tuple[str, dict[str, str]]:
    return row["status"], {name: one["status"] for name, one in row["fulfilments"].items()}


def _released(*fulfilments: str) -> ReservationReleased:
    return ReservationReleased(order_number="O1", fulfilments=fulfilments)


def test_a_sku_shows_what_is_where() -> None:
    row = row_of(
        STOCK,
        StockReceived(sku="A", location=EAST, quantity=9),
        StockTransferred(sku="A", origin=EAST, destination=WEST, quantity=3),
        StockAdjusted(sku="A", location=WEST, change=-1, cause="loss"),
        StockAllocated(sku="A", order_number="O1", allocations=units(EAST=4, WEST=1)),
        StockDeallocated(sku="A", order_number="O1", allocations=units(EAST=1)),
        StockShipped(sku="A", order_number="O1", location=EAST, quantity=2),
        StockLevelsSet(sku="A", safety_stock=1, reorder_point=5),
    )
    assert row == {
        "sku": "A",
        "locations": {
            EAST: {"on_hand": 4, "reserved": 1, "available": 3},
            WEST: {"on_hand": 2, "reserved": 1, "available": 1},
        },
        "waiting": {},
        "safety_stock": 1,
        "reorder_point": 5,
        "on_hand": 6,
        "reserved": 2,
        "available": 4,
        "to_promise": 2,
        "status": "low",
        "changed_at": NOON.isoformat(),
    }


def test_a_sku_is_low_when_what_can_be_promised_of_it_is_below_the_reorder_point() -> None:
    facts = (
        StockReceived(sku="A", location=EAST, quantity=12),
        StockReceived(sku="A", location=WEST, quantity=3),
        StockLevelsSet(sku="A", safety_stock=10, reorder_point=2),
    )
    enough = row_of(STOCK, *facts)
    assert (enough["available"], enough["to_promise"], enough["status"]) == (15, 2, "enough")
    low = row_of(STOCK, *facts, StockAllocated(sku="A", order_number="O1", allocations=units(EAST=1)))
    assert (low["available"], low["to_promise"], low["status"]) == (14, 1, "low")


def test_a_sku_has_enough_again_once_its_reorder_point_is_reached() -> None:
    row = row_of(
        STOCK,
        StockLevelsSet(sku="A", safety_stock=0, reorder_point=5),
        StockReceived(sku="A", location=EAST, quantity=5),
    )
    assert row["status"] == "enough"


def test_who_waits_adds_up_in_whatever_order_the_lanes_are_read() -> None:
    facts: tuple[Event, ...] = (
        BackorderQueued(sku="A", order_number="O1", quantity=5, priority=0, queued_at=NOON),
        BackorderFilled(sku="A", order_number="O1", allocations=units(EAST=2), still_waiting=3),
        BackorderWithdrawn(sku="A", order_number="O1", quantity=3),
        BackorderQueued(sku="A", order_number="O1", quantity=1, priority=0, queued_at=NOON),
    )
    rows = [row_of(STOCK, *order) for order in permutations(facts)]
    assert rows == [rows[0]] * len(rows)
    assert rows[0]["waiting"] == {"O1": 1}


def test_an_order_that_waits_no_longer_leaves_the_row() -> None:
    row = row_of(
        STOCK,
        BackorderQueued(sku="A", order_number="O1", quantity=2, priority=0, queued_at=NOON),
        BackorderFilled(sku="A", order_number="O1", allocations=units(EAST=2), still_waiting=0),
    )
    assert (row["waiting"], row["reserved"]) == ({}, 2)


def test_a_reservation_shows_its_fulfilments() -> None:
    row = row_of(RESERVATIONS, reserved(FIRST, short=(missing("2", "B", 1),)).event)
    first = {"location": EAST, "status": "reserved", "units": 2, "skus": {"A": 2}}
    assert row["fulfilments"] == {"O1-F1": first}
    assert row["short"] == [{"line_id": "2", "sku": "B", "missing": 1}]
    assert (row["status"], row["kept"], row["waiting"]) == ("reserved", False, [])


def test_an_order_that_waits_shows_what_for_until_it_is_whole() -> None:
    waiting = backordered(FIRST, waiting=(missing("2", "B", 1),)).event
    row = row_of(RESERVATIONS, waiting)
    assert _statuses(row) == ("backordered", {"O1-F1": "reserved"})
    assert row["waiting"] == [{"line_id": "2", "sku": "B", "missing": 1}]
    whole = row_of(RESERVATIONS, waiting, ReservationKept(order_number="O1"), SPLIT)
    assert _statuses(whole) == ("reserved", {"O1-F1": "reserved", "O1-F2": "reserved"})
    assert (whole["waiting"], whole["kept"]) == ([], True)


def test_a_refusal_shows_what_was_missing() -> None:
    row = row_of(RESERVATIONS, ReservationRefused(order_number="O1", shortages=(missing("1", "A", 2),)))
    assert (row["status"], row["short"]) == ("refused", [{"line_id": "1", "sku": "A", "missing": 2}])


def test_a_reservation_ends_when_its_last_fulfilment_has_left() -> None:
    first = FulfilmentShipped(order_number="O1", fulfilment_id="O1-F1")
    second = FulfilmentShipped(order_number="O1", fulfilment_id="O1-F2")
    assert _statuses(row_of(RESERVATIONS, SPLIT, first)) == (
        "reserved",
        {"O1-F1": "shipped", "O1-F2": "reserved"},
    )
    assert _statuses(row_of(RESERVATIONS, SPLIT, first, second, _released())) == (
        "shipped",
        {"O1-F1": "shipped", "O1-F2": "shipped"},
    )


def test_what_was_shipped_stays_shipped_when_the_rest_is_released_or_expires() -> None:
    shipped = FulfilmentShipped(order_number="O1", fulfilment_id="O1-F1")
    released = row_of(RESERVATIONS, SPLIT, shipped, _released("O1-F2"))
    assert _statuses(released) == ("released", {"O1-F1": "shipped", "O1-F2": "released"})
    expired = row_of(RESERVATIONS, SPLIT, shipped, ReservationExpired(order_number="O1"))
    assert _statuses(expired) == ("expired", {"O1-F1": "shipped", "O1-F2": "expired"})


def test_a_release_of_what_waits_ends_it_as_a_whole() -> None:
    waiting = backordered(FIRST, waiting=(missing("2", "B", 1),)).event
    row = row_of(RESERVATIONS, waiting, _released("O1-F1"))
    assert (_statuses(row), row["waiting"]) == (("released", {"O1-F1": "released"}), [])


def test_a_fulfilment_that_leaves_does_not_end_the_waiting() -> None:
    waiting = backordered(FIRST, waiting=(missing("2", "B", 1),)).event
    row = row_of(RESERVATIONS, waiting, FulfilmentShipped(order_number="O1", fulfilment_id="O1-F1"))
    assert _statuses(row) == ("backordered", {"O1-F1": "shipped"})


def test_a_release_of_nothing_is_shown_as_one_and_names_no_fulfilment_that_never_was() -> None:
    assert _statuses(row_of(RESERVATIONS, _released("O1-F9"))) == ("released", {})


def test_a_new_reservation_is_not_kept_because_an_earlier_one_was() -> None:
    again = reserved(plan("O1-F3", EAST, line("1", "A", 2))).event
    row = row_of(RESERVATIONS, SPLIT, ReservationKept(order_number="O1"), _released("O1-F1", "O1-F2"), again)
    assert _statuses(row) == (
        "reserved",
        {"O1-F1": "released", "O1-F2": "released", "O1-F3": "reserved"},
    )
    assert row["kept"] is False


def test_every_fact_that_a_view_handles_belongs_to_one_row() -> None:
    assert all("sku" in event.model_fields for event in STOCK.handles)
    assert all("order_number" in event.model_fields for event in RESERVATIONS.handles)

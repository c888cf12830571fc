"""Taking a reservation again that ran out as its order was confirmed."""

from services.inventory.domain.reservation import RESERVATION, Reserved
from shared.events.inventory import (
    FulfilmentShipped,
    KeepReservation,
    ReservationExpired,
    ReservationKept,
    ReservationReleased,
    StockLevelsSet,
    StockReserved,
)
from shared.events.payload import Event
from shared.events.values import FulfilmentPlan
from shared.eventsourcing.decider import Recorded
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.inventory.sample import (
    EAST,
    WEST,
    allocated,
    expiry,
    inventory,
    line,
    missing,
    plan,
    release,
    reserve,
)

F1 = plan("O1-F1", EAST, line("1", "A", 2))
F2 = plan("O1-F2", WEST, line("1", "A", 1), line("2", "B", 1))
EXPIRED = ReservationExpired(order_number="O1")
KEPT = Recorded("reservation-O1", ReservationKept(order_number="O1"))
AGAIN = KeepReservation(order_number="O1", fulfilments=(F1, F2))


def reserved(*plans: FulfilmentPlan) -> Recorded:
    return Recorded("reservation-O1", StockReserved(order_number="O1", fulfilments=plans, expires_at=NOON))


def ended(*past: Event, **on_hand: dict[str, int]) -> Scenario:
    """A reservation of both fulfilments, and what became of it."""
    return inventory(**on_hand).given("reservation-O1", reserved(F1, F2).event, *past)


def test_a_reservation_that_ran_out_is_taken_again_as_it_was_and_kept() -> None:
    outcome = ended(EXPIRED, A={EAST: 2, WEST: 9}, B={EAST: 9, WEST: 1}).when(AGAIN)
    outcome.then(allocated("A", EAST=2, WEST=1), allocated("B", WEST=1), reserved(F1, F2), KEPT)
    assert outcome.reminders == ()
    state = outcome.state(RESERVATION, "O1")
    assert isinstance(state, Reserved)
    assert (state.fulfilments, state.kept) == ((F1, F2), True)


def test_what_is_taken_again_can_be_released_and_does_not_run_out_a_second_time() -> None:
    again = ended(EXPIRED, A={EAST: 2, WEST: 1}, B={WEST: 1}).when(AGAIN).after
    again.when(expiry("A", "B", at=NOON)).then_nothing_happened()
    freed = again.when(release("A", "B"))
    assert freed.events[-1] == ReservationReleased(order_number="O1", fulfilments=("O1-F1", "O1-F2"))
    assert all(shelf.reserved == 0 for shelf in freed.after.states["stock-A"].shelves.values())


def test_nothing_is_taken_again_where_a_unit_is_missing_and_the_answer_says_which() -> None:
    outcome = ended(EXPIRED, A={EAST: 9, WEST: 1}, B={EAST: 9}).when(AGAIN)
    outcome.then(ReservationExpired(order_number="O1", shortages=(missing("2", "B", 1),)))


def test_fulfilments_at_one_location_do_not_take_the_same_unit() -> None:
    plans = (plan("O1-F1", EAST, line("1", "A", 2)), plan("O1-F2", EAST, line("2", "A", 2)))
    outcome = inventory(A={EAST: 3}).when(KeepReservation(order_number="O1", fulfilments=plans))
    outcome.then(ReservationExpired(order_number="O1", shortages=(missing("2", "A", 1),)))


def test_safety_stock_is_not_taken_again() -> None:
    levels = StockLevelsSet(sku="A", safety_stock=1, reorder_point=0)
    outcome = ended(EXPIRED, A={EAST: 2, WEST: 2}, B={WEST: 1}).given("stock-A", levels).when(AGAIN)
    outcome.then(ReservationExpired(order_number="O1", shortages=(missing("1", "A", 1),)))


def test_a_reservation_that_stands_is_kept_as_it_is() -> None:
    ended(A={EAST: 9, WEST: 9}, B={WEST: 9}).when(AGAIN).then(KEPT)


def test_what_has_left_is_not_taken_again() -> None:
    gone = [FulfilmentShipped(order_number="O1", fulfilment_id=one.fulfilment_id) for one in (F1, F2)]
    all_gone = ended(*gone, A={EAST: 9, WEST: 9}, B={WEST: 9})
    all_gone.when(AGAIN).then(KEPT)
    part_gone = ended(gone[0], EXPIRED, A={EAST: 9, WEST: 9}, B={WEST: 9})
    part_gone.when(AGAIN).then(allocated("A", WEST=1), allocated("B", WEST=1), reserved(F2), KEPT)


def test_the_units_go_to_one_order_only() -> None:
    taken = inventory(A={EAST: 2}).when(reserve(line("1", "A", 2))).after
    late = taken.when(expiry("A")).after.when(reserve(line("1", "A", 1), order="O2")).after
    outcome = late.when(KeepReservation(order_number="O1", fulfilments=(F1,)))
    outcome.then(ReservationExpired(order_number="O1", shortages=(missing("1", "A", 1),)))
    back = outcome.after.when(release("A", order="O2")).after
    back.when(KeepReservation(order_number="O1", fulfilments=(F1,))).then(
        allocated("A", EAST=2), reserved(F1), KEPT
    )

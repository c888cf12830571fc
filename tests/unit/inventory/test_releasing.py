"""Giving back: on request, by name, and when a reservation was not kept in time."""

from datetime import timedelta

from services.inventory.domain.messages import ReleaseReserved
from services.inventory.domain.reservation import RESERVATION, Reserved, Unreserved
from services.inventory.domain.stock import STOCK
from shared.events.inventory import (
    BackorderWithdrawn,
    KeepReservation,
    ReceiveStock,
    ReservationExpired,
    ReservationReleased,
)
from shared.eventsourcing.decider import Recorded, Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.inventory.sample import (
    DEADLINE,
    EAST,
    WEST,
    deallocated,
    dispatched,
    expiry,
    filled,
    hands_over,
    inventory,
    line,
    plan,
    release,
    reserve,
    shipped,
)

LINES = (line("1", "A", 2), line("2", "B", 1))


def released(*fulfilments: str) -> Recorded:
    return Recorded("reservation-O1", ReservationReleased(order_number="O1", fulfilments=fulfilments))


def withdrawn(sku: str, quantity: int) -> Recorded:
    return Recorded(f"stock-{sku}", BackorderWithdrawn(sku=sku, order_number="O1", quantity=quantity))


EXPIRED = Recorded("reservation-O1", ReservationExpired(order_number="O1"))


def split() -> Scenario:
    """An order reserved in O1-F1 (two A in the east) and O1-F2 (one B in the west)."""
    return inventory(A={EAST: 5}, B={WEST: 5}).when(reserve(*LINES)).after


def waiting() -> Scenario:
    """An order with one of its two A, none of its B."""
    return inventory(A={EAST: 1}).when(reserve(*LINES, backorder=True)).after


def test_a_release_gives_back_all_units_and_names_the_fulfilments() -> None:
    outcome = split().when(release("A", "B"))
    outcome.then(deallocated("A", EAST=2), deallocated("B", WEST=1), released("O1-F1", "O1-F2"))
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="released", numbered=2)
    assert outcome.state(STOCK, "A").to_promise() == {EAST: 5}


def test_a_release_of_one_fulfilment_leaves_the_others() -> None:
    outcome = split().when(release("A", "B", fulfilments=("O1-F2",)))
    outcome.then(deallocated("B", WEST=1), released("O1-F2"))
    assert isinstance(left := outcome.state(RESERVATION, "O1"), Reserved)
    assert left.fulfilments == (plan("O1-F1", EAST, LINES[0]),)


def test_releasing_the_last_fulfilment_ends_the_reservation() -> None:
    first = split().when(release("B", fulfilments=("O1-F2",))).after
    outcome = first.when(release("A", fulfilments=("O1-F1",)))
    outcome.then(deallocated("A", EAST=2), released("O1-F1"))
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="released", numbered=2)


def test_a_release_is_answered_when_nothing_is_reserved() -> None:
    outcome = inventory().when(release("A"))
    outcome.then(released())
    assert outcome.state(RESERVATION, "O1") == Unreserved()


def test_a_repeated_release_is_answered_again_and_gives_nothing_back_twice() -> None:
    once = split().when(release("A", "B", fulfilments=("O1-F1",))).after
    once.when(release("A", "B", fulfilments=("O1-F1",))).then(released("O1-F1"))
    whole = once.when(release("A", "B")).after
    whole.when(release("A", "B")).then(released())
    whole.when(release("A", "B", fulfilments=("O1-F2",))).then(released("O1-F2"))


def test_a_fulfilment_that_has_left_is_not_released() -> None:
    left = split().when(dispatched("O1-F1", EAST, LINES[0])).after
    left.when(release("A", "B", fulfilments=("O1-F1",))).then(released())
    left.when(release("A", "B", fulfilments=("O1-F1", "O1-F2"))).then(deallocated("B", WEST=1), released("O1-F2"))
    left.when(release("A", "B")).then(deallocated("B", WEST=1), released("O1-F2"))


def test_a_release_that_names_too_few_skus_asks_itself_again_with_all() -> None:
    first = split().when(release("A", "C"))
    again = ReleaseReserved(release=release("A", "C"), skus=("A", "C", "B"))
    first.then()
    assert first.reminders == (Reminder(NOON, again),)
    second = first.after.when(again)
    second.then(deallocated("A", EAST=2), deallocated("B", WEST=1), released("O1-F1", "O1-F2"))
    second.after.when(again).then(released())


def test_a_release_of_an_order_that_waits_takes_it_out_of_the_queues() -> None:
    outcome = waiting().when(release("A", "B"))
    outcome.then(withdrawn("A", 1), deallocated("A", EAST=1), withdrawn("B", 1), released("O1-F1"))
    assert outcome.state(STOCK, "B").queue == ()
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="released", numbered=1)


def test_an_order_that_leaves_the_queue_keeps_no_other_from_its_turn() -> None:
    first = reserve(line("1", "A", 2), order="O2", backorder=True)
    both = inventory().when(first).after.when(reserve(*LINES, backorder=True)).after
    left = both.when(release("A", "B"))
    left.then(withdrawn("A", 2), withdrawn("B", 1), released())
    assert [waits.order_number for waits in left.state(STOCK, "A").queue] == ["O2"]


def test_an_order_that_waits_is_released_as_a_whole_whatever_is_named() -> None:
    waiting().when(release("A", "B", fulfilments=("O1-F7",))).then(
        withdrawn("A", 1), deallocated("A", EAST=1), withdrawn("B", 1), released("O1-F1", "O1-F7")
    )


def test_a_release_takes_back_units_that_are_on_their_way_to_the_reservation() -> None:
    on_the_way = waiting().when(ReceiveStock(sku="A", location=EAST, quantity=1))
    on_the_way = on_the_way.after.when(ReceiveStock(sku="B", location=WEST, quantity=1))
    on_the_way.then(
        *on_the_way.events[:1],
        filled("B", "O1", 0, WEST=1),
    )
    outcome = on_the_way.after.when(release("A", "B"))
    outcome.then(
        withdrawn("A", 0), deallocated("A", EAST=2), withdrawn("B", 0), deallocated("B", WEST=1), released("O1-F1")
    )
    assert outcome.state(STOCK, "A").filled == {}
    outcome.after.when(hands_over("A", "O1").message).then_nothing_happened()


def test_released_units_serve_the_orders_that_wait_for_them() -> None:
    both = inventory(A={EAST: 2}).when(reserve(line("1", "A", 2))).after
    both = both.when(reserve(line("1", "A", 1), order="O2", backorder=True)).after
    outcome = both.when(release("A"))
    outcome.then(deallocated("A", EAST=2), filled("A", "O2", 0, EAST=1), released("O1-F1"))
    assert outcome.reminders == (hands_over("A", "O2"),)


def test_a_reservation_that_is_not_kept_expires_at_its_deadline() -> None:
    outcome = split().at(DEADLINE).when(expiry("A", "B"))
    outcome.then(deallocated("A", EAST=2), deallocated("B", WEST=1), EXPIRED)
    assert outcome.state(RESERVATION, "O1") == Unreserved(ended="expired", numbered=2, expired_at=DEADLINE)
    outcome.after.when(expiry("A", "B")).then_nothing_happened()


def test_an_order_that_still_waits_at_its_deadline_waits_no_longer() -> None:
    waiting().at(DEADLINE).when(expiry("A", "B")).then(
        withdrawn("A", 1), deallocated("A", EAST=1), withdrawn("B", 1), EXPIRED
    )


def test_units_of_an_expired_reservation_serve_the_orders_that_wait_for_them() -> None:
    both = inventory(A={EAST: 2}).when(reserve(line("1", "A", 2))).after
    both = both.when(reserve(line("1", "A", 3), order="O2", backorder=True)).after
    outcome = both.at(DEADLINE).when(expiry("A"))
    outcome.then(deallocated("A", EAST=2), filled("A", "O2", 1, EAST=2), EXPIRED)
    assert outcome.reminders == (hands_over("A", "O2", at=DEADLINE),)


def test_what_has_left_stays_shipped_when_the_rest_expires() -> None:
    left = split().when(dispatched("O1-F1", EAST, LINES[0]))
    left.then(shipped("A", EAST, 2), left.decision.events[-1])
    outcome = left.after.at(DEADLINE).when(expiry("A", "B"))
    outcome.then(deallocated("B", WEST=1), EXPIRED)
    assert outcome.state(RESERVATION, "O1") == Unreserved(
        ended="expired", numbered=2, shipped=("O1-F1",), expired_at=DEADLINE
    )


def test_a_kept_reservation_does_not_expire() -> None:
    kept = split().when(KeepReservation(order_number="O1")).after
    kept.at(DEADLINE).when(expiry("A", "B")).then_nothing_happened()


def test_a_deadline_of_an_earlier_reservation_changes_nothing() -> None:
    later = DEADLINE + timedelta(hours=1)
    second = split().when(release("A", "B")).after.when(reserve(*LINES, expires_at=later)).after
    second.at(DEADLINE).when(expiry("A", "B")).then_nothing_happened()
    second.at(later).when(expiry("A", "B", at=later)).then(
        deallocated("A", EAST=2), deallocated("B", WEST=1), EXPIRED
    )


def test_a_deadline_of_what_was_never_reserved_changes_nothing() -> None:
    inventory().when(expiry("A")).then_nothing_happened()

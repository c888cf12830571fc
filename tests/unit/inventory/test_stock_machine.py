"""Random lives of a few SKUs and orders, with the service's own reminders late, doubled and reordered."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.inventory.domain.messages import HandOverBackorder
from services.inventory.domain.model import model
from services.inventory.domain.reservation import RESERVATION, Reservation, Reserved, Unreserved, Waiting
from services.inventory.domain.stock import STOCK, StockItem
from shared.events.inventory import (
    AdjustStock,
    BackorderFilled,
    BackorderWithdrawn,
    CountStock,
    FulfilmentShipped,
    KeepReservation,
    ReceiveStock,
    ReservationExpired,
    SetStockLevels,
    StockAdjusted,
    StockAllocated,
    StockReceived,
    StockReserved,
    StockShipped,
    StockTransferred,
    TransferStock,
)
from shared.events.payload import Command, Event, Payload
from shared.events.values import FulfilmentPlan
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON, Outcome, Scenario
from tests.unit.inventory.sample import CENTRAL, EAST, WEST, dispatched, line, release, reserve

SKUS = ("A", "B")
ORDERS = tuple(f"O{number}" for number in range(1, 9))
skus = st.sampled_from(SKUS)
picks = st.integers(0, 99)
locations = st.sampled_from((EAST, CENTRAL, WEST))
few = st.integers(1, 4)
changes = st.one_of(
    st.builds(AdjustStock, sku=skus, location=locations, change=st.integers(-2, 3), cause=st.just("correction")),
    st.builds(CountStock, sku=skus, location=locations, counted=st.integers(0, 6)),
    st.builds(TransferStock, sku=skus, origin=locations, destination=locations, quantity=few),
    st.builds(SetStockLevels, sku=skus, safety_stock=st.integers(0, 2), reorder_point=st.integers(0, 6)),
)
wanted = st.lists(st.tuples(skus, few), min_size=1, max_size=4)


class StockMachine(RuleBasedStateMachine):
    """Everything goes through `act`, which keeps books of its own from the facts that are recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario(model())
        self.now = NOON
        self.pending: list[Reminder] = []
        self.on_hand: Counter[tuple[str, str]] = Counter()
        self.asked: dict[str, Counter[str]] = {}
        self.ended: set[str] = set()
        self.shipped: set[str] = set()
        self.planned: dict[str, tuple[FulfilmentPlan, ...]] = {}

    def act(self, message: Payload) -> Outcome:
        before = self.scenario.at(self.now)
        lived = self.live_ids()
        outcome = before.when(message)
        self.scenario = outcome.after
        self.pending.extend(outcome.reminders)
        for event in outcome.events:
            self.book(event)
            if isinstance(event, ReservationExpired):
                reservation = _reservation(before, event.order_number)
                assert isinstance(reservation, Unreserved) or reservation.expires_at <= self.now
        for sku in SKUS:
            self.check_turns(_stock(before, sku), sku, outcome.events)
        if isinstance(message, KeepReservation):
            self.ended -= self.live_ids()
        assert not self.live_ids() & self.ended, "a fulfilment id came back"
        self.ended |= lived - self.live_ids()
        return outcome

    def book(self, event: Event) -> None:
        match event:
            case StockReserved():
                self.planned[event.order_number] = event.fulfilments
            case StockReceived():
                self.on_hand[event.sku, event.location] += event.quantity
            case StockAdjusted():
                self.on_hand[event.sku, event.location] += event.change
            case StockTransferred():
                self.on_hand[event.sku, event.origin] -= event.quantity
                self.on_hand[event.sku, event.destination] += event.quantity
            case StockShipped():
                self.on_hand[event.sku, event.location] -= event.quantity
            case FulfilmentShipped():
                assert event.fulfilment_id not in self.shipped, "a fulfilment left twice"
                self.shipped.add(event.fulfilment_id)
            case _:
                pass

    def check_turns(self, item: StockItem, sku: str, events: tuple[Event, ...]) -> None:
        """Whoever is served stood first, and only the last of them may still wait."""
        gone = {e.order_number for e in events if isinstance(e, BackorderWithdrawn) and e.sku == sku}
        fills = [event for event in events if isinstance(event, BackorderFilled) and event.sku == sku]
        queue = [waiting.order_number for waiting in item.queue if waiting.order_number not in gone]
        assert [fill.order_number for fill in fills] == queue[: len(fills)]
        assert all(fill.still_waiting == 0 for fill in fills[:-1])

    def order(self, pick: int, *, live: bool = True) -> str:
        """One of the orders that have, or have not, a reservation or a place in a queue."""
        some = [
            order for order in ORDERS if isinstance(_reservation(self.scenario, order), Unreserved) is not live
        ] or ORDERS
        return some[pick % len(some)]

    def live_ids(self) -> set[str]:
        return {plan.fulfilment_id for order in ORDERS for plan in _plans(_reservation(self.scenario, order))}

    @rule(sku=skus, location=locations, quantity=few)
    def stock_is_received(self, sku: str, location: str, quantity: int) -> None:
        self.act(ReceiveStock(sku=sku, location=location, quantity=quantity))

    @rule(message=changes)
    def stock_is_changed_by_hand(self, message: Command) -> None:
        self.act(message)

    @rule(
        pick=picks,
        wanted=wanted,
        region=st.sampled_from(("NY", "TX", "CA")),
        allows=st.sampled_from(("backorder", "partial", "nothing")),
        priority=st.integers(0, 2),
        minutes=st.integers(5, 60),
    )
    def an_order_asks_for_stock(
        self,
        *,
        pick: int,
        wanted: list[tuple[str, int]],
        region: str,
        allows: str,
        priority: int,
        minutes: int,
    ) -> None:
        before = self.scenario
        order = self.order(pick, live=pick % 8 == 0)
        lines = [line(str(number), sku, quantity) for number, (sku, quantity) in enumerate(wanted)]
        message = reserve(
            *lines,
            order=order,
            region=region,
            partial=allows == "partial",
            backorder=allows == "backorder",
            priority=priority,
            expires_at=self.now + timedelta(minutes=minutes),
        )
        if isinstance(_reservation(before, order), Unreserved):
            self.asked[order] = Counter({each.line_id: each.quantity for each in lines})
        outcome = self.act(message)
        self.check_whole(order, outcome)
        for event in outcome.events:
            if isinstance(event, StockAllocated):
                free = _stock(before, event.sku).to_promise()
                assert all(part.quantity <= free[part.location] for part in event.allocations)

    @rule(
        pick=picks,
        what=st.sampled_from(("is kept", "leaves", "is released", "leaves otherwise than planned")),
        named=st.sets(skus),
        number=st.integers(0, 4),
        location=locations,
        left=wanted,
    )
    def an_order_goes_on(
        self, *, pick: int, what: str, named: set[str], number: int, location: str, left: list[tuple[str, int]]
    ) -> None:
        order = self.order(pick, live=pick % 8 > 0)
        fulfilment_id = f"{order}-F{number}"
        match what:
            case "is kept":
                self.act(KeepReservation(order_number=order, fulfilments=self.planned.get(order, ())))
            case "is released":
                fulfilments = (fulfilment_id,) if number else ()
                self.act(release(*sorted(named), order=order, fulfilments=fulfilments))
            case "leaves":
                reservation = _reservation(self.scenario, order)
                if isinstance(reservation, Reserved):
                    plan = reservation.fulfilments[0]
                    self.act(dispatched(plan.fulfilment_id, plan.location, *plan.lines, order=order))
            case _:
                lines = [line(str(place), sku, quantity) for place, (sku, quantity) in enumerate(left)]
                for _ in range(1 + pick % 2):
                    self.act(dispatched(fulfilment_id, location, *lines, order=order))

    @rule(minutes=st.integers(1, 40))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.pending)
    @rule(choice=st.integers(0, 50), once_more=st.booleans())
    def a_reminder_comes(self, choice: int, once_more: bool) -> None:
        due = [reminder for reminder in self.pending if reminder.at <= self.now]
        if due:
            self.deliver(due[choice % len(due)], once_more)

    def deliver(self, reminder: Reminder, once_more: bool = False) -> None:
        if not once_more:
            self.pending.remove(reminder)
        outcome = self.act(reminder.message)
        if isinstance(reminder.message, HandOverBackorder):
            self.check_whole(reminder.message.order_number, outcome)

    def check_whole(self, order: str, outcome: Outcome) -> None:
        """What an order is told to have, and what it is short of, is what it asked for."""
        reservation = _reservation(self.scenario, order)
        for event in outcome.events:
            if isinstance(event, StockReserved) and not reservation.shipped and outcome.decision.events[1:]:
                told = Counter({short.line_id: short.missing for short in event.short})
                told.update(
                    {each.line_id: 0 for plan in event.fulfilments for each in plan.lines},
                )
                for plan in event.fulfilments:
                    for each in plan.lines:
                        told[each.line_id] += each.quantity
                assert told == self.asked[order]

    @invariant()
    def on_hand_is_what_came_less_what_left(self) -> None:
        for sku in SKUS:
            for location, shelf in _stock(self.scenario, sku).shelves.items():
                assert shelf.on_hand == self.on_hand[sku, location]
                assert 0 <= shelf.reserved <= shelf.on_hand

    @invariant()
    def reserved_units_belong_to_a_live_reservation_or_are_on_their_way_to_one(self) -> None:
        owned: Counter[tuple[str, str]] = Counter()
        for order in ORDERS:
            for plan in _plans(_reservation(self.scenario, order)):
                for each in plan.lines:
                    owned[each.sku, plan.location] += each.quantity
        for sku in SKUS:
            for units in _stock(self.scenario, sku).filled.values():
                owned.update({(sku, location): quantity for location, quantity in units.items()})
            for location, shelf in _stock(self.scenario, sku).shelves.items():
                assert shelf.reserved == owned[sku, location]

    @invariant()
    def an_order_waits_for_what_its_skus_owe_it_and_for_nothing_else(self) -> None:
        for sku in SKUS:
            item = _stock(self.scenario, sku)
            owed: Counter[str] = Counter()
            for entry in item.queue:
                owed[entry.order_number] += entry.quantity
            for order, units in item.filled.items():
                owed[order] += sum(units.values())
            awaited: Counter[str] = Counter()
            for order in ORDERS:
                reservation = _reservation(self.scenario, order)
                if isinstance(reservation, Waiting):
                    for shortage in reservation.waiting:
                        if shortage.sku == sku:
                            awaited[order] += shortage.missing
            assert owed == awaited

    @invariant()
    def queues_stand_in_the_order_of_service_and_never_beside_free_stock(self) -> None:
        for sku in SKUS:
            item = _stock(self.scenario, sku)
            turns = [(-entry.priority, entry.queued_at) for entry in item.queue]
            assert turns == sorted(turns)
            assert not (item.queue and item.to_promise())

    @invariant()
    def low_stock_is_known(self) -> None:
        for sku in SKUS:
            item = _stock(self.scenario, sku)
            assert item.low == (sum(item.to_promise().values()) < item.reorder_point)

    def teardown(self) -> None:
        """When all reminders have come, nothing is on its way, and nothing lives beyond a deadline unkept."""
        for last in (HandOverBackorder, Payload):
            while due := [reminder for reminder in self.pending if isinstance(reminder.message, last)]:
                self.now = max(self.now, due[-1].at)
                self.deliver(due[-1])
                self.on_hand_is_what_came_less_what_left()
                self.reserved_units_belong_to_a_live_reservation_or_are_on_their_way_to_one()
                self.an_order_waits_for_what_its_skus_owe_it_and_for_nothing_else()
        assert not any(_stock(self.scenario, sku).filled for sku in SKUS)
        for order in ORDERS:
            reservation = _reservation(self.scenario, order)
            assert isinstance(reservation, Unreserved) or reservation.kept


def _stock(scenario: Scenario, sku: str) -> StockItem:
    item: StockItem = scenario.states.get(STOCK.stream(sku), STOCK.initial)
    return item


def _reservation(scenario: Scenario, order: str) -> Reservation:
    reservation: Reservation = scenario.states.get(RESERVATION.stream(order), RESERVATION.initial)
    return reservation


def _plans(reservation: Reservation) -> Iterator[FulfilmentPlan]:
    if not isinstance(reservation, Unreserved):
        yield from reservation.fulfilments


TestStock = StockMachine.TestCase
TestStock.settings = settings(max_examples=80, stateful_step_count=50)

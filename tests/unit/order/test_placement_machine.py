"""An order among services that answer in any order, twice, late or not at all."""

from datetime import timedelta
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import TypeAdapter

from services.order.diagram import transitions
from services.order.domain.holds import open_holds
from services.order.domain.messages import TakeChannelOrder
from services.order.domain.model import model
from services.order.domain.order import ORDER, Approved, Cancelled, Completed, Order
from services.order.domain.placement import PLACEMENT, AwaitingPayment, Placement
from services.order.domain.review import Finding, ReviewFacts
from services.order.domain.saga import STEPS
from shared.events.order import ApproveOrder, CancelOrder, OpenHold, PayAgain, RejectOrder, ReleaseHold
from shared.events.payload import Command, Payload
from shared.events.registry import topic_of
from shared.eventsourcing.decider import NOTHING, Reminder
from shared.eventsourcing.testing import NOON, Outcome, Scenario
from tests.unit.order.neighbours import Inventory, Payment, Shipping
from tests.unit.order.samples import NUMBER, OTHER_CARD, T0, channel_order, line, take

PLACEMENT_STATE: TypeAdapter[Placement] = TypeAdapter(Placement)
ORDER_STATE: TypeAdapter[Order] = TypeAdapter(Order)
KNOWN_TRANSITIONS = transitions()


def review(facts: ReviewFacts) -> tuple[Finding, ...]:
    if facts.order.notes == "look":
        return (Finding(reason="amount_over_limit", owner="sales", explanation="look"),)
    if facts.occasion == "shortage" and facts.order.priority > 1:
        return (Finding(reason="shortage", owner="sales", explanation="short"),)
    return ()


class Placements(RuleBasedStateMachine):
    """One order, three neighbours with a queue in and out each, a clock and a person."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario(model(review=review))
        self.now = NOON
        self.inventory = Inventory(NUMBER)
        self.payment = Payment(NUMBER)
        self.shipping = Shipping(NUMBER, self.inventory)
        self.reminders: list[Reminder] = []
        self.statements = count(1)
        self.stated: dict[str, object] = {}

    @property
    def neighbours(self) -> tuple[Inventory, Payment, Shipping]:
        return (self.inventory, self.payment, self.shipping)

    @property
    def order(self) -> Order:
        found: Order = self.scenario.states.get(ORDER.stream(NUMBER), ORDER.initial)
        return found

    @property
    def placement(self) -> Placement:
        found: Placement = self.scenario.states.get(PLACEMENT.stream(NUMBER), PLACEMENT.initial)
        return found

    @property
    def ended(self) -> bool:
        return isinstance(self.order, Cancelled | Completed)

    @property
    def quiet(self) -> bool:
        return not any(one.requests or one.answers for one in self.neighbours)

    def say(self, message: Payload) -> Outcome:
        """Let the service decide one message, and carry what follows to the neighbours."""
        self.now += timedelta(milliseconds=1)
        before = self.placement.status
        outcome = self.scenario.at(self.now).when(message, actor="ann", reason="because")
        self.scenario = outcome.after
        for command in outcome.commands:
            self._send(command)
            assert type(command) in STEPS[type(self.placement)].sends, (self.placement.status, command)
        self.reminders += outcome.reminders
        after = self.placement.status
        assert before == after or (before, after) in KNOWN_TRANSITIONS, (before, after, message)
        assert PLACEMENT_STATE.validate_json(PLACEMENT_STATE.dump_json(self.placement)) == self.placement
        assert ORDER_STATE.validate_json(ORDER_STATE.dump_json(self.order)) == self.order
        return outcome

    def _send(self, command: Command) -> None:
        owner = topic_of(type(command)).partition(".")[0]
        requests = {
            "inventory": self.inventory.requests,
            "payment": self.payment.requests,
            "shipping": self.shipping.requests,
        }
        requests[owner].append(command)

    def _statement(self, **changes: object) -> TakeChannelOrder:
        updated = T0 + timedelta(minutes=next(self.statements))
        self.stated = changes
        return take(channel_order(channel_updated_at=updated, **changes))

    @initialize(
        allow_partial=st.booleans(),
        allow_backorder=st.booleans(),
        priority=st.integers(0, 2),
        price=st.sampled_from([0, 7, 500]),
        look=st.booleans(),
    )
    def place(self, allow_partial: bool, allow_backorder: bool, priority: int, price: int, look: bool) -> None:
        lines = (line("L1", "A", 3, price), line("L2", "B", 1, price))
        self.say(
            self._statement(
                lines=lines,
                allow_partial=allow_partial,
                allow_backorder=allow_backorder,
                priority=priority,
                notes="look" if look else "",
            )
        )

    @precondition(lambda self: any(one.requests for one in self.neighbours))
    @rule(which=st.integers(0, 2), willing=st.sampled_from([True, True, True, False]), twice=st.booleans())
    def a_neighbour_works(self, which: int, willing: bool, twice: bool) -> None:
        busy = [one for one in self.neighbours if one.requests]
        neighbour = busy[which % len(busy)]
        if twice:
            neighbour.requests.insert(1, neighbour.requests[0])
        neighbour.carry_out(willing)

    @precondition(lambda self: any(one.answers for one in self.neighbours))
    @rule(which=st.integers(0, 2), twice=st.booleans())
    def an_answer_comes(self, which: int, twice: bool) -> None:
        answering = [one for one in self.neighbours if one.answers]
        answer = answering[which % len(answering)].answers.popleft()
        self.say(answer)
        if twice:
            self.say(answer)

    @precondition(lambda self: "ready" in self.shipping.parcels.values())
    @rule()
    def a_parcel_leaves(self) -> None:
        self.shipping.dispatch()

    @precondition(lambda self: not {"left", "cancelled"}.isdisjoint(self.shipping.parcels.values()))
    @rule()
    def a_parcel_goes_astray(self) -> None:
        self.shipping.go_wrong()

    @precondition(lambda self: "left" in self.shipping.parcels.values())
    @rule()
    def a_parcel_arrives(self) -> None:
        self.shipping.deliver(self.now)

    @precondition(lambda self: self.inventory.waiting)
    @rule()
    def stock_arrives(self) -> None:
        self.inventory.stock_arrives()

    @precondition(lambda self: self.inventory.reserved and not self.inventory.kept)
    @rule(now=st.sampled_from([False, False, True]))
    def the_reservation_grows_old(self, now: bool) -> None:
        if now and self.inventory.expires_at:
            self.now = max(self.now, self.inventory.expires_at)

    @precondition(lambda self: self.inventory.may_expire(self.now))
    @rule()
    def the_reservation_expires(self) -> None:
        self.inventory.expire()

    @precondition(lambda self: self.payment.live > self.payment.lapsed)
    @rule(now=st.sampled_from([False, False, True]))
    def the_authorisation_lapses(self, now: bool) -> None:
        if now:
            self.payment.lapse()

    @precondition(lambda self: self.reminders)
    @rule(before_the_answers=st.sampled_from([False, False, True]))
    def time_passes(self, before_the_answers: bool) -> None:
        if self.quiet or before_the_answers:
            self._to_the_next_deadline()

    def _to_the_next_deadline(self) -> None:
        self.reminders.sort(key=lambda reminder: reminder.at)
        reminder = self.reminders.pop(0)
        self.now = max(self.now, reminder.at)
        self.say(reminder.message)

    @precondition(lambda self: bool(open_holds(self.order)))
    @rule(which=st.integers(0, 5), street=st.sampled_from(["", "2 High Street"]))
    def a_person_releases(self, which: int, street: str) -> None:
        holds = open_holds(self.order)
        hold_id = holds[which % len(holds)].hold_id
        self.say(ReleaseHold(order_number=NUMBER, hold_id=hold_id, street=street))

    @rule(
        what=st.sampled_from(["cancel", "hold", "approve", "reject", "pay", "restate", "restate", "annotate"]),
        price=st.sampled_from([0, 9, 700]),
    )
    def someone_interferes(self, what: str, price: int) -> None:
        match what:
            case "cancel":
                self.say(CancelOrder(order_number=NUMBER))
            case "hold":
                self.say(OpenHold(order_number=NUMBER, explanation="wait"))
            case "approve":
                self.say(ApproveOrder(order_number=NUMBER))
            case "reject":
                self.say(RejectOrder(order_number=NUMBER))
            case "pay":
                self.say(PayAgain(order_number=NUMBER, payment=OTHER_CARD))
            case "restate":
                lines = (line("L1", "B", 2, price), line("L3", "C", 1, price))
                self.say(self._statement(lines=lines))
            case "annotate":
                self.say(self._statement(**{**self.stated, "notes": "ring twice"}))

    @invariant()
    def never_more_is_captured_than_authorised(self) -> None:
        assert sum(self.payment.captured.values()) <= self.payment.authorised

    @invariant()
    def an_order_that_ended_leaves_nothing_behind(self) -> None:
        if self.ended and self.quiet:
            assert self.inventory.reserved == {}
            assert self.inventory.waiting is None
            assert self.payment.live == 0
            assert set(self.shipping.parcels.values()) <= {"delivered", "cancelled"}
        if isinstance(self.order, Cancelled):
            assert "delivered" not in self.shipping.parcels.values()
            assert self.payment.captured == {}

    @invariant()
    def the_reservation_outlasts_the_time_to_pay_again(self) -> None:
        if isinstance(self.placement, AwaitingPayment):
            assert self.inventory.expires_at
            assert self.placement.window_until < self.inventory.expires_at

    @invariant()
    def an_order_ends_or_stands_on_a_hold_or_on_a_deadline(self) -> None:
        assert self.ended or not self.quiet or open_holds(self.order) or self._has_deadline()

    def _has_deadline(self) -> bool:
        return any(
            self.scenario.at(reminder.at).when(reminder.message).decision != NOTHING for reminder in self.reminders
        )

    def teardown(self) -> None:
        """With willing neighbours, released holds and time, every order comes to its end."""
        if self.order == ORDER.initial:
            return
        for _ in range(400):
            if self.ended and self.quiet:
                break
            self._go_on()
        assert self.ended, (self.order, self.placement)
        self.an_order_that_ended_leaves_nothing_behind()

    def _go_on(self) -> None:
        for neighbour in self.neighbours:
            while neighbour.requests:
                neighbour.carry_out(willing=True)
            while neighbour.answers:
                self.say(neighbour.answers.popleft())
        if not self.quiet or self.ended:
            return
        if isinstance(self.order, Approved) and isinstance(self.placement, AwaitingPayment):
            self.say(PayAgain(order_number=NUMBER, payment=OTHER_CARD))
        for hold in open_holds(self.order):
            self.say(ReleaseHold(order_number=NUMBER, hold_id=hold.hold_id))
        self.inventory.stock_arrives()
        self.shipping.dispatch()
        self.shipping.deliver(self.now)
        if not any(one.requests or one.answers for one in self.neighbours) and self.reminders:
            self._to_the_next_deadline()


TestPlacements = Placements.TestCase
TestPlacements.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

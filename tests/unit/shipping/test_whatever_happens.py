"""Whatever carrier, people and network do, in whatever order: no label is left, nothing leaves twice."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.shipping.domain.messages import (
    CarrierSilent,
    HandoverAnswered,
    HandoverDeclined,
    LabelAnswered,
    LabelDeclined,
    ParcelTracked,
    QuotesAnswered,
    VoidAnswered,
    VoidDeclined,
)
from services.shipping.domain.model import model
from services.shipping.domain.policy import Policy
from services.shipping.domain.shipment import SHIPMENT, Open
from shared.events.payload import Command, Event
from shared.events.shipping import (
    ConfirmDelivered,
    ConfirmPacked,
    ConfirmPicked,
    DispatchParcel,
    HandoverRequested,
    LabelRequested,
    LabelVoidRequested,
    QuotesRequested,
    ShipmentCancellationRefused,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    TrackingStatus,
)
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.shipping.road import (
    CANCEL,
    ELSEWHERE,
    FULFILMENT,
    HOLD,
    HOME,
    QUOTES,
    REQUEST,
    STREAM,
    WHO,
    resume,
)

PICKED = ConfirmPicked(**WHO)
PACKED = ConfirmPacked(**WHO, weight_grams=2300)
HEAVIER = ConfirmPacked(**WHO, weight_grams=2700)
DISPATCH = DispatchParcel(**WHO)
ARRIVED = ConfirmDelivered(**WHO)

Intent = QuotesRequested | LabelRequested | LabelVoidRequested | HandoverRequested

JOURNEY: tuple[TrackingStatus, ...] = (
    "accepted",
    "in_transit",
    "delayed",
    "exception",
    "out_for_delivery",
    "delivered",
)


@dataclass
class SoldLabel:
    """A label in the carrier's own books."""

    label_id: str
    status: str = "bought"
    reported: int = 0


@dataclass
class ModelCarrier:
    """A carrier that honours its keys, as its protocol has it."""

    labels: dict[str, SoldLabel] = field(default_factory=dict)
    answers: dict[str, Command] = field(default_factory=dict)
    """What was answered first under each key of a label."""
    asked: dict[str, LabelRequested] = field(default_factory=dict)
    """What was asked first under each key of a label."""

    def carry_out(self, intent: Intent, *, refuse: bool) -> Command:
        match intent:
            case QuotesRequested():
                return QuotesAnswered(**WHO, asked=intent.asked, quotes=QUOTES)
            case LabelRequested(idempotency_key=key):
                first = self.asked.setdefault(key, intent)
                assert first == intent.model_copy(update={"asked": first.asked}), "another body under one key"
                if key not in self.answers:
                    self.answers[key] = self._refuse(key) if refuse else self._sell(key)
                return self.answers[key]
            case LabelVoidRequested(label_id=label_id):
                if self.labels[label_id].status == "handed_over":
                    return VoidDeclined(**WHO, label_id=label_id)
                self.labels[label_id].status = "voided"
                return VoidAnswered(**WHO, label_id=label_id)
            case HandoverRequested(label_id=label_id):
                if self.labels[label_id].status == "voided":
                    return HandoverDeclined(**WHO, label_id=label_id)
                self.labels[label_id].status = "handed_over"
                return HandoverAnswered(**WHO, label_id=label_id)

    def _sell(self, key: str) -> LabelAnswered:
        label_id = f"lbl_{len(self.labels) + 1}"
        self.labels[label_id] = SoldLabel(label_id)
        return LabelAnswered(
            **WHO,
            idempotency_key=key,
            label_id=label_id,
            tracking_number=f"CR-{label_id}",
            amount=760,
            currency="USD",
            promised_at=NOON + timedelta(days=5),
        )

    def _refuse(self, key: str) -> LabelDeclined:
        return LabelDeclined(**WHO, idempotency_key=key, refusal_code="address_refused", explanation="")

    def report(self) -> list[ParcelTracked]:
        """The next report on every parcel on its way."""
        reports = []
        for label in self.labels.values():
            if label.status == "handed_over" and label.reported < len(JOURNEY):
                moment = NOON + timedelta(hours=label.reported)
                reports.append(
                    ParcelTracked(
                        **WHO,
                        tracking_number=f"CR-{label.label_id}",
                        status=JOURNEY[label.reported],
                        occurred_at=moment,
                        estimated_at=NOON + timedelta(days=7),
                    )
                )
                label.reported += 1
        return reports

    def with_status(self, status: str) -> int:
        return sum(label.status == status for label in self.labels.values())


class Shipping(RuleBasedStateMachine):
    """One shipment; every message may be late, doubled, and overtaken by others."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario: Scenario = Scenario(model())
        self.carrier = ModelCarrier()
        self.history: list[Event] = []
        self.intents: list[Intent] = []
        self.answers: list[Command] = []
        self.reminders: list[Reminder] = []
        self.cancels = 0

    @initialize(
        policy=st.sampled_from((Policy(), Policy(warehouse="manual"), Policy(picking_takes=timedelta(minutes=5)))),
        first=st.sampled_from((REQUEST,) * 6 + (HOLD, CANCEL)),
        rounds=st.sampled_from((1, 1, 1, 2, 2, 0, 3)),
    )
    def begin(self, policy: Policy, first: Command, rounds: int) -> None:
        """All is well for some rounds."""
        self.scenario = Scenario(model(policy))
        self.take(first)
        for _ in range(rounds):
            self.take(PICKED)
            self.take(PACKED)
            self.settle()

    def take(self, message: Command) -> None:
        self.cancels += message == CANCEL
        outcome = self.scenario.when(message)
        self.scenario = outcome.after
        self.history += outcome.events
        self.reminders += outcome.reminders
        self.intents += [event for event in outcome.events if isinstance(event, Intent)]

    @property
    def status(self) -> str:
        return str(self.scenario.states.get(STREAM, SHIPMENT.initial).status)

    @rule(message=st.sampled_from((HOLD, resume(HOME), resume(ELSEWHERE), REQUEST, CANCEL)))
    def the_order_service_speaks(self, message: Command) -> None:
        self.take(message)

    @rule(message=st.sampled_from((PICKED, PACKED, HEAVIER, DISPATCH, ARRIVED)))
    def people_confirm(self, message: Command) -> None:
        self.take(message)

    @precondition(lambda self: self.intents)
    @rule(
        choice=st.integers(0, 99),
        fate=st.sampled_from(("answered", "answered", "refused", "lost before", "lost after")),
        again=st.booleans(),
    )
    def an_intent_is_carried_out(self, choice: int, fate: str, again: bool) -> None:
        intent = self.intents[choice % len(self.intents)]
        if not again:
            self.intents.remove(intent)
        answer = None if fate == "lost before" else self.carrier.carry_out(intent, refuse=fate == "refused")
        if answer is None or fate == "lost after":
            key = f"{FULFILMENT}-quotes" if isinstance(intent, QuotesRequested) else intent.idempotency_key
            answer = CarrierSilent(**WHO, idempotency_key=key, asked=intent.asked, explanation="silence")
        self.answers.append(answer)

    @precondition(lambda self: self.answers)
    @rule(choice=st.integers(0, 99), again=st.booleans())
    def an_answer_or_a_report_arrives(self, choice: int, again: bool) -> None:
        answer = self.answers[choice % len(self.answers)]
        if not again:
            self.answers.remove(answer)
        self.take(answer)

    @precondition(lambda self: self.carrier.with_status("handed_over"))
    @rule(times=st.integers(1, len(JOURNEY)))
    def the_carrier_reports(self, times: int) -> None:
        for _ in range(times):
            self.answers += self.carrier.report()

    @precondition(lambda self: self.carrier.with_status("handed_over"))
    @rule(backwards=st.booleans())
    def its_reports_overtake_its_answers(self, backwards: bool) -> None:
        reports = [answer for answer in self.answers if isinstance(answer, ParcelTracked)]
        for report in reversed(reports) if backwards else reports:
            self.answers.remove(report)
            self.take(report)

    @precondition(lambda self: self.reminders)
    @rule(choice=st.integers(0, 99), again=st.booleans())
    def a_reminder_is_due(self, choice: int, again: bool) -> None:
        reminder = self.reminders[choice % len(self.reminders)]
        if not again:
            self.reminders.remove(reminder)
        self.scenario = self.scenario.at(max(self.scenario.now, reminder.at))
        self.take(reminder.message)

    def settle(self) -> bool:
        """One round in which everything under way goes well; false when nothing was."""
        intents, self.intents = self.intents, []
        self.answers += [self.carrier.carry_out(intent, refuse=False) for intent in intents]
        self.answers += self.carrier.report()
        answers, self.answers = self.answers, []
        reminders, self.reminders = self.reminders, []
        for message in (*answers, *(reminder.message for reminder in reminders)):
            self.take(message)
        self.scenario = replace(self.scenario, now=self.scenario.now + timedelta(minutes=10))
        return bool(intents or answers or reminders)

    def stated(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.history)

    @invariant()
    def at_most_one_label_is_live(self) -> None:
        assert self.carrier.with_status("bought") + self.carrier.with_status("handed_over") <= 1

    @invariant()
    def it_leaves_and_arrives_at_most_once(self) -> None:
        assert self.stated(ShipmentDispatched) <= 1
        assert self.stated(ShipmentDelivered) <= self.stated(ShipmentDispatched)

    @invariant()
    def what_is_cancelled_has_no_label_and_never_leaves(self) -> None:
        if self.stated(ShipmentCancelled):
            assert self.status == "cancelled"
            assert not self.stated(ShipmentDispatched)
            assert not self.stated(ShipmentCancellationRefused)
            assert not self.carrier.with_status("bought") + self.carrier.with_status("handed_over")

    @invariant()
    def what_waits_for_the_carrier_is_never_left_without_a_reminder(self) -> None:
        state = self.scenario.states.get(STREAM, SHIPMENT.initial)
        waits = state.status in {"requested", "labelling", "voiding", "handing_over"}
        if waits and not (state.status == "requested" and not state.parcel.quotes_asked):
            assert self.reminders

    def teardown(self) -> None:
        """Let the network and the carrier recover: everything comes to its end."""
        for _ in range(200):
            if not self.settle():
                break
        else:
            raise AssertionError("it never comes to rest")
        state = self.scenario.states.get(STREAM, SHIPMENT.initial)
        left, cancelled = self.stated(ShipmentDispatched), self.stated(ShipmentCancelled)
        assert self.stated(ShipmentDelivered) == left == self.carrier.with_status("handed_over")
        if self.cancels:
            assert (cancelled > 0) != (self.stated(ShipmentCancellationRefused) > 0)
            assert (cancelled > 0) != (left > 0)
        elif isinstance(state, Open) and not state.parcel.held:
            assert self.status in {"refused", "picking", "picked", "labelled"}
        live = self.carrier.with_status("bought")
        assert live == (self.status == "labelled")


Shipping.TestCase.settings = settings(max_examples=300, stateful_step_count=25)
TestWhateverHappens = Shipping.TestCase

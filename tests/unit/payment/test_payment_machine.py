"""Whatever the gateway does to us, the books agree with it in the end, and no rule of money is ever broken."""

from datetime import timedelta
from typing import Any, Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import TypeAdapter

from services.payment.domain.evolve import PAYMENT
from services.payment.domain.ledger import entries
from services.payment.domain.model import model
from services.payment.domain.payment import PREPAID, Payment, Requested
from services.payment.effects import effects
from shared.events.payload import Event, Payload
from shared.events.payment import (
    AuthorisePayment,
    CapturePayment,
    PaymentAnomalyDetected,
    PaymentVoided,
    RefundPayment,
    VoidPayment,
)
from shared.events.values import PaymentMethod
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.payment.model_gateway import ModelGateway

ORDER = "7Q2M-XH4T-9KFD"
CODEC = TypeAdapter(PAYMENT.state_type)
LARGE = st.sampled_from([100, 70, 100, 0])
SMALL = st.sampled_from([20, 30, 40, 60, 30, 20, 0])
MOST_ATTEMPTS = 4
RARELY = st.sampled_from([False, False, False, True])
MOSTLY = st.sampled_from([True, True, True, False])
ANY = st.integers(min_value=0, max_value=1_000)
FATES = st.sampled_from(["", "", "request", "answer", "late"])


class PaymentMachine(RuleBasedStateMachine):
    """One order, its commands, the calls under way, answers and notices in any order, twice, late or never."""

    @initialize()
    def begin(self) -> None:
        self.scenario = Scenario(model())
        self.gateway = ModelGateway(now=NOON)
        self.calls = effects(self.gateway)
        self.intents: list[Event] = []
        self.late: list[Payload] = []
        self.reminders: list[Reminder] = []
        self.log: list[Event] = []
        self.fulfilments = self.refunds = 0
        self.attempt = 1
        self._authorise(1, 100, PaymentMethod(kind="card", token="tok"), at_once=True)

    # Commands

    @precondition(lambda self: self.attempt < MOST_ATTEMPTS)
    @rule(amount=LARGE, kind=st.sampled_from(["card", "card", "card", "prepaid"]), at_once=MOSTLY)
    def authorise(self, amount: int, kind: Literal["card", "prepaid"], at_once: bool) -> None:
        self.attempt += 1
        reference = f"REF-{self.attempt}" if kind == "prepaid" else ""
        self._authorise(self.attempt, amount, PaymentMethod(kind=kind, token="tok", reference=reference), at_once)

    @rule(again=RARELY, which=ANY, amount=SMALL, at_once=RARELY)
    def capture(self, again: bool, which: int, amount: int, at_once: bool) -> None:
        self.fulfilments += not again
        name = f"{ORDER}-F{which % (self.fulfilments + 1) if again else self.fulfilments}"
        command = CapturePayment(order_number=ORDER, fulfilment_id=name, amount=amount, currency="EUR")
        self._take(command, at_once)

    @precondition(lambda self: self.gateway.captures)
    @rule(again=RARELY, which=ANY, amount=SMALL, at_once=RARELY)
    def refund(self, again: bool, which: int, amount: int, at_once: bool) -> None:
        self.refunds += not again
        name = f"R{which % (self.refunds + 1) if again else self.refunds}"
        command = RefundPayment(order_number=ORDER, refund_id=name, amount=amount, currency="EUR")
        self._take(command, at_once)

    @rule(what=st.sampled_from(["void", "authorise again", "expire", "nothing"]), which=ANY)
    def disturb(self, what: str, which: int) -> None:
        accounts = list(self.gateway.accounts.values())
        match what:
            case "void" if which % 2:
                self._take(VoidPayment(order_number=ORDER))
            case "authorise again" if self.attempt:
                method = PaymentMethod(kind="card", token="tok")
                self._authorise(1 + which % self.attempt, 100, method, at_once=False)
            case "expire" if len(accounts) > 1 and which % 3 == 0:
                accounts[which % len(accounts)].expired = True

    # What happens between us and the gateway

    @precondition(lambda self: self.intents)
    @rule(which=ANY, fate=FATES, refuse=RARELY, twice=RARELY)
    def carry_out(self, which: int, fate: str, refuse: bool, twice: bool) -> None:
        intent = self.intents[which % len(self.intents)]
        if not twice:
            self.intents.remove(intent)
        self.gateway.lose, self.gateway.refuse = fate if fate != "late" else "", refuse
        answer = self._called(intent)
        if fate == "late":
            self.late.append(answer)
            answer = answer.model_copy(update={"outcome": "unknown", "explanation": "late"})
        self._take(answer)

    @precondition(lambda self: self.late or self.gateway.notices or self.reminders)
    @rule(which=ANY, twice=RARELY)
    def something_arrives(self, which: int, twice: bool) -> None:
        waiting = (self.late, self.gateway.notices, self.reminders)
        choices = [(queue, place) for queue in waiting for place in range(len(queue))]
        queue, place = choices[which % len(choices)]
        arrived = queue[place] if twice else queue.pop(place)
        if isinstance(arrived, Reminder):
            self._remind(arrived)
        else:
            self._take(arrived)

    @rule()
    def all_answers_come_in(self) -> None:
        self._settle()
        self._agrees_with_the_gateway()

    def teardown(self) -> None:
        """In the end a void leaves nothing authorised, here and there."""
        if not hasattr(self, "scenario"):
            return
        self._settle()
        self._agrees_with_the_gateway()
        self._take(VoidPayment(order_number=ORDER))
        self._settle()
        self._agrees_with_the_gateway()
        assert not self._payment.void_owed
        assert any(isinstance(event, PaymentVoided) for event in self.log)
        assert all(one.uncaptured == 0 for one in self._payment.authorisations)
        assert all(account.set_aside == 0 for account in self.gateway.accounts.values())

    # What is always so

    @invariant()
    def never_more_captured_than_authorised(self) -> None:
        for account in self.gateway.accounts.values():
            assert account.captured + account.voided <= account.amount
        for authorisation in self._payment.authorisations:
            assert 0 <= authorisation.captured <= authorisation.amount
            assert self._payment.uncommitted(authorisation) >= 0

    @invariant()
    def never_more_refunded_than_captured(self) -> None:
        for collected in self.gateway.captures.values():
            assert collected.refunded <= collected.amount
        for capture in self._payment.captures:
            assert all(0 <= part.refunded <= part.amount for part in capture.parts)

    @invariant()
    def the_gateway_is_never_asked_for_too_much_and_never_contradicts(self) -> None:
        assert self.gateway.refused_wrongly == []
        anomalies = [event for event in self.log if isinstance(event, PaymentAnomalyDetected)]
        assert [one for one in anomalies if "try_later" not in one.explanation] == []

    @invariant()
    def the_ledger_balances_fact_by_fact(self) -> None:
        for event in self.log:
            booked = entries(event)
            assert sum(entry.debit for entry in booked) == sum(entry.credit for entry in booked)

    @invariant()
    def the_ledger_has_set_aside_what_is_neither_captured_nor_let_go(self) -> None:
        booked = [entry for event in self.log for entry in entries(event) if entry.account == "authorised"]
        set_aside = sum(one.uncaptured for one in self._payment.authorisations)
        assert sum(entry.debit - entry.credit for entry in booked) == set_aside

    @invariant()
    def the_state_survives_storage(self) -> None:
        assert CODEC.validate_json(CODEC.dump_json(self._payment)) == self._payment

    # How it is done

    @property
    def _payment(self) -> Payment:
        state: Payment = self.scenario.states.get(PAYMENT.stream(ORDER), PAYMENT.initial)
        return state

    def _authorise(self, attempt: int, amount: int, method: PaymentMethod, at_once: bool) -> None:
        command = AuthorisePayment(
            order_number=ORDER, attempt=attempt, amount=amount, currency="EUR", payment=method
        )
        self._take(command, at_once)

    def _take(self, message: Payload, answer_at_once: bool = False) -> None:
        outcome = self.scenario.when(message)
        self.scenario = outcome.after
        self.log.extend(outcome.events)
        self.intents.extend(event for event in outcome.events if type(event) in self.calls)
        self.reminders.extend(outcome.reminders)
        if answer_at_once and self.intents:
            self._take(self._called(self.intents.pop()))

    def _remind(self, reminder: Reminder) -> None:
        self.scenario = self.scenario.at(max(self.scenario.now, reminder.at))
        self.gateway.now = self.scenario.now
        self._take(reminder.message)

    def _called(self, intent: Event) -> Any:
        call: Any = self.calls[type(intent)](intent)
        try:
            call.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("the model gateway waits for nothing")

    def _settle(self) -> None:
        """Every call is answered clearly, every wait comes to its end; expiries far ahead are left alone."""
        self.gateway.lose, self.gateway.refuse = "", False
        soon = self.scenario.now + timedelta(hours=1)
        while self.intents or self.late or self._due(soon):
            for intent in list(self.intents):
                self.intents.remove(intent)
                self._take(self._called(intent))
            while self.late:
                self._take(self.late.pop())
            for reminder in self._due(soon):
                self.reminders.remove(reminder)
                self._remind(reminder)
        while self.gateway.notices:
            self._take(self.gateway.notices.pop())

    def _due(self, until: Any) -> list[Reminder]:
        return [reminder for reminder in self.reminders if reminder.at <= until]

    def _agrees_with_the_gateway(self) -> None:
        payment = self._payment
        balance = dict.fromkeys(("authorised", "gateway_clearing", "channel_clearing"), 0)
        for event in self.log:
            for entry in entries(event):
                balance[entry.account] = balance.get(entry.account, 0) + entry.debit - entry.credit
        at_gateway = [one for one in payment.authorisations if one.at_gateway]
        prepaid = sum(one.uncaptured for one in payment.authorisations if one.authorisation_id.startswith(PREPAID))
        assert not any(isinstance(attempt, Requested) for attempt in payment.attempts)
        assert not payment.capturing
        assert {one.authorisation_id: (one.captured, one.uncaptured) for one in at_gateway} == {
            name: (account.captured, account.set_aside) for name, account in self.gateway.accounts.items()
        }
        assert balance["authorised"] - prepaid == sum(
            account.set_aside for account in self.gateway.accounts.values()
        )
        assert balance["gateway_clearing"] == sum(
            collected.amount - collected.refunded for collected in self.gateway.captures.values()
        )


PaymentMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
TestThePayment = PaymentMachine.TestCase

"""Whatever the gateway does to us, the books agree with it in the end, and no rule of money is ever broken."""

from datetime import timedelta
from typing import Any

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
AMOUNTS = st.integers(min_value=0, max_value=100)
ANY = st.integers(min_value=0, max_value=1_000)
FATES = st.sampled_from(["", "", "", "request", "answer"])


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
        self.attempt = 0
        self.commands = 0

    # Commands

    @rule(amount=AMOUNTS, prepaid=st.booleans())
    def authorise(self, amount: int, prepaid: bool) -> None:
        self.attempt += 1
        reference = f"REF-{self.attempt}" if prepaid else ""
        method = PaymentMethod(kind="prepaid" if prepaid else "card", token="tok", reference=reference)
        self._authorise(self.attempt, amount, method)

    @precondition(lambda self: self.attempt > 0)
    @rule(which=ANY, amount=AMOUNTS)
    def authorise_again(self, which: int, amount: int) -> None:
        self._authorise(1 + which % self.attempt, amount, PaymentMethod(kind="card", token="tok"))

    @rule()
    def void(self) -> None:
        self._take(VoidPayment(order_number=ORDER))

    @rule(fulfilment=st.integers(1, 3), amount=AMOUNTS)
    def capture(self, fulfilment: int, amount: int) -> None:
        self._take(
            CapturePayment(
                order_number=ORDER, fulfilment_id=f"{ORDER}-F{fulfilment}", amount=amount, currency="EUR"
            )
        )

    @rule(refund=st.integers(1, 3), amount=AMOUNTS)
    def refund(self, refund: int, amount: int) -> None:
        self._take(RefundPayment(order_number=ORDER, refund_id=f"R{refund}", amount=amount, currency="EUR"))

    # What happens between us and the gateway

    @precondition(lambda self: self.intents)
    @rule(which=ANY, fate=FATES, refuse=st.booleans(), twice=st.booleans())
    def carry_out(self, which: int, fate: str, refuse: bool, twice: bool) -> None:
        intent = self.intents[which % len(self.intents)]
        if not twice:
            self.intents.remove(intent)
        self.gateway.lose, self.gateway.refuse = fate, refuse
        self._take(self._called(intent))

    @precondition(lambda self: self.intents)
    @rule(which=ANY, refuse=st.booleans())
    def carry_out_with_a_late_answer(self, which: int, refuse: bool) -> None:
        intent = self.intents.pop(which % len(self.intents))
        self.gateway.refuse = refuse
        answer = self._called(intent)
        self.late.append(answer)
        self._take(answer.model_copy(update={"outcome": "unknown", "explanation": "late"}))

    @precondition(lambda self: self.late)
    @rule(which=ANY)
    def a_late_answer_arrives(self, which: int) -> None:
        self._take(self.late.pop(which % len(self.late)))

    @precondition(lambda self: self.gateway.notices)
    @rule(which=ANY, twice=st.booleans())
    def a_notice_arrives(self, which: int, twice: bool) -> None:
        notice = self.gateway.notices[which % len(self.gateway.notices)]
        if not twice:
            self.gateway.notices.remove(notice)
        self._take(notice)

    @precondition(lambda self: self.reminders)
    @rule(which=ANY, twice=st.booleans())
    def a_reminder_is_due(self, which: int, twice: bool) -> None:
        reminder = self.reminders[which % len(self.reminders)]
        if not twice:
            self.reminders.remove(reminder)
        self._remind(reminder)

    @precondition(lambda self: self.gateway.accounts)
    @rule(which=ANY)
    def an_authorisation_expires(self, which: int) -> None:
        accounts = list(self.gateway.accounts.values())
        accounts[which % len(accounts)].expired = True

    @rule()
    def all_answers_come_in(self) -> None:
        self._settle()
        self._agrees_with_the_gateway()

    @rule()
    def a_void_leaves_nothing_authorised(self) -> None:
        self._take(VoidPayment(order_number=ORDER))
        self._settle()
        payment = self._payment
        assert not payment.void_owed
        assert any(isinstance(event, PaymentVoided) for event in self.log)
        assert all(authorisation.uncaptured == 0 for authorisation in payment.authorisations)
        assert all(account.set_aside == 0 for account in self.gateway.accounts.values())
        self._agrees_with_the_gateway()

    def teardown(self) -> None:
        if hasattr(self, "scenario"):
            self._settle()
            self._agrees_with_the_gateway()

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
    def the_state_survives_storage(self) -> None:
        assert CODEC.validate_json(CODEC.dump_json(self._payment)) == self._payment

    # How it is done

    @property
    def _payment(self) -> Payment:
        state: Payment = self.scenario.states.get(PAYMENT.stream(ORDER), PAYMENT.initial)
        return state

    def _authorise(self, attempt: int, amount: int, method: PaymentMethod) -> None:
        self._take(
            AuthorisePayment(order_number=ORDER, attempt=attempt, amount=amount, currency="EUR", payment=method)
        )

    def _take(self, message: Payload) -> None:
        outcome = self.scenario.when(message)
        self.scenario = outcome.after
        self.log.extend(outcome.events)
        self.intents.extend(event for event in outcome.events if type(event) in self.calls)
        self.reminders.extend(outcome.reminders)

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
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestThePayment = PaymentMachine.TestCase

"""A payment gateway after docs/protocols/gateway.md, in memory, with a ledger that nobody else writes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from services.payment.domain.messages import GatewayNotified
from services.payment.gateway import Authorised, Captured, Outcome, Refunded, Renewed, Voided
from shared.eventsourcing.partners import Refused, Unknown
from tests.simulation.processes import Process
from tests.simulation.wire import Wire

A = TypeVar("A")
LIFETIME = timedelta(days=7)
IMPOSSIBLE = ("idempotency_conflict", "not_found", "exceeds_authorised", "exceeds_captured")
"""Refusals that a service which keeps its own books never meets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One line of the ledger: money set aside, collected, let go or paid back, in minor units."""

    operation: str
    operation_id: str
    authorisation_id: str
    reference: str
    amount: int
    currency: str
    key: str
    caused_by: str
    """The process whose request it was: something that only a simulation can know."""


@dataclass(slots=True)
class Account:
    """An authorisation as the gateway keeps it."""

    reference: str
    token: str
    amount: int
    currency: str
    expires_at: datetime
    captured: int = 0
    voided: int = 0
    closed: bool = False
    captures_refused: int = 0

    @property
    def set_aside(self) -> int:
        """What could still be collected, in minor units."""
        return 0 if self.closed else self.amount - self.captured


@dataclass(slots=True)
class Gateway:
    """The gateway itself."""

    now: Callable[[], datetime]
    wire: Wire
    notify: Callable[[UUID, GatewayNotified], None]
    """Takes a notice to be delivered, sooner or later, once or twice."""
    witness: Callable[[Effect], None]
    accounts: dict[str, Account] = field(default_factory=dict)
    captures: dict[str, tuple[str, int]] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    ledger: list[Effect] = field(default_factory=list)
    answers: dict[str, tuple[object, Any]] = field(default_factory=dict)
    impossible: list[str] = field(default_factory=list)

    def answer(self, key: str, request: object, decide: Callable[[], A]) -> A | Refused:
        """The first answer to a key again, or a new one."""
        if key in self.answers:
            asked, given = self.answers[key]
            if asked != request:
                return self.refuse(key, "idempotency_conflict")
            first: A = given
            return first
        given = decide()
        self.answers[key] = (request, given)
        return given

    def query(self, key: str) -> Outcome:
        """The first answer to a key."""
        _, given = self.answers.get(key, (None, Unknown("nothing was decided under this key")))
        first: Outcome = given
        return first

    def enter(self, effect: Effect, **notice: str) -> None:
        """Write an effect down and tell of it."""
        self.ledger.append(effect)
        self.witness(effect)
        kinds = {"authorise": "authorised", "capture": "captured", "void": "voided", "refund": "refunded"}
        if effect.operation in kinds:
            self._tell(kinds[effect.operation], effect)

    def refuse(self, key: str, code: str) -> Refused:
        """Refuse; a refusal that should be impossible is noted."""
        if code in IMPOSSIBLE:
            self.impossible.append(f"{key}: {code}")
        return Refused(code)

    def _tell(self, kind: str, effect: Effect, code: str = "") -> None:
        number = len(self.ledger) if kind != "declined" else len(self.answers)
        notice = GatewayNotified.model_validate(
            {
                "order_number": effect.reference,
                "kind": kind,
                "authorisation_id": effect.authorisation_id,
                "operation_id": effect.operation_id,
                "amount": effect.amount,
                "currency": effect.currency,
                "idempotency_key": effect.key,
                "code": code,
            }
        )
        self.notify(uuid5(NAMESPACE_URL, f"gateway/{kind}/{number}/{effect.operation_id}"), notice)

    def authorise(
        self, asker: str, key: str, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused:
        identity = f"auth_{len(self.answers) + 1}"
        effect = Effect(
            operation="authorise",
            operation_id=identity,
            authorisation_id=identity,
            reference=reference,
            amount=amount,
            currency=currency,
            key=key,
            caused_by=asker,
        )

        def decide() -> Authorised | Refused:
            if token == "tok_decline":
                self._tell("declined", effect, "do_not_honour")
                return self.refuse(key, "do_not_honour")
            lifetime = timedelta(minutes=2) if token == "tok_expires_soon" else LIFETIME
            self.accounts[identity] = Account(reference, token, amount, currency, self.now() + lifetime)
            self.enter(effect)
            return Authorised(identity, self.now() + lifetime)

        return self.answer(key, ("authorise", reference, amount, currency, token), decide)

    def capture(
        self, asker: str, key: str, authorisation_id: str, amount: int, currency: str
    ) -> Captured | Refused:
        def decide() -> Captured | Refused:
            account = self.accounts.get(authorisation_id)
            if account is None:
                return self.refuse(key, "not_found")
            if account.closed:
                return self.refuse(key, "voided")
            if account.expires_at <= self.now():
                return self.refuse(key, "expired")
            if amount > account.set_aside:
                return self.refuse(key, "exceeds_authorised")
            if account.token == "tok_capture_refused_once" and not account.captures_refused:
                account.captures_refused += 1
                return self.refuse(key, "processor_declined")
            identity = f"cap_{len(self.answers) + 1}"
            account.captured += amount
            self.captures[identity] = (authorisation_id, amount)
            self._book("capture", identity, authorisation_id, account, amount, key, asker)
            return Captured(identity)

        return self.answer(key, ("capture", authorisation_id, amount), decide)

    def void(self, asker: str, key: str, authorisation_id: str) -> Voided | Refused:
        def decide() -> Voided | Refused:
            account = self.accounts.get(authorisation_id)
            if account is None:
                return self.refuse(key, "not_found")
            if account.closed:
                return self.refuse(key, "already_voided")
            if not account.set_aside:
                return self.refuse(key, "already_captured")
            amount, account.voided = account.set_aside, account.set_aside
            account.closed = True
            self._book("void", f"void_{len(self.answers) + 1}", authorisation_id, account, amount, key, asker)
            return Voided(amount)

        return self.answer(key, ("void", authorisation_id), decide)

    def renew(self, asker: str, key: str, authorisation_id: str) -> Renewed | Refused:
        def decide() -> Renewed | Refused:
            account = self.accounts.get(authorisation_id)
            if account is None:
                return self.refuse(key, "not_found")
            if account.closed:
                return self.refuse(key, "voided")
            if not account.set_aside:
                return self.refuse(key, "already_captured")
            if account.expires_at <= self.now() or account.token == "tok_expires_soon":
                return self.refuse(key, "expired")
            account.expires_at = self.now() + LIFETIME
            self._book("renew", authorisation_id, authorisation_id, account, 0, key, asker)
            return Renewed(account.expires_at)

        return self.answer(key, ("renew", authorisation_id), decide)

    def refund(self, asker: str, key: str, capture_id: str, amount: int, currency: str) -> Refunded | Refused:
        def decide() -> Refunded | Refused:
            if capture_id not in self.captures:
                return self.refuse(key, "not_found")
            authorisation_id, captured = self.captures[capture_id]
            if self.refunded.get(capture_id, 0) + amount > captured:
                return self.refuse(key, "exceeds_captured")
            self.refunded[capture_id] = self.refunded.get(capture_id, 0) + amount
            account = self.accounts[authorisation_id]
            identity = f"ref_{len(self.answers) + 1}"
            self._book("refund", identity, authorisation_id, account, amount, key, asker)
            return Refunded()

        return self.answer(key, ("refund", capture_id, amount), decide)

    def _book(
        self,
        operation: str,
        identity: str,
        authorisation_id: str,
        account: Account,
        amount: int,
        key: str,
        asker: str,
    ) -> None:
        self.enter(
            Effect(
                operation=operation,
                operation_id=identity,
                authorisation_id=authorisation_id,
                reference=account.reference,
                amount=amount,
                currency=account.currency,
                key=key,
                caused_by=asker,
            )
        )


@dataclass(frozen=True, slots=True)
class GatewayConnection:
    """Implements the payment service's port for one process."""

    gateway: Gateway
    process: Process

    async def authorise(
        self, key: str, *, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused | Unknown:
        asker = self.process.name
        return await self._ask(
            "authorise", lambda: self.gateway.authorise(asker, key, reference, amount, currency, token)
        )

    async def capture(
        self, key: str, *, authorisation_id: str, amount: int, currency: str
    ) -> Captured | Refused | Unknown:
        asker = self.process.name
        return await self._ask(
            "capture", lambda: self.gateway.capture(asker, key, authorisation_id, amount, currency)
        )

    async def void(self, key: str, *, authorisation_id: str) -> Voided | Refused | Unknown:
        return await self._ask("void", lambda: self.gateway.void(self.process.name, key, authorisation_id))

    async def renew(self, key: str, *, authorisation_id: str) -> Renewed | Refused | Unknown:
        return await self._ask("renew", lambda: self.gateway.renew(self.process.name, key, authorisation_id))

    async def refund(
        self, key: str, *, capture_id: str, amount: int, currency: str
    ) -> Refunded | Refused | Unknown:
        asker = self.process.name
        return await self._ask("refund", lambda: self.gateway.refund(asker, key, capture_id, amount, currency))

    async def query(self, key: str) -> Outcome:
        return await self._ask("query", lambda: self.gateway.query(key))

    async def _ask(self, operation: str, serve: Callable[[], A]) -> A | Unknown:
        return await self.gateway.wire.ask(self.process, operation, serve, Unknown)

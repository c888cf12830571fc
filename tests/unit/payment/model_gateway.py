"""A gateway in memory that keeps its promises: one effect for each key, and the same answer again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from services.payment.domain.messages import GatewayNotified
from services.payment.gateway import Authorised, Captured, Outcome, Refunded, Renewed, Voided
from shared.eventsourcing.partners import Refused, Unknown

A = TypeVar("A")

LIFETIME = timedelta(days=7)


@dataclass
class Account:
    """An authorisation as the gateway keeps it."""

    reference: str
    amount: int
    currency: str
    captured: int = 0
    voided: int = 0
    expired: bool = False
    closed: bool = False

    @property
    def set_aside(self) -> int:
        return 0 if self.closed else self.amount - self.captured


@dataclass
class Collected:
    """A capture as the gateway keeps it."""

    account: str
    amount: int
    refunded: int = 0


@dataclass
class ModelGateway:
    """Implements the port. `lose` is what happens to the next call: its answer, or the request itself, is lost."""

    now: datetime
    accounts: dict[str, Account] = field(default_factory=dict)
    captures: dict[str, Collected] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    notices: list[GatewayNotified] = field(default_factory=list)
    lose: str = ""
    refuse: bool = False
    refused_wrongly: list[str] = field(default_factory=list)
    """Refusals that a service which keeps its own books never meets."""

    async def authorise(
        self, key: str, *, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused | Unknown:
        def decide() -> Authorised | Refused:
            identifier = f"auth_{key}"
            told = ("authorised", reference, identifier, identifier, amount, currency, key)
            if self.refuse:
                self._tell("declined", *told[1:])
                return Refused("do_not_honour")
            self.accounts[identifier] = Account(reference, amount, currency)
            self._tell(*told)
            return Authorised(identifier, self.now + LIFETIME)

        return self._answer(key, decide)

    async def capture(
        self, key: str, *, authorisation_id: str, amount: int, currency: str
    ) -> Captured | Refused | Unknown:
        def decide() -> Captured | Refused:
            account = self.accounts[authorisation_id]
            if account.expired:
                return Refused("expired")
            if account.closed or account.set_aside < amount:
                return self._wrong(key, "exceeds_authorised")
            if self.refuse:
                return Refused("processor_declined")
            account.captured += amount
            identifier = f"cap_{key}"
            self.captures[identifier] = Collected(authorisation_id, amount)
            self._tell("captured", account.reference, authorisation_id, identifier, amount, currency, key)
            return Captured(identifier)

        return self._answer(key, decide)

    async def void(self, key: str, *, authorisation_id: str) -> Voided | Refused | Unknown:
        def decide() -> Voided | Refused:
            account = self.accounts[authorisation_id]
            if account.closed or account.set_aside == 0:
                return self._wrong(key, "already_voided")
            if self.refuse:
                return Refused("try_later")
            account.voided, account.closed = account.set_aside, True
            self._tell(
                "voided",
                account.reference,
                authorisation_id,
                f"void_{key}",
                account.voided,
                account.currency,
                key,
            )
            return Voided(account.voided)

        return self._answer(key, decide)

    async def renew(self, key: str, *, authorisation_id: str) -> Renewed | Refused | Unknown:
        def decide() -> Renewed | Refused:
            account = self.accounts[authorisation_id]
            if account.closed:
                return Refused("voided")
            if account.set_aside == 0:
                return Refused("already_captured")
            return Refused("expired") if account.expired else Renewed(self.now + LIFETIME)

        return self._answer(key, decide)

    async def refund(
        self, key: str, *, capture_id: str, amount: int, currency: str
    ) -> Refunded | Refused | Unknown:
        def decide() -> Refunded | Refused:
            collected = self.captures[capture_id]
            account = self.accounts[collected.account]
            if collected.refunded + amount > collected.amount:
                return self._wrong(key, "exceeds_captured")
            if self.refuse:
                return Refused("processor_declined")
            collected.refunded += amount
            self._tell("refunded", account.reference, collected.account, f"ref_{key}", amount, currency, key)
            return Refunded()

        return self._answer(key, decide)

    async def query(self, key: str) -> Outcome:
        answer: Outcome = self.answers.get(key, Unknown("nothing was decided under this key"))
        return answer

    def _answer(self, key: str, decide: Callable[[], A]) -> A | Unknown:
        lose, self.lose = self.lose, ""
        if lose == "request":
            return Unknown("lost on the way")
        if key not in self.answers:
            self.answers[key] = decide()
        answer: A = self.answers[key]
        return Unknown("no answer in time") if lose == "answer" else answer

    def _wrong(self, key: str, code: str) -> Refused:
        self.refused_wrongly.append(f"{key}: {code}")
        return Refused(code)

    def _tell(
        self,
        kind: str,
        reference: str,
        authorisation_id: str,
        operation_id: str,
        amount: int,
        currency: str,
        key: str,
    ) -> None:
        self.notices.append(
            GatewayNotified.model_validate(
                {
                    "order_number": reference,
                    "kind": kind,
                    "authorisation_id": authorisation_id,
                    "operation_id": operation_id,
                    "amount": amount,
                    "currency": currency,
                    "idempotency_key": key,
                    "code": "do_not_honour" if kind == "declined" else "",
                }
            )
        )

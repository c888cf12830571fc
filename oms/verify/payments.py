"""Invariant 3: captured <= authorised, refunded <= captured, one effect per key, by the gateway's own ledger."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from oms.client import Client
from oms.verify.finding import Entry, Finding

STATED = (
    "payment.authorisation-requested",
    "payment.authorised",
    "payment.authorisation-voided",
    "payment.partially-captured",
    "payment.captured",
    "payment.partially-refunded",
    "payment.refunded",
)
"""The facts that state an effect at the gateway, that it was asked for, or its end."""

OUTSIDE = ("prepaid:", "free:")
"""Beginnings of the ids of authorisations and captures that the gateway never heard of."""


@dataclass(slots=True)
class Authorisation:
    """What the gateway's ledger says of one authorisation, in minor units."""

    order_number: str = ""
    authorised: int = 0
    captured: int = 0
    voided: int = 0
    refunded: int = 0
    currencies: set[str] = field(default_factory=set)

    @property
    def left(self) -> int:
        """Still set aside."""
        return self.authorised - self.captured - self.voided


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One authorisation, capture or refund: by the gateway's ledger, or as a fact states it."""

    order_number: str
    amount: int
    """In minor units."""
    currency: str
    """Empty where it is not said."""

    def differs(self, other: "Operation") -> bool:
        """Whether amounts or currencies differ, where both say them."""
        named = self.currency and other.currency
        return self.amount != other.amount or bool(named and self.currency != other.currency)


@dataclass(slots=True)
class Ledger:
    """The gateway's ledger, added up."""

    authorisations: dict[str, Authorisation] = field(default_factory=lambda: defaultdict(Authorisation))
    operations: dict[str, Operation] = field(default_factory=dict)
    """By their ids."""
    keys: dict[str, str] = field(default_factory=dict)
    """The idempotency key under which each authorisation was made, by the authorisation's id."""
    doubled: list[str] = field(default_factory=list)
    """Idempotency keys with more than one effect."""


def read_ledger(effects: Iterable[Mapping[str, Any]]) -> Ledger:
    """Add up the effects of a gateway's ledger."""
    ledger = Ledger()
    seen: set[str] = set()
    for effect in effects:
        key = effect["idempotency_key"]
        if key in seen:
            ledger.doubled.append(key)
        seen.add(key)
        authorisation = ledger.authorisations[effect["authorisation_id"]]
        authorisation.order_number = effect["reference"]
        operation = _operation(effect["reference"], effect)
        if operation.currency:
            authorisation.currencies.add(operation.currency)
        match effect["operation"]:
            case "authorise":
                authorisation.authorised += effect["amount"]
                ledger.keys[effect["authorisation_id"]] = key
            case "capture":
                authorisation.captured += effect["amount"]
            case "void":
                authorisation.voided += effect["amount"]
            case "refund":
                authorisation.refunded += effect["amount"]
            case _:
                continue
        ledger.operations[effect["operation_id"]] = operation
    return ledger


class Payments:
    """Compares the payment service's facts with the ledger, and the ledger with arithmetic."""

    name = "3 payments"

    def __init__(self) -> None:
        self._stated: dict[str, Operation] = {}
        """Each authorisation and capture that a fact states, by its id."""
        self._asked: set[str] = set()
        """Idempotency keys under which the gateway was asked for authorisations."""
        self._set_aside: dict[tuple[str, str], int] = defaultdict(int)
        """What the record says is authorised and neither captured nor let go, by order and authorisation."""
        self._left: set[tuple[str, str]] = set()
        """Authorisations that were let go of and did not leave the authorised balance whole."""
        self._captured: dict[str, int] = defaultdict(int)
        self._refunded: dict[str, int] = defaultdict(int)
        self._effects: int | None = None
        """In the gateway's ledger, once that was read."""

    def see(self, entry: Entry) -> None:
        name = entry.type.rpartition(".")[0]
        if entry.service != "payment" or name not in STATED:
            return
        fact = entry.body()
        if fact.get("repeated"):
            return
        number = fact["order_number"]
        match name:
            case "payment.authorisation-requested":
                self._asked.add(fact["idempotency_key"])
            case "payment.authorised":
                self._state(fact["authorisation_id"], _operation(number, fact))
                self._set_aside[number, fact["authorisation_id"]] += fact["amount"]
            case "payment.authorisation-voided":
                self._let_go(number, fact)
            case "payment.partially-captured" | "payment.captured":
                part = _operation(number, fact, already=fact.get("already_captured", 0))
                self._set_aside[number, fact.get("authorisation_id", "")] -= part.amount
                if self._state(fact["capture_id"], part):
                    self._captured[number] += part.amount
            case "payment.partially-refunded":
                self._refunded[number] += _at_gateway(fact)
            case "payment.refunded":
                self._refunded[number] += _at_gateway(fact) - fact.get("already_refunded", 0)

    def findings(self, client: Client) -> Iterator[Finding]:
        for number, identity in self._left:
            what = "was let go of and the ledger's authorised balance is another than what is set aside"
            yield Finding(self.name, f"{number} {identity}", what)
        if not client.stack.gateway_url:
            return
        ledger = read_ledger(client.effects("gateway"))
        self._effects = len(ledger.operations)
        for key in ledger.doubled:
            yield Finding(self.name, f"key {key}", "more than one effect under one idempotency key")
        captured: dict[str, int] = defaultdict(int)
        refunded: dict[str, int] = defaultdict(int)
        for identity, one in ledger.authorisations.items():
            captured[one.order_number] += one.captured
            refunded[one.order_number] += one.refunded
            yield from self._arithmetic(f"{one.order_number} {identity}", one)
        yield from self._recorded_otherwise(ledger)
        for number in sorted({*captured, *self._captured, *self._refunded}):
            if captured[number] != self._captured[number]:
                yield Finding(self.name, number, "the gateway captured another amount than is recorded")
            if refunded[number] != self._refunded[number]:
                yield Finding(self.name, number, "the gateway refunded another amount than is recorded")

    def left_out(self, client: Client) -> str:
        """Implements `Partial`."""
        return "" if client.stack.gateway_url else "no gateway given"

    def _let_go(self, number: str, fact: Mapping[str, Any]) -> None:
        """A void takes all that is uncaptured off the authorised balance; what it left would stay for ever."""
        released = fact["amount"] if fact.get("expected") is None else fact["expected"]
        where = (number, fact["authorisation_id"])
        if self._set_aside.pop(where, 0) != released:
            self._left.add(where)

    def _recorded_otherwise(self, ledger: Ledger) -> Iterator[Finding]:
        for identity, recorded in self._stated.items():
            where = f"{recorded.order_number} {identity}"
            known = ledger.operations.get(identity)
            if known is None:
                yield Finding(self.name, where, "is recorded and not in the gateway's ledger")
            elif recorded.differs(known):
                yield Finding(self.name, where, "is recorded with another amount or currency than the gateway's")
        for identity, key in ledger.keys.items():
            # While the outcome of a question is not known, the record does not have it yet.
            if identity not in self._stated and key not in self._asked:
                where = f"{ledger.authorisations[identity].order_number} {identity}"
                yield Finding(self.name, where, "is in the gateway's ledger, and nobody asked for it")

    def _state(self, identity: str, operation: Operation) -> bool:
        """Note what a fact states; whether the gateway must know of it."""
        if identity.startswith(OUTSIDE):
            return False
        self._stated[identity] = operation
        return True

    def _arithmetic(self, where: str, one: Authorisation) -> Iterator[Finding]:
        if one.captured > one.authorised:
            yield Finding(self.name, where, "more was captured than authorised")
        if one.refunded > one.captured:
            yield Finding(self.name, where, "more was refunded than captured")
        if one.left < 0:
            yield Finding(self.name, where, "more was captured and voided than authorised")
        if len(one.currencies) > 1:
            yield Finding(self.name, where, "is in more than one currency")

    def checked(self) -> str:
        recorded = f"{len(self._stated)} operations recorded"
        return recorded if self._effects is None else f"{recorded}, {self._effects} in the gateway's ledger"


def _operation(number: str, said: Mapping[str, Any], *, already: int = 0) -> Operation:
    """What a fact or an effect says; `already` is the part of its amount that was said before."""
    currency: str = said.get("currency", "")
    return Operation(order_number=number, amount=said["amount"] - already, currency=currency)


def _at_gateway(fact: Mapping[str, Any]) -> int:
    """What a refund paid back through the gateway."""
    amount: int = fact["amount"]
    return 0 if str(fact.get("capture_id", "")).startswith(OUTSIDE) else amount

"""The review: rules kept as data in one file, in the Common Expression Language, as one pure function."""

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.order.domain.customer import Customer
from services.order.domain.review import Finding, Occasion, Review, ReviewFacts
from shared.events.order import HoldReason
from shared.events.payload import Name, Text
from shared.events.values import OrderContent
from shared.eventsourcing.data_file import BadFile, read_file

# The package would import its own command line with it, which costs a third of the service's start.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
import cel  # noqa: E402 - only after what it must not import

PriceList = Mapping[tuple[str, str], int]
"""Unit price in minor units by SKU and currency."""


CEL_ERRORS = (RuntimeError, TypeError, ValueError, LookupError, ArithmeticError)
"""What an expression may raise: unknown names, unlike types, numbers out of range, a division by zero."""


class Rule(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: HoldReason
    owner: Name
    when: str
    explanation: Text
    occasion: Occasion = "order"


class _RuleFile(BaseModel):
    """The whole file, a table `[[rule]]` each."""

    rule: tuple[Rule, ...] = ()


def load_review(rules: Path, price_list: Path | None = None) -> Review:
    """The review that a rule file describes.

    Raises:
        BadFile: a file is missing or malformed, or an expression does not compile or asks for unknown facts.
    """
    prices = _read_prices(price_list) if price_list else {}
    read = _read_rules(rules)
    by_occasion = {
        occasion: _Compiled([rule for rule in read if rule.occasion == occasion])
        for occasion in get_args(Occasion)
    }

    def review(facts: ReviewFacts) -> tuple[Finding, ...]:
        compiled = by_occasion[facts.occasion]
        return compiled.findings(_facts(facts, prices)) if compiled.rules else ()

    for compiled in by_occasion.values():
        compiled.try_out(rules.name)
    return review


class _Compiled:
    """The rules of one occasion. Most orders break none, so one expression asks for all of them first."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = [_CompiledRule(rule) for rule in rules]
        self._any = cel.compile(" || ".join(f"(\n{rule.when}\n)" for rule in rules) or "false")

    def findings(self, facts: Mapping[str, Any]) -> tuple[Finding, ...]:
        if not self._any_finds(facts):
            return ()
        return tuple(finding for rule in self.rules if (finding := rule.finding(facts)) is not None)

    def try_out(self, file: str) -> None:
        """Evaluate each rule on empty facts: unknown names and answers that are not yes or no show."""
        for rule in self.rules:
            rule.try_out(file)

    def _any_finds(self, facts: Mapping[str, Any]) -> bool:
        try:
            return bool(self._any.execute(dict(facts)))
        except CEL_ERRORS:  # each rule says for itself what is wrong with it
            return True


class _CompiledRule:
    """One rule with its program."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        try:
            self._program = cel.compile(rule.when)
        except ValueError as error:
            raise BadFile(f"review rule {rule.reason}: {str(error).splitlines()[0]}") from None

    def finding(self, facts: Mapping[str, Any]) -> Finding | None:
        """What the rule finds; one that can't be evaluated holds the order, so that a person sees it."""
        explanation = self._rule.explanation
        try:
            answer = bool(self._program.execute(dict(facts)))
        except CEL_ERRORS as error:
            answer, explanation = True, f"The rule can't be evaluated: {str(error).splitlines()[0]}"
        if not answer:
            return None
        return Finding(reason=self._rule.reason, owner=self._rule.owner, explanation=explanation)

    def try_out(self, file: str) -> None:
        """Evaluate the rule on empty facts.

        Raises:
            BadFile: it asks for a fact that there is none of, or answers neither yes nor no.
        """
        try:
            answer = self._program.execute(dict(EMPTY))
        except CEL_ERRORS as error:
            raise BadFile(f"{file}: rule {self._rule.reason}: {str(error).splitlines()[0]}") from None
        if not isinstance(answer, bool):
            raise BadFile(f"{file}: rule {self._rule.reason} answers {answer!r}, not true or false")


EMPTY: Mapping[str, Any] = {
    "order": {
        "total": 0,
        "currency": "",
        "channel": "",
        "delivery": "ship",
        "lines": 0,
        "units": 0,
        "lines_off_list": 0,
        "lines_not_listed": 0,
    },
    "address": {"street": "", "city": "", "postal_code": "", "region": "", "country": ""},
    "customer": {
        "id": "",
        "email": "",
        "blocked": False,
        "open_credit": 0,
        "credit_limit": -1,
        "credit_currency": "",
    },
    "shortage": {"lines": 0, "units": 0},
    "anomaly": "",
}
"""Every fact that a rule may ask for."""


def _facts(facts: ReviewFacts, prices: PriceList) -> Mapping[str, Any]:
    order, address = facts.order, facts.order.shipping_address
    customer = facts.customer or Customer()
    return {
        "order": {
            "total": order.total,
            "currency": order.currency,
            "channel": order.channel,
            "delivery": order.delivery,
            "lines": len(order.lines),
            "units": sum(line.quantity for line in order.lines),
            "lines_off_list": _off_list(order, prices),
            "lines_not_listed": _not_listed(order, prices),
        },
        "address": {
            "street": address.street,
            "city": address.city,
            "postal_code": address.postal_code,
            "region": address.region,
            "country": address.country,
        },
        "customer": {
            "id": order.customer.id,
            "email": order.customer.email,
            "blocked": customer.blocked,
            "open_credit": facts.open_credit,
            "credit_limit": -1 if customer.credit_limit is None else customer.credit_limit,
            "credit_currency": customer.currency,
        },
        "shortage": {
            "lines": len(facts.shortages),
            "units": sum(shortage.missing for shortage in facts.shortages),
        },
        "anomaly": facts.anomaly,
    }


def _off_list(order: OrderContent, prices: PriceList) -> int:
    return sum(prices.get((line.sku, order.currency), line.unit_price) != line.unit_price for line in order.lines)


def _not_listed(order: OrderContent, prices: PriceList) -> int:
    return sum((line.sku, order.currency) not in prices for line in order.lines) if prices else 0


def _read_rules(file: Path) -> tuple[Rule, ...]:
    return read_file(file, TypeAdapter(_RuleFile)).rule


def _read_prices(file: Path) -> PriceList:
    prices: dict[tuple[str, str], int] = {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), start=2):
                try:
                    prices[row["sku"], row["currency"]] = int(row["unit_price"])
                except (KeyError, TypeError, ValueError):
                    raise BadFile(f"{file.name}, line {number}: sku, currency and unit_price are needed") from None
    except OSError as error:
        raise BadFile(f"{file}: {error.strerror}") from None
    return prices

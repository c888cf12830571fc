"""The closing table: what became of the orders, what it came to, and whether every promise was kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from channels.completejourney.baskets import Dirt
from oms.commands.audit import document_of, table_of
from oms.commands.verify import show
from oms.demo.outcome import Outcome, met_shortage, outcome_of, units_shipped
from oms.output import as_document, as_table, console, say
from shared.events.currencies import exponent_of

NAMED = 20
TREATMENT: Mapping[str, str] = {
    "lines": "read",
    "without_quantity": "left out",
    "by_measure": "left out: sold by measure, can't be shipped",
    "free": "kept, at no charge",
    "indivisible": "kept: the unit price is rounded up, the discount takes it back",
    "coupon_over_value": "kept: the coupon counts up to what is left to pay",
    "unnamed": "kept: named by its number",
    "baskets": "read",
    "empty_baskets": "left out",
}
"""What was done about each kind of dirt."""


def closing_report(outcome: Outcome, *, as_json: bool) -> bool:
    """Print it; returns whether all is well."""
    if as_json:
        as_document(_document(outcome))
        return outcome.good
    as_table("orders by outcome", by_outcome(outcome))
    as_table("the run", [{"what": name, "figure": figure} for name, figure in figures(outcome).items()])
    as_table("dirt in the data, and what was done about it", _dirt(outcome.dirt))
    show(outcome.checks)
    if outcome.compensated:
        console().print(table_of(outcome.compensated, outcome.audited))
    else:
        say("no order had a compensation, so none is audited")
    if outcome.moving:
        as_table(
            "orders that neither ended nor stand on a hold", outcome.moving[:NAMED], ("order_number", "status")
        )
    say("all is well" if outcome.good else "NOT all is well: see above")
    return outcome.good


def by_outcome(outcome: Outcome) -> list[Mapping[str, Any]]:
    """A row for each outcome: orders, units and money, ordered and done."""
    rows: dict[str, Counter[str]] = {}
    money: dict[str, Counter[tuple[str, str]]] = {}
    for one in outcome.orders:
        name, currency = outcome_of(one), one["currency"]
        row = rows.setdefault(name, Counter())
        row["orders"] += 1
        row["units ordered"] += one["units"]
        row["shipped"] += units_shipped(one)
        sums = money.setdefault(name, Counter())
        sums["ordered", currency] += one["total"]
        sums["captured", currency] += one["charged"]
    currencies = sorted({one["currency"] for one in outcome.orders})
    return [
        {
            "outcome": name,
            **row,
            **{
                f"{what} {currency}": in_major_units(money[name][what, currency], currency)
                for currency in currencies
                for what in ("ordered", "captured")
            },
        }
        for name, row in sorted(rows.items())
    ]


def figures(outcome: Outcome) -> dict[str, str]:
    """What the run came to, in words."""
    published = ", ".join(f"{number} {kind}" for kind, number in sorted(outcome.messages.items()))
    captured = ", ".join(f"{name} {in_major_units(amount, name):,}" for name, amount in outcome.money.items())
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(outcome.mails["kinds"].items()))
    rows = {
        "messages published": published,
        "orders expected to meet a shortage": str(outcome.shortages_expected),
        "orders that met a shortage": str(sum(met_shortage(one) for one in outcome.orders)),
        "captured at the gateway": captured,
        "mails sent": f"{outcome.mails['count']} ({kinds}), {outcome.mails['duplicates']} doubled",
        "orders a second, first message to last end": f"{len(outcome.orders) / outcome.seconds:.1f}",
    }
    if outcome.latencies:
        p50, p99 = (_share(outcome.latencies, share) for share in (0.5, 0.99))
        rows["intake to confirmed"] = f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"
    return rows


def in_major_units(amount: int, currency: str) -> Decimal:
    """An amount of minor units with as many decimals as the currency has."""
    return Decimal(amount).scaleb(-exponent_of(currency))


def _share(latencies: Sequence[float], share: float) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1_000


def _dirt(dirt: Dirt) -> list[Mapping[str, Any]]:
    return [
        {
            "what": one.name.replace("_", " "),
            "count": getattr(dirt, one.name),
            "what was done": TREATMENT[one.name],
        }
        for one in fields(dirt)
    ]


def _document(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "good": outcome.good,
        "outcomes": by_outcome(outcome),
        "figures": figures(outcome),
        "dirt": {one.name: getattr(outcome.dirt, one.name) for one in fields(outcome.dirt)},
        "checks": [
            {"invariant": check.invariant, "checked": check.checked, "findings": len(check.findings)}
            for check in outcome.checks
        ],
        "audit": document_of(outcome.compensated, outcome.audited) if outcome.compensated else None,
    }

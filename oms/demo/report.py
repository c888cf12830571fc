"""The closing table: what became of the orders, what it came to, and whether every promise was kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from channels.completejourney.baskets import Dirt
from channels.completejourney.fixture import Statement
from channels.completejourney.opening_stock import OpeningStock
from oms.audit import audit
from oms.client import Client
from oms.commands.audit import table_of
from oms.commands.verify import show
from oms.output import as_document, as_table, console, say
from oms.verify.run import Verdict

PAGE = 1_000
ENDED_OR_HELD = ("completed", "cancelled", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that the demonstration found out."""

    orders: tuple[Mapping[str, Any], ...]
    messages: Mapping[str, int]
    shortages_expected: int
    dirt: Dirt
    mails: Mapping[str, Any]
    money: Mapping[str, int]
    """Captured minor units by currency, as the gateway's ledger has them."""
    checks: Sequence[Verdict]
    compensated: str
    """The smallest order that had a compensation."""
    audited: Any
    seconds: float
    latencies: tuple[float, ...]
    """Seconds from publication to confirmation."""

    @classmethod
    def of(
        cls,
        client: Client,
        statements: Sequence[Statement],
        first_at: Mapping[tuple[str, str], float],
        stock: OpeningStock,
        dirt: Dirt,
        checks: Sequence[Verdict],
        seconds: float,
    ) -> Self:
        """Ask the services and the simulators."""
        orders = _all_orders(client)
        cancelled = sorted((one["lines"], one["order_number"]) for one in orders if one["status"] == "cancelled")
        compensated = cancelled[0][1] if cancelled else ""
        captured = client.simulator("gateway", "/v1/ledger/summary")["currencies"]
        return cls(
            orders=orders,
            messages=Counter(statement.kind for statement in statements),
            shortages_expected=stock.expected_shortages,
            dirt=dirt,
            mails=client.simulator("mailbox", "/mails/summary"),
            money={currency: sums["captured"] for currency, sums in captured.items()},
            checks=checks,
            compensated=compensated,
            audited=audit(client, compensated) if compensated else [],
            seconds=seconds,
            latencies=_latencies(orders, first_at),
        )

    @property
    def good(self) -> bool:
        """Whether every order ended or stands on a named hold, and every promise holds."""
        at_rest = all(one["status"] in ENDED_OR_HELD for one in self.orders)
        complete = len(self.orders) == self.messages["order"]
        return at_rest and complete and not any(check.findings for check in self.checks)


def closing_report(outcome: Outcome, *, as_json: bool) -> bool:
    """Print it; returns whether all is well."""
    if as_json:
        as_document(_document(outcome))
        return outcome.good
    as_table("orders by outcome", _by_outcome(outcome))
    as_table("the run", [{"what": name, "figure": figure} for name, figure in _figures(outcome)])
    as_table("dirt in the data, and what was done about it", _dirt(outcome.dirt))
    show(list(outcome.checks))
    if outcome.compensated:
        console().print(table_of(outcome.compensated, outcome.audited))
    waiting = [one for one in outcome.orders if one["status"] not in ENDED_OR_HELD]
    if waiting:
        as_table("orders that neither ended nor stand on a hold", waiting[:20], ("order_number", "status"))
    say("all is well" if outcome.good else "NOT all is well: see above")
    return outcome.good


def _all_orders(client: Client) -> tuple[Mapping[str, Any], ...]:
    found: list[Mapping[str, Any]] = []
    while True:
        page = client.get("order", "/orders", limit=PAGE, offset=len(found))["orders"]
        found += page
        if len(page) < PAGE:
            return tuple(found)


def _latencies(
    orders: Sequence[Mapping[str, Any]], first_at: Mapping[tuple[str, str], float]
) -> tuple[float, ...]:
    return tuple(
        sorted(
            datetime.fromisoformat(one["confirmed_at"]).timestamp()
            - first_at[one["channel"], one["channel_order_id"]]
            for one in orders
            if one.get("confirmed_at")
        )
    )


def _by_outcome(outcome: Outcome) -> list[Mapping[str, Any]]:
    rows: dict[str, Counter[str]] = {}
    for one in outcome.orders:
        row = rows.setdefault(_outcome_of(one), Counter())
        row["orders"] += 1
        row["units"] += one["units"]
        row[f"ordered {one['currency']}"] += one["total"]
    return [
        {
            "outcome": name,
            **{
                column: f"{value / 100:,.2f}" if column.startswith("ordered") else value
                for column, value in row.items()
            },
        }
        for name, row in sorted(rows.items())
    ]


def _outcome_of(order: Mapping[str, Any]) -> str:
    match order["status"]:
        case "cancelled":
            return f"cancelled: {order['cancelled_cause'].replace('_', ' ')}"
        case "held":
            reasons = sorted({hold["reason"].replace("_", " ") for hold in order["holds"]})
            return f"held: {', '.join(reasons)}"
        case status:
            return str(status)


def _figures(outcome: Outcome) -> list[tuple[str, str]]:
    published = ", ".join(f"{number} {kind}" for kind, number in sorted(outcome.messages.items()))
    captured = ", ".join(f"{currency} {amount / 100:,.2f}" for currency, amount in outcome.money.items())
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(outcome.mails["kinds"].items()))
    rows = [
        ("messages published", published),
        ("orders expected to meet a shortage", str(outcome.shortages_expected)),
        ("captured at the gateway", captured),
        ("mails sent", f"{outcome.mails['count']} ({kinds}), {outcome.mails['duplicates']} doubled"),
        ("orders a second, first message to last end", f"{len(outcome.orders) / outcome.seconds:.1f}"),
    ]
    if outcome.latencies:
        rows.append(
            (
                "intake to confirmed",
                f"p50 {_share(outcome.latencies, 0.5):.0f} ms, p99 {_share(outcome.latencies, 0.99):.0f} ms",
            )
        )
    return rows


def _share(latencies: Sequence[float], share: float) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1_000


def _dirt(dirt: Dirt) -> list[Mapping[str, Any]]:
    return [{"what": one.name.replace("_", " "), "count": getattr(dirt, one.name)} for one in fields(dirt)]


def _document(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "good": outcome.good,
        "outcomes": _by_outcome(outcome),
        "figures": dict(_figures(outcome)),
        "dirt": {one.name: getattr(outcome.dirt, one.name) for one in fields(outcome.dirt)},
        "checks": [
            {"invariant": check.invariant, "checked": check.checked, "findings": len(check.findings)}
            for check in outcome.checks
        ],
    }

"""What the demonstration found out: orders, money, mails, checks, and one order that was taken back."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from channels.completejourney.baskets import Dirt
from channels.completejourney.fixture import Statement
from channels.completejourney.opening_stock import OpeningStock
from oms.audit import Step, audit
from oms.client import Client
from oms.verify.run import Verdict

Order = Mapping[str, Any]
"""As the order service lists it."""
ENDED = ("completed", "cancelled")
LEFT = ("dispatched", "delivered")
COMPENSATION = "order.compensation-began"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that the demonstration found out."""

    orders: tuple[Order, ...]
    messages: Mapping[str, int]
    shortages_expected: int
    dirt: Dirt
    mails: Mapping[str, Any]
    money: Mapping[str, int]
    """Captured minor units by currency, as the gateway's ledger has them."""
    checks: Sequence[Verdict]
    compensated: str
    """The smallest order of which something was taken back; empty if there is none."""
    audited: Sequence[Step]
    """All that happened to it."""
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
        orders = tuple(client.pages("order", "/orders", "orders"))
        compensated = smallest_compensated(client, orders)
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
            audited=audit(client, compensated) if compensated else (),
            seconds=seconds,
            latencies=_latencies(orders, first_at),
        )

    @property
    def good(self) -> bool:
        """Whether every order ended or stands on a named hold, and every promise holds."""
        complete = len(self.orders) == self.messages["order"]
        return complete and not self.moving and not any(check.findings for check in self.checks)

    @property
    def moving(self) -> list[Order]:
        """The orders that neither ended nor stand on a hold."""
        return [one for one in self.orders if not at_rest(one)]


def at_rest(order: Order) -> bool:
    """Whether the order ended, or stands on a hold, be it an alarm."""
    return order["status"] in ENDED or bool(order["holds"])


def outcome_of(order: Order) -> str:
    """What became of an order, in words, with its holds by name."""
    status = str(order["status"]).replace("_", " ")
    if status == "cancelled":
        return f"{status}: {order['cancelled_cause'].replace('_', ' ')}"
    if not order["holds"]:
        return status
    reasons = ", ".join(sorted({hold["reason"].replace("_", " ") for hold in order["holds"]}))
    return f"held: {reasons}" if status == "held" else f"{status}, held: {reasons}"


def units_shipped(order: Order) -> int:
    """The units that left."""
    return sum(one["units"] for one in order["fulfilments"].values() if one["status"] in LEFT)


def met_shortage(order: Order) -> bool:
    """Whether something of it was not there when it was wanted."""
    return (
        order.get("cancelled_cause") == "shortage"
        or bool(order.get("waited") or order.get("units_short"))
        or any(hold["reason"] == "shortage" for hold in order["holds"])
    )


def smallest_compensated(client: Client, orders: Iterable[Order]) -> str:
    """The number of the smallest order of which something was taken back, a declined payment first; empty if none.

    A cancellation alone says nothing: where stock was short there was nothing to take back.
    """
    suspects = [one for one in orders if one.get("cancelled_cause") or one.get("dropped")]
    for one in sorted(suspects, key=_declined_and_small_first):
        facts = client.get("order", "/operations/facts", correlation_id=one["order_number"])["facts"]
        if any(fact["type"].rpartition(".")[0] == COMPENSATION for fact in facts):
            return str(one["order_number"])
    return ""


def _declined_and_small_first(order: Order) -> tuple[bool, int, str]:
    return order.get("cancelled_cause") != "payment_declined", order["lines"], order["order_number"]


def _latencies(orders: Iterable[Order], first_at: Mapping[tuple[str, str], float]) -> tuple[float, ...]:
    return tuple(
        sorted(
            datetime.fromisoformat(one["confirmed_at"]).timestamp()
            - first_at[one["channel"], one["channel_order_id"]]
            for one in orders
            if one.get("confirmed_at")
        )
    )

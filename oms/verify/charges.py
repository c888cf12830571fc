"""Invariant 3: a completed order was charged what it came to, less what was dropped of it: no more, no less."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from oms.client import Client
from oms.verify.finding import Entry, Finding

ORDER = ("order.placed", "order.replaced", "order.lines-dropped", "order.completed")


@dataclass(slots=True)
class Bill:
    """What one order comes to, and what was collected for it, in minor units."""

    due: int = 0
    """The total of what was ordered, less the value of what was dropped."""
    charged: int | None = None
    """As the order's completion states it; None: it is not completed."""
    captured: int = 0


class Charges:
    """Compares what the payment service collected for each completed order with what its customer ordered.

    What a channel took before, and what is worth nothing, is captured like everything else.
    """

    name = "3 charges"

    def __init__(self) -> None:
        self._bills: dict[str, Bill] = defaultdict(Bill)

    def see(self, entry: Entry) -> None:
        name = entry.type.rpartition(".")[0]
        if entry.service == "order" and name in ORDER:
            fact = entry.body()
            bill = self._bills[fact["order_number"]]
            match name:
                case "order.placed" | "order.replaced":
                    bill.due = fact["content"]["total"]
                case "order.lines-dropped":
                    bill.due -= fact["amount"]
                case _:
                    bill.charged = fact["charged"]
        elif entry.service == "payment" and name == "payment.captured":
            fact = entry.body()
            if not fact.get("repeated"):
                self._bills[fact["order_number"]].captured += fact["amount"]

    def findings(self, client: Client) -> Iterator[Finding]:
        for number, bill in self._bills.items():
            if bill.charged is None:
                continue
            if bill.captured != bill.due:
                much = f"{abs(bill.captured - bill.due)} {'more' if bill.captured > bill.due else 'less'}"
                yield Finding(self.name, number, f"is completed, and {much} was captured than it comes to")
            if bill.charged != bill.captured:
                yield Finding(self.name, number, "states another charge than was captured")

    def checked(self) -> str:
        return f"{sum(bill.charged is not None for bill in self._bills.values())} completed orders"

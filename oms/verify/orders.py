"""Invariant 1: an accepted order is never lost and never doubled."""

from collections import defaultdict
from collections.abc import Iterator

from oms.client import Client
from oms.verify.finding import Entry, Finding
from oms.verify.intake import Intake, Taken
from oms.verify.put_aside import put_aside


class Orders:
    """Compares what the order service has taken from the intake with the orders that it keeps."""

    name = "1 orders"

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._taken: list[Taken] = []
        self._numbers: dict[tuple[str, str], set[str]] = defaultdict(set)
        """Channel and channel order id to order numbers."""
        self._placed: dict[str, int] = defaultdict(int)
        """How often each order number was placed."""
        self._rejected: set[str] = set()
        """Places of intake messages that were rejected."""

    def see(self, entry: Entry) -> None:
        if entry.service != "order" or entry.kind != "event":
            return
        match entry.type.rpartition(".")[0]:
            case "order.placed":
                fact = entry.body()
                content = fact["content"]
                self._numbers[content["channel"], content["channel_order_id"]].add(fact["order_number"])
                self._placed[fact["order_number"]] += 1
            case "channel.order-rejected":
                self._rejected.add(entry.body()["source"])
            case _:
                pass

    def findings(self, client: Client) -> Iterator[Finding]:
        for (channel, order), numbers in self._numbers.items():
            if len(numbers) > 1:
                yield Finding(self.name, f"{channel} {order}", f"has the numbers {', '.join(sorted(numbers))}")
        for number, times in self._placed.items():
            if times > 1:
                yield Finding(self.name, number, "was placed more than once")
        self._taken += self._intake.news(client.stack)
        kept = {one["origin"].get("place", "") for one in put_aside(client, "order")} | self._rejected
        said = {one.said for one in self._taken if one.place in kept and one.said}
        for message in self._taken:
            if message.order in self._numbers or message.place in kept or message.said in said:
                continue  # what is said again is taken once
            what = "was taken, and is neither an order nor rejected nor parked nor discarded"
            order = " ".join(message.order) if message.order else "a message"
            yield Finding(self.name, f"{order} at {message.place}", what)

    def checked(self) -> str:
        return f"{len(self._taken)} messages taken, {len(self._placed)} orders"

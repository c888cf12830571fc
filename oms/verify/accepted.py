"""Invariant 1: what was accepted over HTTP is an order."""

from collections.abc import Iterator
from uuid import UUID

from oms.client import Client
from oms.verify.finding import Entry, Finding
from oms.verify.logs import PAGE

NO_ID = str(UUID(int=0))

Answer = tuple[str, str, str]
"""Message, outcome, order number (empty: it is about none)."""


class Accepted:
    """Compares the answers that the order service keeps with the orders that its log places.

    An answer is kept with the id of its message, which for a new order is made of the caller's idempotency key.
    """

    name = "1 accepted over HTTP"

    def __init__(self) -> None:
        self._placed: set[tuple[str, str]] = set()
        """Messages with the number of the order that each of them placed."""
        self._numbers: set[str] = set()
        self._answers: list[Answer] = []
        """What was answered before the log was read."""

    def prepare(self, client: Client) -> None:
        """Implements `Prepared`."""
        self._answers = list(_answers(client))

    def see(self, entry: Entry) -> None:
        if entry.service == "order" and entry.type.rpartition(".")[0] == "order.placed":
            number = entry.stream.partition("-")[2]
            self._placed.add((entry.causation_id, number))
            self._numbers.add(number)

    def findings(self, client: Client) -> Iterator[Finding]:
        for message, outcome, number in self._answers:
            match outcome:
                case "created" if (message, number) not in self._placed:
                    what = f"was answered as created by message {message}, which placed no such order"
                    yield Finding(self.name, number, what)
                case "accepted" if number and number not in self._numbers:
                    yield Finding(
                        self.name, number, f"was answered as accepted to message {message}, and is no order"
                    )
                case _:
                    pass

    def checked(self) -> str:
        return f"{len(self._answers)} answers"


def _answers(client: Client) -> Iterator[Answer]:
    after = NO_ID
    while True:
        page = client.get("order", "/operations/answers", after=after, limit=PAGE)["answers"]
        yield from ((one["message_id"], one["outcome"], one["body"].get("order_number", "")) for one in page)
        if len(page) < PAGE:
            return
        after = page[-1]["message_id"]

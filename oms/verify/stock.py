"""Invariant 2: on hand = received - shipped + adjusted, reserved <= on hand, nothing is ever negative."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oms.client import Client
from oms.verify.finding import Entry, Finding
from oms.verify.streams import rows_of

Shelves = Mapping[str, Mapping[str, int]]
"""Location to units on hand and reserved."""
Stored = tuple[int, Shelves]
"""A version, and the shelves as of it."""


@dataclass(slots=True)
class Shelf:
    """The units of one SKU at one location."""

    on_hand: int = 0
    reserved: int = 0


class Stock:
    """Keeps the books of every shelf from the facts alone, and compares them with the service's state."""

    name = "2 stock"

    def __init__(self) -> None:
        self._shelves: dict[str, dict[str, Shelf]] = defaultdict(lambda: defaultdict(Shelf))
        self._next: dict[str, int] = defaultdict(lambda: 1)
        self._early: dict[str, dict[int, Entry]] = defaultdict(dict)
        self._wrong: set[Finding] = set()
        self._stored: dict[str, Stored] = {}
        """What the service kept of each stream before the log was read."""
        self._differing: dict[str, list[Finding]] = {}

    def prepare(self, client: Client) -> None:
        """Implements `Prepared`."""
        rows = rows_of(client, "inventory", "stock")
        self._stored = {row["stream"]: (row["version"], row["state"]["shelves"]) for row in rows}
        for stream, (version, shelves) in self._stored.items():
            if version < self._next.get(stream, 1):
                self._compare(stream, shelves)

    def see(self, entry: Entry) -> None:
        if entry.service != "inventory" or entry.kind != "event" or not entry.stream.startswith("stock-"):
            return
        # A SKU's facts lie in the lanes of many orders; only their versions tell the order.
        early = self._early[entry.stream]
        early[entry.version] = entry
        while (fact := early.pop(self._next[entry.stream], None)) is not None:
            self._next[entry.stream] += 1
            self._book(fact)
            version, shelves = self._stored.get(entry.stream, (0, {}))
            if fact.version == version:
                self._compare(entry.stream, shelves)

    def findings(self, client: Client) -> Iterator[Finding]:
        yield from self._wrong
        for stream in self._stored:
            yield from self._differing.get(stream, ())
        for stream in set(self._next) - set(self._stored):
            yield Finding(self.name, stream.removeprefix("stock-"), "its stock is not in the store")

    def checked(self) -> str:
        shelves = [shelf for sku in self._shelves.values() for shelf in sku.values()]
        return f"{len(shelves)} shelves, {sum(shelf.on_hand for shelf in shelves)} units"

    def _book(self, entry: Entry) -> None:
        fact = entry.body()
        sku = entry.stream.removeprefix("stock-")
        match entry.type.rpartition(".")[0]:
            case "inventory.stock-received":
                self._move(sku, fact["location"], fact["quantity"], 0)
            case "inventory.stock-adjusted":
                self._move(sku, fact["location"], fact["change"], 0)
            case "inventory.stock-transferred":
                self._move(sku, fact["origin"], -fact["quantity"], 0)
                self._move(sku, fact["destination"], fact["quantity"], 0)
            case "inventory.stock-shipped":
                self._move(sku, fact["location"], -fact["quantity"], -fact["quantity"])
            case "inventory.stock-allocated" | "inventory.backorder-filled":
                for part in fact["allocations"]:
                    self._move(sku, part["location"], 0, part["quantity"])
            case "inventory.stock-deallocated":
                for part in fact["allocations"]:
                    self._move(sku, part["location"], 0, -part["quantity"])
            case _:
                pass

    def _move(self, sku: str, location: str, on_hand: int, reserved: int) -> None:
        shelf = self._shelves[sku][location]
        shelf.on_hand += on_hand
        shelf.reserved += reserved
        where = f"{sku} at {location}"
        if shelf.on_hand < 0 or shelf.reserved < 0:
            self._wrong.add(Finding(self.name, where, "on hand or reserved has been negative"))
        elif shelf.reserved > shelf.on_hand:
            self._wrong.add(Finding(self.name, where, "more has been reserved than was on hand"))

    def _compare(self, stream: str, shelves: Shelves) -> None:
        """Compare what was stored with the books at the same version, however much has moved since."""
        self._differing[stream] = list(self._differences(stream, shelves))

    def _differences(self, stream: str, stored: Shelves) -> Iterator[Finding]:
        sku = stream.removeprefix("stock-")
        booked = self._shelves[sku]
        for location in sorted(set(booked) | set(stored)):
            shelf = stored.get(location, {"on_hand": 0, "reserved": 0})
            for field in ("on_hand", "reserved"):
                if surplus := shelf[field] - getattr(booked[location], field):
                    # The difference, not the figures: they change with every order, and it stays.
                    much = f"{abs(surplus)} {'more' if surplus > 0 else 'fewer'}"
                    what = f"{field.replace('_', ' ')} is {much} than by the facts"
                    yield Finding(self.name, f"{sku} at {location}", what)

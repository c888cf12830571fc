"""Invariant 4: every order ended, or waits on a hold or a deadline; an ended one leaves nothing behind."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from oms.client import Client
from oms.verify.finding import Entry, Finding
from oms.verify.parcels import read_parcels
from oms.verify.payments import read_ledger

AT_A_TIME = 200
"""Orders asked for in one question."""
ENDS = {"order.completed": "completed", "order.cancelled": "cancelled"}


@dataclass(slots=True)
class Course:
    """What one order has come to."""

    ended: str = ""
    holds: dict[str, str] = field(default_factory=dict)
    """Open holds by id, with their owners."""
    reserved: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Units set aside by SKU."""
    waiting: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """Whether the order waits for a SKU, by the latest version of the SKU's stream that says so."""
    shipments: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """What happened to each fulfilment's parcel."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels that were bought and not voided, with their fulfilments."""

    def wait(self, sku: str, version: int, *, waits: bool) -> None:
        """Note whether the order waits; facts of one SKU lie in several lanes, so they come in any order."""
        if version > self.waiting.get(sku, (0, False))[0]:
            self.waiting[sku] = (version, waits)


class Endings:
    """Follows every order to its end, and looks for what it left at warehouse, gateway and carrier."""

    name = "4 endings"

    def __init__(self, reserved_by_hand: tuple[str, ...] = ()) -> None:
        self._by_hand = reserved_by_hand
        """Beginnings of the numbers under which stock is set aside for no order, to measure how fast that goes."""
        self._orders: dict[str, Course] = {}
        self._courses: dict[str, Course] = defaultdict(Course)
        self._asked: set[str] = set()
        """Idempotency keys under which the carrier was asked for labels."""

    def see(self, entry: Entry) -> None:
        if entry.kind != "event":
            return
        match entry.service:
            case "order":
                self._see_order(entry)
            case "inventory":
                self._see_stock(entry)
            case "shipping":
                self._see_parcel(entry)
            case _:
                pass

    def findings(self, client: Client) -> Iterator[Finding]:
        idle = [number for number, course in self._orders.items() if not course.ended and not course.holds]
        for number in sorted(set(idle) - _with_a_deadline(client, idle)):
            yield Finding(self.name, number, "has not ended, and waits on no hold and no deadline")
        for number, course in self._orders.items():
            if course.ended:
                yield from self._left_behind(number, course)
            elif any(not owner for owner in course.holds.values()):
                yield Finding(self.name, number, "is on a hold without an owner")
        yield from self._reserved_for_nobody()
        if client.stack.gateway_url:
            yield from self._authorisations(client)
        if client.stack.carrier_url:
            yield from self._parcels(client)

    def left_out(self, client: Client) -> str:
        """Implements `Partial`."""
        partners = {"gateway": client.stack.gateway_url, "carrier": client.stack.carrier_url}
        missing = [f"no {name}" for name, url in partners.items() if not url]
        return f"{' and '.join(missing)} given" if missing else ""

    def checked(self) -> str:
        ended = sum(1 for course in self._orders.values() if course.ended)
        held = sum(1 for course in self._orders.values() if not course.ended and course.holds)
        return f"{len(self._orders)} orders: {ended} ended, {held} on hold"

    def _left_behind(self, number: str, course: Course) -> Iterator[Finding]:
        for sku, units in course.reserved.items():
            if units:
                yield Finding(self.name, number, f"is {course.ended} and leaves units of {sku} reserved")
        for sku in [sku for sku, (_, waits) in course.waiting.items() if waits]:
            yield Finding(self.name, number, f"is {course.ended} and still waits for {sku}")
        for fulfilment in sorted(set(course.labels.values())):
            if "dispatched" not in course.shipments[fulfilment]:
                yield Finding(self.name, number, f"is {course.ended} and leaves a label for {fulfilment}")

    def _reserved_for_nobody(self) -> Iterator[Finding]:
        for number, course in self._courses.items():
            if number in self._orders or number.startswith(self._by_hand):
                continue
            for sku, units in course.reserved.items():
                if units:
                    yield Finding(self.name, number, f"is no order, and units of {sku} are reserved for it")

    def _authorisations(self, client: Client) -> Iterator[Finding]:
        for identity, one in read_ledger(client.effects("gateway")).authorisations.items():
            number = one.order_number
            course = self._orders.get(number)
            if course is None:
                yield Finding(self.name, number, f"is no order, and has authorisation {identity} at the gateway")
                continue
            if course.ended and one.left > 0:
                yield Finding(self.name, number, f"is {course.ended} and leaves authorisation {identity}")
            if course.ended == "cancelled" and one.captured > one.refunded:
                yield Finding(self.name, number, f"is cancelled and keeps what was captured of {identity}")

    def _parcels(self, client: Client) -> Iterator[Finding]:
        orders = {
            fulfilment: number for number, course in self._courses.items() for fulfilment in course.shipments
        }
        parcels = read_parcels(client.effects("carrier"))
        for label, bought in parcels.labels.items():
            number = orders.get(bought.fulfilment, "")
            if number not in self._orders:
                yield Finding(self.name, bought.fulfilment, f"is no shipment of an order, and has label {label}")
                continue
            # While the outcome of a question is not known, the record has the question alone.
            if bought.key not in self._asked:
                yield Finding(self.name, number, f"has label {label} at the carrier, and nobody asked for it")
            if label in parcels.unused and (ended := self._orders[number].ended):
                yield Finding(self.name, number, f"is {ended} and leaves label {label} at the carrier")
        for key in parcels.doubled:
            yield Finding(self.name, f"key {key}", "more than one effect at the carrier under one idempotency key")
        for fulfilment, times in parcels.left.items():
            if times > 1:
                yield Finding(self.name, fulfilment, "was handed to the carrier more than once")
            number = orders.get(fulfilment, "")
            if number in self._orders and self._orders[number].ended == "cancelled":
                yield Finding(self.name, number, f"is cancelled, and the parcel of {fulfilment} left")

    def _see_order(self, entry: Entry) -> None:
        name = entry.type.rpartition(".")[0]
        if name not in ("order.placed", "order.hold-opened", "order.hold-released", *ENDS):
            return
        fact = entry.body()
        number = fact["order_number"]
        course = self._courses[number]
        match name:
            case "order.placed":
                self._orders[number] = course
            case "order.hold-opened":
                course.holds[fact["hold_id"]] = fact["owner"]
            case "order.hold-released":
                course.holds.pop(fact["hold_id"], None)
            case _:
                course.ended = ENDS[name]

    def _see_stock(self, entry: Entry) -> None:
        name = entry.type.rpartition(".")[0]
        if not entry.stream.startswith("stock-") or not name.startswith(
            ("inventory.stock-", "inventory.backorder-")
        ):
            return
        fact = entry.body()
        number = fact.get("order_number")
        if number is None:
            return
        course, sku = self._courses[number], fact["sku"]
        units = sum(part["quantity"] for part in fact.get("allocations", ()))
        match name:
            case "inventory.stock-allocated":
                course.reserved[sku] += units
            case "inventory.stock-deallocated":
                course.reserved[sku] -= units
            case "inventory.stock-shipped":
                course.reserved[sku] -= fact["quantity"]
            case "inventory.backorder-queued":
                course.wait(sku, entry.version, waits=True)
            case "inventory.backorder-filled":
                course.reserved[sku] += units
                course.wait(sku, entry.version, waits=fact["still_waiting"] > 0)
            case "inventory.backorder-withdrawn":
                course.wait(sku, entry.version, waits=False)
            case _:
                pass

    def _see_parcel(self, entry: Entry) -> None:
        name = entry.type.rpartition(".")[0].removeprefix("shipping.")
        if name in ("shipment-requested", "label-requested", "label-bought", "label-voided", "dispatched"):
            fact = entry.body()
            course = self._courses[fact["order_number"]]
            course.shipments[fact["fulfilment_id"]].add(name)
            match name:
                case "label-requested":
                    self._asked.add(fact["idempotency_key"])
                case "label-bought":
                    course.labels[fact["label_id"]] = fact["fulfilment_id"]
                case "label-voided":
                    course.labels.pop(fact["label_id"], None)
                case _:
                    pass


def _with_a_deadline(client: Client, numbers: Sequence[str]) -> set[str]:
    """Those of the orders that the order service will look at again by itself; what is overdue does not count."""
    found: set[str] = set()
    for start in range(0, len(numbers), AT_A_TIME):
        some = list(numbers[start : start + AT_A_TIME])
        reminders = client.get("order", "/operations/reminders", correlation_id=some)["reminders"]
        # One that has just become due is taken by the next look.
        now = datetime.now(UTC)
        found.update(one["correlation_id"] for one in reminders if datetime.fromisoformat(one["due_at"]) > now)
    return found

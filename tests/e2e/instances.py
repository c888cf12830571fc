"""Two instances of every service: who holds which lanes, and the ways to leave and to come back."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from oms.client import SERVICES
from shared.eventsourcing.lanes import LANES
from tests.e2e.shop import Shop


@dataclass(frozen=True, slots=True)
class Hold:
    """A reader's cursor in a lane."""

    owner: str
    """The instance that holds it; empty: none does."""
    epoch: int
    position: int


Place: TypeAlias = tuple[str, str, int]
"""Service, reader, lane."""
Instances: TypeAlias = Sequence[str]
"""The names of one instance of every service, in the order of SERVICES."""
Leave: TypeAlias = Callable[[Shop, Instances], AbstractContextManager[None]]


def at_once(names: Sequence[str], action: Callable[[str], object]) -> None:
    """Do something to several processes at the same time."""
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(action, names))


@contextmanager
def stopped(shop: Shop, names: Instances) -> Iterator[None]:
    """SIGTERM: they finish what is in hand and give everything back."""
    codes: dict[str, int | None] = {}
    at_once(names, lambda name: codes.update({name: shop.terminate(name)}))
    assert codes == dict.fromkeys(names, 0)
    try:
        yield
    finally:
        at_once(names, shop.stack.restart)


@contextmanager
def killed(shop: Shop, names: Instances) -> Iterator[None]:
    """SIGKILL: their leases and sessions run out by themselves."""
    at_once(names, shop.stack.kill)
    try:
        yield
    finally:
        at_once(names, shop.stack.restart)


@contextmanager
def frozen(shop: Shop, names: Instances) -> Iterator[None]:
    """SIGSTOP, and later SIGCONT: they go on where they stood, without a notion of the time that has passed."""
    for name in names:
        shop.stack.freeze(name)
    try:
        yield
    finally:
        for name in names:
            shop.stack.resume(name)


class Twins:
    """The first instances, as the stack started them, and a second one of each."""

    def __init__(self, shop: Shop, second: Instances) -> None:
        self.first: Instances = SERVICES
        self.second = second
        self._shop = shop

    def holds(self, asked: Instances) -> dict[Place, Hold]:
        """Who holds what, as these instances tell."""
        return {
            (of, row["reader"], row["lane"]): Hold(row["owner"].split("/")[0], row["epoch"], row["position"])
            for of, name in zip(SERVICES, asked, strict=True)
            for row in self._shop.client.get(name, "/operations/lag")["readers"]
        }

    def of_second(self, holds: dict[Place, Hold]) -> dict[Place, Hold]:
        """What of it the second instances hold."""
        return {place: hold for place, hold in holds.items() if hold.owner in self.second}

    def all_held_by(self, names: Instances) -> dict[Place, Hold]:
        """Wait until these instances hold every lane of every reader; who holds what then."""

        def theirs() -> dict[Place, Hold] | None:
            holds = self.holds(names)
            expected = holds if names is self.second else {}
            nobodys = any(not hold.owner for hold in holds.values())
            return holds if not nobodys and self.of_second(holds).keys() == expected.keys() else None

        return self._shop.until(theirs, f"{', '.join(names)} to hold every lane")

    def shared_out(self) -> dict[Place, Hold]:
        """Wait until each instance holds half of the lanes of every reader; who holds what then."""

        def halves() -> dict[Place, Hold] | None:
            holds = self.holds(self.first)
            held = Counter((of, reader, hold.owner) for (of, reader, _), hold in holds.items())
            return holds if set(held.values()) == {LANES // 2} else None

        return self._shop.until(halves, "every instance to hold half of the lanes")

    def serve(self, names: Instances, numbers: Sequence[str]) -> None:
        """Wait until these instances have brought orders on their way to the customer."""

        def on_their_way() -> bool:
            rows = [self._shop.client.get(names[0], f"/orders/{number}") for number in numbers]
            return all(row["status"] in ("shipping", "delivered", "completed") for row in rows)

        self._shop.until(on_their_way, f"{names[0]} and the others to dispatch {len(numbers)} orders")

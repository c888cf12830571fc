"""How far a run may fall behind, and how long it may take to heal."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a run has to keep to; the defaults are for two cores that carry the load and the servers as well."""

    most_behind: float = 1 / 3
    """Of the orders that were offered, the part that may be neither ended nor held when the troubles end."""
    heal_within_s: float = 300.0
    """From the end of the troubles until every order has ended or is held, and nothing is on its way any more."""

    def most_orders(self, offered: int) -> int:
        """How many orders may be behind."""
        return int(self.most_behind * offered)

    def broken(self, *, offered: int, behind: int, healed_s: float | None) -> Iterator[str]:
        """What was not kept to, each in a sentence; `healed_s` is None where it never came to rest."""
        if behind > (most := self.most_orders(offered)):
            yield f"{behind} of {offered} orders were behind when the troubles ended; at most {most} may be."
        if healed_s is None:
            yield "What was left when the troubles ended never came to rest."
        elif healed_s > self.heal_within_s:
            yield f"It took {healed_s:.0f} s to heal; at most {self.heal_within_s:.0f} s are allowed."

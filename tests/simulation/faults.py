"""What goes wrong in one world: drawn from a seed as a list, so that a part of it can be left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from tests.simulation.services import SERVICES
from tests.simulation.wire import TROUBLE, Fate
from tests.simulation.workload import LASTS_S

Kind = Literal[
    "crash",
    "freeze",
    "roll",
    "store fails",
    "store down",
    "producer fails",
    "rebalance",
    "redeliver",
    "repeat",
    "hold back",
    "outside troubled",
    "outside down",
    "clock jumps",
    "poison bytes",
    "poison decision",
    "view upgraded",
]
"""Everything that may go wrong."""

MOMENTS = (
    "begin",
    "after_claim",
    "load",
    "lock lanes",
    "append",
    "before commit",
    "after commit",
    "after_commit",
    "commit offset",
    "before publish",
    "after publish",
    "before_publish",
    "after_publish",
    "before_effect",
    "before request",
    "after request",
    "after_effect",
    "lease",
    "before advance",
    "after advance",
    "before project",
    "after project",
    "read",
)
"""Where a process can be told to die; some steps of the loop later it may also die at any other await."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    at: float
    kind: Kind
    service: str
    slot: int
    """Which instance of the service."""
    moment: str
    steps: int
    """How many steps of the loop after the moment."""
    seconds: float
    """How long it lasts, or until the process is back."""
    times: int
    partition: int
    fate: Fate

    def __str__(self) -> str:
        one, seconds = f"{self.service}/{self.slot}", f"{self.seconds:.1f} s"
        told = {
            "crash": f"{one} at {self.moment!r} + {self.steps} steps, back in {seconds}",
            "freeze": f"{one} at {self.moment!r} + {self.steps} steps for {seconds}",
            "roll": one,
            "view upgraded": one,
            "store fails": f"{one} {self.times} times at {self.moment!r}",
            "store down": f"{one} for {seconds}",
            "producer fails": f"{one} {self.times} times at {self.moment!r}",
            "outside troubled": f"{self.service}: {self.fate} {self.times} times",
            "outside down": f"{self.service} for {seconds}",
            "poison decision": f"{self.service} {self.times} times",
            "clock jumps": f"{one} by {'' if self.times % 2 else '-'}{seconds}",
        }
        return f"{self.kind}: {told.get(self.kind, f'{self.service} partition {self.partition}')}"


PLACES: Mapping[Kind, tuple[str, ...]] = {
    "store fails": ("begin", "before commit", "after commit", "before advance", "after advance", "after project"),
    "producer fails": ("before publish", "after publish"),
    "freeze": ("before advance", "before project", "before publish", "before commit", "before request", "begin"),
}
"""Where else than at any moment a fault can strike."""
WEIGHTS: Mapping[Kind, int] = {"crash": 4, "poison decision": 2, "freeze": 2}
"""What goes wrong more often than the rest."""
OUTSIDE = ("payment", "shipping", "notification")


def draw(random: Random, faults: int) -> tuple[Fault, ...]:
    """So many faults in the time of the workload."""
    return tuple(sorted((_fault(random) for _ in range(faults)), key=lambda fault: fault.at))


def _fault(random: Random) -> Fault:
    kinds: tuple[Kind, ...] = get_args(Kind)
    kind = random.choices(kinds, weights=[WEIGHTS.get(one, 1) for one in kinds])[0]
    outside = kind in ("outside troubled", "outside down")
    moments = PLACES.get(kind, MOMENTS)
    return Fault(
        at=random.uniform(0.0, LASTS_S * 0.75),
        kind=kind,
        service=random.choice(OUTSIDE if outside else SERVICES),
        slot=random.randint(0, 1),
        moment=random.choice(moments),
        steps=random.choice((0, 0, 1, 2, 3, 5, 8, 13)),
        seconds=random.choice((0.1, 1.0, 3.0, 15.0, 40.0)),
        times=random.randint(1, 6),
        partition=random.randint(0, 7),
        fate=random.choice(TROUBLE),
    )

"""What goes wrong in one world: drawn from a seed as a list, so that a part of it can be left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from deploy.local.topics import SERVICES
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
STEPS = (0, 0, 1, 2, 3, 5, 8, 13)
BETWEEN = ("after publish", "after commit", "read", "begin")
"""A process freezes some steps after these moments; at the others at once, on the brink of a deed."""
OF_EFFECTS = ("before_effect", "before request", "after request", "after_effect")
OF_VIEWS = ("before project", "after project")
LONGER_THAN_A_LEASE = (16.0, 16.0, 25.0, 40.0)
"""So that others, who look every few seconds, have taken over before it ends."""


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
    operation: str
    """What is asked of the other side when the fate befalls."""

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
            "outside troubled": f"{self.service}: {self.operation} {self.fate} {self.times} times",
            "outside down": f"{self.service} for {seconds}",
            "poison decision": f"{self.service} {self.times} times",
            "clock jumps": f"{one} by {'' if self.times % 2 else '-'}{seconds}",
        }
        return f"{self.kind}: {told.get(self.kind, f'{self.service} partition {self.partition}')}"


PLACES: Mapping[Kind, tuple[str, ...]] = {
    "store fails": (
        "begin",
        "before commit",
        "after commit",
        "before advance",
        "after advance",
        "before project",
        "after project",
    ),
    "producer fails": ("before publish", "after publish"),
    "freeze": (
        *("before advance",) * 3,
        *("before project",) * 4,
        "before publish",
        "after publish",
        "before commit",
        *("after commit",) * 2,
        "before request",
        "read",
        "begin",
    ),
}
"""Where else than at any moment a fault can strike."""
WEIGHTS: Mapping[Kind, int] = {"crash": 4, "poison decision": 2, "freeze": 4, "outside troubled": 5}
"""What goes wrong more often than the rest."""
OUTSIDE = ("payment", "shipping", "notification")
TROUBLED = (
    *[("payment", operation) for operation in ("capture", *("authorise", "void", "refund", "renew", "renew") * 2)],
    *[("shipping", operation) for operation in ("quotes", "buy_label", "hand_over", *("void",) * 3)],
    *[("notification", "mail")] * 2,
)
"""Who is in trouble with what: oftener with what is seldom asked for, or costs most when it is guessed."""


def draw(random: Random, faults: int, *, views: bool) -> tuple[Fault, ...]:
    """So many faults in the time of the workload, of a world with views or without."""
    return tuple(sorted((_fault(random, views) for _ in range(faults)), key=lambda fault: fault.at))


def _fault(random: Random, views: bool) -> Fault:
    kinds: tuple[Kind, ...] = tuple(one for one in get_args(Kind) if views or one != "view upgraded")
    kind = random.choices(kinds, weights=[WEIGHTS.get(one, 1) for one in kinds])[0]
    outside = kind in ("outside troubled", "outside down")
    troubled, operation = random.choice(TROUBLED)
    service = troubled if outside else random.choice(SERVICES)
    moment = random.choice(_moments(kind, service, views))
    lasts = LONGER_THAN_A_LEASE if kind == "freeze" and random.random() < 0.8 else (0.1, 1.0, 3.0, 15.0, 40.0)
    return Fault(
        at=random.uniform(0.0, LASTS_S * 0.6),
        kind=kind,
        service=service,
        slot=random.randint(0, 1),
        moment=moment,
        steps=random.choice(STEPS) if kind != "freeze" or moment in BETWEEN else 0,
        seconds=random.choice(lasts),
        times=random.randint(1, 6),
        partition=random.randint(0, 7),
        fate=random.choice(TROUBLE),
        operation=operation,
    )


def _moments(kind: Kind, service: str, views: bool) -> Sequence[str]:
    """Those that the service ever reaches."""
    never = (() if service in OUTSIDE else OF_EFFECTS) + (() if views else OF_VIEWS)
    return [one for one in PLACES.get(kind, MOMENTS) if one not in never]

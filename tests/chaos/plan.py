"""What will go wrong when: one seed, one plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from deploy.local.infrastructure import BROKER, DATABASE
from deploy.local.topics import SERVICES

LINES = (DATABASE, BROKER, "gateway", "carrier", "smtp", "gateway-webhooks", "carrier-webhooks", "orders")
"""Connections that run through the proxy."""


class Kind(StrEnum):
    """What can be done to a stack."""

    kill = "kill"
    """SIGKILL; started again after a while."""
    restart = "restart"
    """SIGTERM; started again at once."""
    freeze = "freeze"
    """SIGSTOP, and SIGCONT after a while."""
    cut = "cut"
    """Reset every connection of a line, whatever is under way."""
    stall = "stall"
    """A line stays up and carries nothing for a while."""
    slow = "slow"
    """Everything on a line comes late for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that goes wrong; times are seconds, `at_s` from the beginning of the load."""

    at_s: float
    kind: Kind
    target: str
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds from one trouble of a sort to the next, at least and at most."""

    service_killed: tuple[float, float] = (3, 10)
    service_frozen: tuple[float, float] = (20, 40)
    database_killed: tuple[float, float] = (20, 20)
    broker_restarted: tuple[float, float] = (60, 60)
    line_cut: tuple[float, float] = (4, 12)
    line_stalled: tuple[float, float] = (20, 40)
    line_slowed: tuple[float, float] = (15, 30)
    takeover_s: float = 4.0
    """Session timeout and lease of the services; who is frozen is frozen for longer."""


COMPRESSED = Pace(
    service_killed=(3, 6),
    service_frozen=(12, 14),
    database_killed=(11, 11),
    broker_restarted=(17, 17),
    line_cut=(3, 6),
    line_stalled=(9, 14),
    line_slowed=(6, 10),
)
"""Every sort of trouble within twenty seconds."""


def plan(seed: int, seconds: float, pace: Pace = Pace()) -> tuple[Trouble, ...]:
    """All troubles of a run, in the order of their times; nothing begins after `seconds`.

    Each sort has dice of its own, so that another pace of one changes no other.
    """
    sorts = (
        _services_killed(Random(f"{seed}/service killed"), pace),
        _services_frozen(Random(f"{seed}/service frozen"), pace),
        _database_killed(Random(f"{seed}/database killed"), pace),
        _broker_restarted(Random(f"{seed}/broker restarted"), pace),
        _lines_cut(Random(f"{seed}/line cut"), pace),
        _lines_stalled(Random(f"{seed}/line stalled"), pace),
        _lines_slowed(Random(f"{seed}/line slowed"), pace),
    )
    troubles = [trouble for sort in sorts for trouble in _until(seconds, sort)]
    return tuple(sorted(troubles, key=lambda one: (one.at_s, one.kind, one.target)))


def _until(seconds: float, sort: Iterator[Trouble]) -> Iterator[Trouble]:
    for trouble in sort:
        if trouble.at_s > seconds:
            return
        yield trouble


def _moments(dice: Random, between: tuple[float, float]) -> Iterator[float]:
    at_s = 0.0
    while True:
        at_s += dice.uniform(*between)
        yield round(at_s, 3)


def _services_killed(dice: Random, pace: Pace) -> Iterator[Trouble]:
    for at_s in _moments(dice, pace.service_killed):
        away_s = dice.uniform(0, 1)
        yield Trouble(at_s=at_s, kind=Kind.kill, target=dice.choice(SERVICES), lasts_s=away_s)


def _services_frozen(dice: Random, pace: Pace) -> Iterator[Trouble]:
    for at_s in _moments(dice, pace.service_frozen):
        frozen_s = pace.takeover_s * dice.uniform(1.2, 2)
        yield Trouble(at_s=at_s, kind=Kind.freeze, target=dice.choice(SERVICES), lasts_s=frozen_s)


def _database_killed(dice: Random, pace: Pace) -> Iterator[Trouble]:
    for at_s in _moments(dice, pace.database_killed):
        yield Trouble(at_s=at_s, kind=Kind.kill, target=DATABASE, lasts_s=dice.uniform(0, 2))


def _broker_restarted(dice: Random, pace: Pace) -> Iterator[Trouble]:
    for at_s in _moments(dice, pace.broker_restarted):
        yield Trouble(at_s=at_s, kind=dice.choice((Kind.restart, Kind.kill)), target=BROKER)


def _lines_cut(dice: Random, pace: Pace) -> Iterator[Trouble]:
    for at_s in _moments(dice, pace.line_cut):
        yield Trouble(at_s=at_s, kind=Kind.cut, target=dice.choice(LINES))


def _lines_stalled(dice: Random, pace: Pace) -> Iterator[Trouble]:
    for at_s in _moments(dice, pace.line_stalled):
        yield Trouble(at_s=at_s, kind=Kind.stall, target=dice.choice(LINES), lasts_s=dice.uniform(1, 6))


def _lines_slowed(dice: Random, pace: Pace) -> Iterator[Trouble]:
    for at_s in _moments(dice, pace.line_slowed):
        yield Trouble(at_s=at_s, kind=Kind.slow, target=dice.choice(LINES), lasts_s=dice.uniform(2, 8))

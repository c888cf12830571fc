"""What goes wrong really does: a fault that strikes nothing shows nothing."""

from collections import Counter
from itertools import chain
from typing import get_args

import pytest

from tests.extent import extent
from tests.simulation.faults import TROUBLED, Kind
from tests.simulation.running import Trouble, plan, run

FIRST, WORLDS = 10_000, extent(part=30, whole=200)
MOST = 200
"""Worlds within which the rarest operation meets trouble."""
SELDOM = {"outside troubled": 0.3}
"""Trouble waits for an operation that a world may never come to: most have no renewal and void no label."""


@pytest.fixture(scope="module")
def troubles() -> list[Trouble]:
    return [run(plan(seed)).trouble for seed in range(FIRST, FIRST + WORLDS)]


def test_nearly_every_fault_strikes_and_some_of_every_kind(troubles: list[Trouble]) -> None:
    drawn = Counter(one.kind for seed in range(FIRST, FIRST + WORLDS) for one in plan(seed).faults)
    struck = Counter(one.kind for trouble in troubles for one in trouble.struck)

    assert struck.keys() == set(get_args(Kind))
    assert {kind for kind in drawn if struck[kind] < SELDOM.get(kind, 0.6) * drawn[kind]} == set()
    assert struck.total() > 0.8 * drawn.total()


def test_whatever_is_asked_of_the_outside_meets_trouble(troubles: list[Trouble]) -> None:
    more = (run(plan(seed)).trouble for seed in range(FIRST + WORLDS, FIRST + MOST))
    missing = set(TROUBLED)
    for trouble in chain(troubles, more):
        missing -= {(service, asked) for service, asked, fate in trouble.met if fate not in ("answered", "down")}
        if not missing:
            break

    assert missing == set()


def test_fences_are_hit_by_those_that_were_frozen(troubles: list[Trouble]) -> None:
    fenced = Counter[str]()
    for trouble in troubles:
        fenced += trouble.fenced

    assert fenced["advance"] >= WORLDS / 10
    assert fenced["project"] >= WORLDS / 40

"""Whole worlds of 20 orders and 10 faults each."""

from dataclasses import replace
from typing import Any

import pytest

from tests.simulation import running
from tests.simulation.many import run_seed
from tests.simulation.running import narrate, plan, run
from tests.simulation.workload import Workload

WORLDS, CHUNK = 500, 10


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_whatever_goes_wrong_every_promise_holds(first: int) -> None:
    ran = [run_seed(seed) for seed in range(first, first + CHUNK)]

    assert [f"seed {one.seed}: {one.findings[0]}" for one in ran if one.findings] == []


def test_without_faults_every_order_ends_by_itself_and_every_notice_is_told_once() -> None:
    for seed in range(1_000, 1_005):
        outcome = run(plan(seed, orders=10, faults=0))

        assert outcome.findings == (), "\n".join(narrate(outcome))


def test_a_world_in_which_nobody_does_anything_comes_to_rest() -> None:
    nothing = replace(plan(3), workload=Workload((), ()), faults=())

    assert run(nothing).findings == ()


@pytest.mark.parametrize(("part", "who"), [("play", "the world"), ("judge", "the judge")])
def test_a_world_that_raises_keeps_its_seed(part: str, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a mistake in the simulation itself
    def mistaken(*world: Any) -> Any:
        raise KeyError("allocations")

    monkeypatch.setattr(running, part, mistaken)

    # when a world runs among many others
    ran = run_seed(3, orders=1, faults=0)

    # then it is told as every broken promise is
    assert ran.seed == 3
    assert [one.partition(" (")[0] for one in ran.findings] == [
        f"the simulation itself: {who}: KeyError: 'allocations'"
    ]

"""Whole worlds of 20 orders and 10 faults each: SIMULATED_WORLDS of them, by default as many as a coffee takes."""

import os

import pytest

from tests.simulation.many import run_seeds
from tests.simulation.running import narrate, plan, run

WORLDS, CHUNK = int(os.environ.get("SIMULATED_WORLDS", "40")), 10


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_whatever_goes_wrong_every_promise_holds(first: int) -> None:
    broken = [
        f"seed {ran.seed}: {ran.findings[0]}"
        for ran in run_seeds(range(first, min(first + CHUNK, WORLDS)), 1)
        if ran.findings
    ]

    assert broken == []


def test_without_faults_every_order_ends_by_itself_and_every_notice_is_told_once() -> None:
    for seed in range(1_000, 1_005):
        outcome = run(plan(seed, orders=10, faults=0))

        assert outcome.findings == (), "\n".join(narrate(outcome))

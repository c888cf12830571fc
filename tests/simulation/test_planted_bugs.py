"""The checker is checked: it finds every planted bug, and makes the world that shows it small."""

import pytest

from tests.simulation.planted_bugs import BUGS, PlantedBug
from tests.simulation.running import narrate, plan, run, shrink
from tests.simulation.seeds_to_find import find


def test_at_least_fifteen_bugs_are_planted() -> None:
    assert len({bug.name for bug in BUGS}) >= 15


@pytest.mark.timeout(900)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_planted_bug_is_found_by_a_promise_that_it_breaks(bug: PlantedBug) -> None:
    found = find(bug)

    assert found.seeds > 0


@pytest.mark.timeout(900)
def test_a_failing_world_is_made_small_and_replays_exactly() -> None:
    oversell = next(bug for bug in BUGS if bug.name == "oversell")
    failed = next(
        outcome for seed in range(100) if (outcome := run(plan(seed, orders=8, faults=4), oversell.plant)).findings
    )

    smallest = shrink(failed, oversell.plant)

    assert len(smallest.plan.workload.orders) <= 3
    assert smallest.plan.faults == ()
    assert run(smallest.plan, oversell.plant).trace.digest() == smallest.trace.digest()
    assert any("FOUND" in line and "oversell" in line for line in narrate(smallest))

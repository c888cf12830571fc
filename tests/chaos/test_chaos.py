"""A while in which everything breaks, and nothing is lost, doubled or oversold."""

from pathlib import Path

from tests.chaos.bounds import Bounds
from tests.chaos.plan import COMPRESSED
from tests.chaos.run import discard, run
from tests.chaos.traffic import Load, Mischief
from tests.extent import extent

SECONDS = extent(part=20, whole=60)
RATE = 12

EVERY_TROUBLE = {
    "kill service",
    "kill postgres",
    "freeze service",
    "cut line",
    "stall line",
    "slow line",
}


def test_every_trouble_within_a_while_loses_doubles_and_oversells_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    load = Load(seed=1, rate=RATE, seconds=SECONDS, mischief=Mischief(poison=0.02))

    # With every sort of trouble within the last seconds, most of the orders may be under way.
    report = run(load, COMPRESSED, state, Bounds(most_behind=1.0))

    judgement, published = report.judgement, report.published
    assert (judgement.lost, judgement.doubled, judgement.oversold, judgement.other) == ((), (), (), ())
    assert [finding for verdict in judgement.verdicts for finding in verdict.findings] == []
    assert (report.beyond, report.ended_unasked) == ((), ())
    assert report.good
    assert published.offered == len(published.accepted) == judgement.ended + judgement.held == RATE * SECONDS
    assert len(published.answers) == published.offered // 2
    assert judgement.rejected == published.messages["poison"] > 0
    assert published.messages["double"] > 0
    assert published.messages["older"] > 0
    assert report.troubles.keys() >= EVERY_TROUBLE
    assert report.troubles.keys() & {"kill kafka", "restart kafka"}
    discard(state)

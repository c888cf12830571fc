"""A run is good only if every promise holds, within its bounds, and nothing ended by itself."""

from dataclasses import replace

import pytest

from tests.chaos.bounds import Bounds
from tests.chaos.judge import Judgement
from tests.chaos.load import Published
from tests.chaos.report import Report
from tests.chaos.traffic import Load

GOOD = Report(
    load=Load(seed=1, rate=50, seconds=60),
    bounds=Bounds(),
    published=Published(offered=3_000),
    troubles={},
    ended_unasked=(),
    false_starts=2,
    behind=1_000,
    load_s=61,
    back_s=1,
    heal_s=200,
    quiet_s=300,
    judgement=Judgement(
        statuses={"completed": 3_000},
        rejected=0,
        lost=(),
        doubled=(),
        oversold=(),
        other=(),
        verdicts=(),
        mails=0,
        mails_repeated=0,
    ),
)


def test_a_run_that_keeps_to_its_bounds_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert GOOD.good

    GOOD.print(as_json=False)

    told = capsys.readouterr()
    assert "1000 orders (at most 1000)" in told.out
    assert "300.0 s (at most 300 s)" in told.out
    assert "healed in time" in told.err


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (
            replace(GOOD, behind=1_001),
            "1001 of 3000 orders were behind when the troubles ended; at most 1000 may be.",
        ),
        (replace(GOOD, quiet_s=301.0), "It took 301 s to heal; at most 300 s are allowed."),
        (replace(GOOD, quiet_s=None), "What was left when the troubles ended never came to rest."),
        (replace(GOOD, bounds=Bounds(heal_within_s=200)), "It took 300 s to heal; at most 200 s are allowed."),
    ],
)
def test_a_run_beyond_its_bounds_is_not_good_and_says_why(
    report: Report, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not report.good

    report.print(as_json=False)

    told = capsys.readouterr().err
    assert sentence in told
    assert "NOT all is well" in told


def test_a_run_in_which_a_service_ended_by_itself_is_not_good(capsys: pytest.CaptureFixture[str]) -> None:
    report = replace(GOOD, ended_unasked=("order ended with code 1",))

    assert not report.good

    report.print(as_json=False)
    assert "order ended with code 1" in capsys.readouterr().out

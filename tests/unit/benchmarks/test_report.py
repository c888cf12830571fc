"""What is written of the findings."""

import json
import re
from pathlib import Path

from benchmarks.measure import Budget, Findings, Measure, Step
from benchmarks.page import page
from benchmarks.report import Report

LATENCY = {"p50": 20.5, "p90": 30.0, "p99": 45.0, "p99.9": 60.0}
FOUND = Findings(
    measures=(Measure(name="saga <prepaid>", unit="orders/s", runs=(1_000.0, 1_200.0, 900.0)),),
    budgets=(Budget(name="saga", orders=9_000, own={"order": 300.0}, backends={"order": 100.0}),),
    steps=(Step(offered=25, achieved=25, latency=LATENCY), Step(offered=500, achieved=410.4, latency=LATENCY)),
)


def written(found: Findings = FOUND) -> str:
    return page({"processor": "2 x something"}, [("measures", ("measure",), [("saga <prepaid>",)])], found.steps)


def test_the_page_needs_no_network() -> None:
    text = written()

    assert not re.search(r"<(?:script|img|iframe)[^>]*\ssrc|<link|@import|url\(", text)
    assert "fetch(" not in text


def test_the_page_holds_the_plotting_library_and_the_figures_that_it_draws() -> None:
    text = written()

    assert "uPlot=function" in text
    data = re.search(r"const data = (.*);\n", text)
    assert data is not None
    assert json.loads(data[1])["achieved"] == [25, 410.4]
    assert json.loads(data[1])["latency"]["p99"] == [45.0, 45.0]


def test_the_page_has_no_plots_when_no_load_was_measured() -> None:
    assert "uPlot" not in written(Findings())
    assert "<script>" not in written(Findings())


def test_names_are_text_and_no_markup() -> None:
    assert "saga &lt;prepaid&gt;" in written()
    assert "<prepaid>" not in written()


def test_nothing_of_the_template_is_left_unfilled() -> None:
    assert "<!-- " not in written()


def test_programs_get_every_figure_with_its_runs(tmp_path: Path) -> None:
    Report(configuration={"cores": "2"}, findings=FOUND).write_json(tmp_path / "new" / "found.json")

    found = json.loads((tmp_path / "new" / "found.json").read_text())

    assert found["configuration"] == {"cores": "2"}
    assert found["measures"][0]["runs"] == [1_000.0, 1_200.0, 900.0]
    assert found["measures"][0]["median"] == 1_000.0
    assert found["load"][1] == {"offered": 500, "achieved": 410.4, "latency": LATENCY}
    assert found["processor_us_per_order"][0]["total"] == 400.0


def test_what_could_not_be_measured_is_told_without_a_figure(tmp_path: Path) -> None:
    missing = Findings(measures=(Measure(name="a peer that is not installed", unit="orders/s", runs=()),))

    Report(configuration={}, findings=missing).write_json(tmp_path / "found.json")

    [told] = json.loads((tmp_path / "found.json").read_text())["measures"]
    assert (told["runs"], told["median"]) == ([], None)

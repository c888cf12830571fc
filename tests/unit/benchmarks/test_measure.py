"""What is made of the figures of several runs."""

from benchmarks.measure import Budget, Findings, Measure, percentiles


def test_a_measure_shows_its_median_and_its_spread() -> None:
    rate = Measure(
        name="rate", unit="orders/s", runs=(900.4, 1_100.0, 1_000.6), target="1,500", note="on two cores"
    )

    assert rate.row() == ("rate", "1,001 orders/s", "900 to 1,100", "1,500", "on two cores")


def test_a_single_run_has_no_spread() -> None:
    assert Measure(name="memory", unit="MB", runs=(91.26,)).row() == ("memory", "91.3 MB", "one run", "", "")


def test_percentiles_are_values_that_were_measured() -> None:
    late = percentiles([float(one) for one in range(1_000, 0, -1)])

    assert late == {"p50": 501.0, "p90": 901.0, "p99": 991.0, "p99.9": 1000.0}


def test_a_budget_adds_up_what_services_and_their_database_take() -> None:
    budget = Budget(
        name="saga", orders=10, own={"order": 700.0, "kafka": 200.0}, backends={"order": 90.0, "x": 10.0}
    )

    assert budget.rows() == [
        ("order", "700", "90", "790"),
        ("kafka", "200", "0", "200"),
        ("x", "0", "10", "10"),
        ("all", "900", "100", "1,000"),
    ]
    assert budget.total == 1_000.0


def test_a_measure_is_found_by_its_name_among_the_findings_of_several() -> None:
    one, other = Measure(name="one", unit="/s", runs=(1.0,)), Measure(name="other", unit="/s", runs=(2.0,))

    findings = Findings(measures=(one,)) + Findings(measures=(other,))

    assert findings.named("other") == other
    assert findings.named("third") is None

"""What the peers of the benchmarks place, and what is made of their reports."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.measure import Measure
from benchmarks.peers import programs
from benchmarks.peers.emmett_orders import commands
from benchmarks.peers.facts import FACTS_PER_ORDER, LINES_PER_ORDER, STEPS, all_skus, facts, orders
from benchmarks.peers.programs import NotMeasured, run_program, run_temporal
from shared.events.registry import CONTRACT

REPORT = '{"peer": "a 1.0", "setting": "b", "commands_per_order": 5, "orders_per_second": [1.5, 2]}'


def test_every_fact_that_a_peer_stores_is_an_event_of_the_contract() -> None:
    (order,) = orders(1, run="run")
    for step in STEPS:
        for fact in facts(order, step):
            event = CONTRACT[fact.type].model_validate_json(json.dumps(fact.payload))
            assert {*fact.payload} <= {*type(event).model_fields}


def test_an_order_has_ten_facts_of_which_three_allocate_stock() -> None:
    (order,) = orders(1, run="run")
    stored = [fact for step in STEPS for fact in facts(order, step)]
    assert len({(fact.stream, fact.type) for fact in stored}) == len(stored) == FACTS_PER_ORDER
    assert sum(fact.type == "inventory.stock-allocated.v1" for fact in stored) == LINES_PER_ORDER


def test_orders_of_a_run_want_every_sku_alike() -> None:
    wanted = Counter(sku for order in orders(200, run="run") for sku in order.skus)
    assert wanted == dict.fromkeys(all_skus(), 2)


def test_a_step_that_is_not_there_is_refused() -> None:
    (order,) = orders(1, run="run")
    with pytest.raises(ValueError, match="no step 'invoice'"):
        facts(order, "invoice")


def test_emmett_is_given_the_same_facts_a_stream_at_a_time() -> None:
    (order,) = orders(1, run="run")
    appended = [(one["stream"], event["type"]) for one in commands(order) for event in one["events"]]
    assert appended == [(fact.stream, fact.type) for step in STEPS for fact in facts(order, step)]


def test_emmett_is_told_how_many_events_a_stream_has_before() -> None:
    (order,) = orders(1, run="run")
    before = Counter[str]()
    for one in commands(order):
        assert one["follows"] == before[one["stream"]]
        before[one["stream"]] += len(one["events"])


def test_emmett_is_pinned_by_hash_and_its_lock_names_no_address() -> None:
    lock = json.loads((programs.SCRIPT / "package-lock.json").read_text())
    installed = {path: package for path, package in lock["packages"].items() if path}
    assert all(package["integrity"].startswith("sha512-") for package in installed.values())
    assert "://" not in json.dumps(lock)


def test_the_last_line_of_a_program_is_its_report() -> None:
    result = run_program([sys.executable, "-c", f"print('warming up'); print({REPORT!r})"])
    assert result.orders_per_second == (1.5, 2)


def test_a_program_that_fails_is_not_measured_for_the_reason_it_gives() -> None:
    with pytest.raises(NotMeasured, match=r"^stock does not add up$"):
        run_program([sys.executable, "-c", "import sys; sys.exit('first\\nstock does not add up')"])


def test_a_program_that_reports_something_else_is_not_measured() -> None:
    with pytest.raises(NotMeasured, match="can't be read"):
        run_program([sys.executable, "-c", "print('{}')"])


def test_a_program_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PATIENCE_S", 0.1)
    with pytest.raises(NotMeasured, match="no answer"):
        run_program([sys.executable, "-c", "import time; time.sleep(60)"])


def test_without_temporal_the_row_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ORDERSTREAM_TEMPORAL", raising=False)
    with pytest.raises(NotMeasured, match="ORDERSTREAM_TEMPORAL"):
        run_temporal("postgresql://nowhere")


def test_a_measure_that_was_not_taken_is_a_row_with_its_reason() -> None:
    measure = Measure(name="by Emmett", unit="orders/s", runs=(), note="Node.js is not there")

    assert measure.row() == ("by Emmett", "not measured", "", "", "Node.js is not there")

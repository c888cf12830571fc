"""Whose processor time is whose."""

import json
import os
from pathlib import Path

from benchmarks.processor import DRIVER, Usage, memory_of, usage_of


def test_instances_of_a_service_count_as_one(tmp_path: Path) -> None:
    running(tmp_path, "order", "order-2", "gateway")

    usage = usage_of(tmp_path)

    assert set(usage.own) == {"order", "gateway", DRIVER}
    # All three are this process, which goes on while one is read after the other.
    assert usage.own["order"] > 1.5 * usage.own["gateway"] > 0


def test_a_process_that_has_ended_is_left_out(tmp_path: Path) -> None:
    running(tmp_path, "order", pid=2**22 + 1)

    assert set(usage_of(tmp_path).own) == {DRIVER}


def test_the_time_for_an_order_is_what_was_used_in_between() -> None:
    before = Usage({"order": 1.0}, {"order": 0.5})
    after = Usage({"order": 3.0, "order late": 1.0}, {"order": 1.0})

    budget = after.since(before).for_each(1_000, "saga")

    assert budget.own == {"order": 2_000.0, "order late": 1_000.0}
    assert budget.backends == {"order": 500.0}


def test_the_memory_of_each_instance_of_a_service_is_told_apart(tmp_path: Path) -> None:
    running(tmp_path, "order", "order-2", "kafka")

    assert set(memory_of(tmp_path)) == {"order", "order-2"}


def running(state: Path, *names: str, pid: int | None = None) -> None:
    """Write down this process under these names, as a supervisor does."""
    rows = [{"name": name, "pid": pid or os.getpid(), "started": "then"} for name in names]
    (state / "processes.json").write_text(json.dumps(rows))

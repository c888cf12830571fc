"""The command line as a user runs it: a stack that runs on its own, and every command against it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.components import ROOT
from deploy.local.ownership import stop_stack
from deploy.local.stack import Stack
from tests.breakable import breakable
from tests.e2e.orders import a_line, an_order, number_of

PATIENCE_S = 60
HEADER = (
    "channel_order_id,channel_updated_at,placed_at,customer_id,customer_name,ship_name,ship_street,ship_city,"
    "ship_postal_code,ship_country,currency,payment_kind,payment_token,sku,quantity,unit_price\n"
)


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it is."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Oms:
    """`oms` with a state directory of its own, and the servers that keep their data in it."""

    state: Path

    def __call__(self, *arguments: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "oms", *arguments],
            cwd=ROOT,
            env={**os.environ, "OMS_STATE": str(self.state), "TEST_INFRA": breakable()},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def document(self, *arguments: str) -> Any:
        """The JSON document of a command that has to succeed."""
        answer = self(*arguments, "--json")
        assert answer.code == 0, answer.err
        return answer.document

    def until(self, status: str, number: str) -> Any:
        """Wait until an order has a status."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self("order", number, "--json")
            if answer.code == 0 and answer.document["status"] == status:
                return answer.document
            assert time.monotonic() < deadline, f"{number} is not {status}: {answer.out or answer.err}"
            time.sleep(0.3)


@pytest.fixture(scope="module")
def oms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oms]:
    """A stack that `oms up --detach` has started. Its seed and the orders' ids decide what goes wrong: nothing."""
    state = tmp_path_factory.mktemp("oms") / "state"
    command = Oms(state)
    assert command("status").code == 3
    up = command("up", "--detach", "--seed", "5", "--json")
    assert up.code == 0, up.err
    assert up.document["services"].keys() >= {"order", "inventory", "payment", "shipping", "notification"}
    try:
        yield command
    finally:
        stop_stack(state)
        Stack(state, components=(), infrastructure="local").discard()


def one_line(answer: Answer, code: int, *words: str) -> None:
    """A failure as a user likes it: its exit code, one line that says why, and no traceback."""
    assert answer.code == code
    assert answer.out == ""
    assert len(answer.err.strip().splitlines()) == 1, answer.err
    assert answer.err.startswith("oms: ")
    assert all(word in answer.err for word in words), answer.err


def test_every_process_is_ready(oms: Oms) -> None:
    processes = oms.document("status")["processes"]

    assert {one["state"] for one in processes} == {"ready"}
    assert len(processes) == 10
    assert all(one["address"] for one in processes)
    assert oms("status").code == 0
    assert "started" in oms("logs", "order").out


def test_a_second_stack_in_the_same_directory_is_refused_in_one_line(oms: Oms) -> None:
    answer = oms("up", "--detach")

    assert answer.code == 1
    assert "running" in answer.err.strip().splitlines()[-1]
    assert "Traceback" not in answer.err


def test_an_order_from_a_file_is_delivered_and_can_be_followed(oms: Oms, tmp_path: Path) -> None:
    oms.document("receive", "tea", "5", "--at", "WH-EAST")
    order = an_order(a_line("tea", 2), channel_order_id="tea-1")
    file = tmp_path / "orders.ndjson"
    file.write_text(order.model_dump_json() + "\n")

    assert oms.document("publish", str(file))["published"] == 1
    number = number_of(order)

    shown = oms.until("completed", number)
    assert shown["charged"] == 2_000
    assert [(line["sku"], line["quantity"], line["unit_price"]) for line in shown["lines"]] == [("tea", 2, 1_000)]
    assert shown["shipping_address"]["country"] == "US"
    audited = oms.document("audit", number)
    assert audited["steps"][0]["type"] == "order.placed.v1"
    assert {step["service"] for step in audited["steps"]} >= {"order", "inventory", "payment", "shipping"}
    stock = oms.document("stock", "tea")
    assert (stock["on_hand"], stock["reserved"]) == (3, 0)
    assert number in [one["order_number"] for one in oms.document("orders", "--status", "completed")["orders"]]
    for command in (("order", number), ("audit", number), ("stock", "tea"), ("orders",)):
        told = oms(*command)
        assert told.code == 0
        assert told.out.strip()
        assert told.err == ""


def test_a_receipt_that_is_repeated_under_its_key_is_taken_in_once(oms: Oms) -> None:
    for _ in range(2):
        oms.document("receive", "flour", "7", "--at", "WH-EAST", "--key", "delivery-1")
    oms.document("receive", "flour", "7", "--at", "WH-EAST")

    assert oms.document("stock", "flour")["on_hand"] == 14


def test_the_good_rows_of_a_table_are_published_and_the_bad_one_is_named(oms: Oms, tmp_path: Path) -> None:
    when = "2026-03-02T12:00:00Z"
    row = f"{{}},{when},{when},C-1,Ada,Ada,5 Main St,Boston,02108,US,USD,card,tok_1,milk,{{}},500"
    file = tmp_path / "orders.csv"
    file.write_text(
        HEADER + "\n".join([row.format("T-1", 1), row.format("T-2", "none"), row.format("T-3", 2)]) + "\n"
    )

    answer = oms("publish", str(file), "--json")

    assert answer.code == 1
    assert answer.document["published"] == 2
    [fault] = answer.document["faults"]
    assert fault["line"] == 3
    assert oms("publish", str(tmp_path / "nothing.csv")).code == 2


def test_an_order_on_hold_is_listed_and_released_and_another_is_cancelled(oms: Oms, tmp_path: Path) -> None:
    oms.document("receive", "piano", "9", "--at", "WH-WEST")
    dear, unwanted = (
        an_order(a_line("piano", unit_price=100_000_001), channel_order_id=name) for name in ("piano-1", "piano-2")
    )
    file = tmp_path / "orders.ndjson"
    file.write_text(dear.model_dump_json() + "\n" + unwanted.model_dump_json() + "\n")
    oms.document("publish", str(file))
    for order in (dear, unwanted):
        oms.until("held", number_of(order))

    listed = oms.document("hold", "list")["holds"]
    assert {number_of(dear), number_of(unwanted)} <= {one["order_number"] for one in listed}
    held = [
        oms.document("hold", "open", number_of(dear), "--reason", "a look", "--key", "note-4") for _ in range(2)
    ]
    assert [one["hold_id"] for one in held] == ["H2", "H2"]
    for hold in ("H1", "H2"):
        assert oms("hold", "release", number_of(dear), hold, "--reason", "a known customer").code == 0
    assert oms("cancel", number_of(unwanted), "--reason", "a mistake").code == 0

    oms.until("completed", number_of(dear))
    assert oms.until("cancelled", number_of(unwanted))["cancelled_cause"] == "operator"
    one_line(oms("cancel", number_of(dear), "--reason", "too late"), 1, "cancelled any more")


def test_failures_are_one_line_with_an_exit_code(oms: Oms) -> None:
    one_line(oms("order", "NONE"), 1, "NONE")
    one_line(oms("stock", "nothing"), 1, "nothing")
    one_line(oms("stock", "."), 1, "nothing is known of the SKU .")
    one_line(oms("order", ".."), 1, "there is no order ..")
    one_line(oms("audit", "NONE"), 1, "NONE")
    one_line(oms("cancel", "NONE"), 2, "--reason")
    one_line(oms("receive", "tea", "0", "--at", "WH-EAST"), 2, "QTY")
    one_line(oms("logs", "nobody"), 2, "nobody")
    one_line(oms("nonsense"), 2, "nonsense")
    assert oms("cancel", "NONE", "--reason", "why").code == 1


def test_verify_holds_on_all_of_it(oms: Oms) -> None:
    verified = oms.document("verify", "--patience", "30")

    assert verified["holds"]
    assert len(verified["checks"]) >= 8
    told = oms("verify")
    assert told.code == 0
    assert told.out.count("holds") == len(verified["checks"])


def test_down_ends_everything_and_up_finds_it_again(oms: Oms) -> None:
    before = oms.document("orders", "--limit", "1000")["orders"]

    assert oms.document("down") == {"ended": True}

    assert oms("status").code == 3
    one_line(oms("orders"), 3, "oms status")
    assert oms.document("down") == {"ended": False}
    assert oms("up", "--detach").code == 0
    assert oms.document("orders", "--limit", "1000")["orders"] == before
    assert oms("down").code == 0

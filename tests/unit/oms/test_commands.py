"""The commands as an operator sees them: what is asked of the services, what is printed, how failures end."""

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.local.processes import Command, Processes
from oms.commands.orders import Status
from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import KEY, Asked, Services
from tests.unit.oms.test_publish import ORDER as INTAKE

ROW = {
    "order_number": "SO-7",
    "channel": "web",
    "channel_order_id": "W-7",
    "customer_id": "C-1",
    "customer_name": "[red]Ada\x1b[31m",
    "placed_at": "2026-03-02T09:00:00+00:00",
    "currency": "USD",
    "total": 4_300,
    "lines": 2,
    "units": 4,
    "delivery": "ship",
    "payment_status": "authorised",
    "accepted_at": "2026-03-02T09:00:01+00:00",
    "order_status": "confirmed",
    "holds": [],
    "fulfilments": {"SO-7-F1": {"location": "EAST", "status": "requested", "units": 4}},
    "charged": 0,
    "confirmed_at": "2026-03-02T09:00:02+00:00",
    "amount": 4_300,
    "status": "confirmed",
    "on_hold": "no",
    "changed_at": "2026-03-02T09:00:02+00:00",
}
"""An order in a list."""
LINE = {"line_id": "1", "sku": "TEA", "name": "Tea", "quantity": 3, "unit_price": 600, "value": 1_800}
ORDER = {
    **ROW,
    "lines": [
        {**LINE, "discount": 0, "tax": 0},
        {**LINE, "discount": 0, "tax": 0, "line_id": "2", "sku": "POT", "quantity": 1, "unit_price": 2_500},
    ],
    "shipping_address": {"name": "Ada", "street": "5 Main St", "city": "Boston", "country": "US", "region": ""},
}
"""An order asked for by its number."""


def test_an_order_is_shown_with_its_lines(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/orders/SO-7", ORDER)

    code, out, err = oms("order", "SO-7")

    assert (code, err) == (0, "")
    assert "confirmed" in out
    assert "5 Main St" in out
    [tea] = [line.split() for line in out.splitlines() if "TEA" in line]
    assert tea[:5] == ["1", "TEA", "Tea", "3", "600"]
    [parcel] = [line.split() for line in out.splitlines() if "SO-7-F1" in line]
    assert parcel == ["SO-7-F1", "EAST", "requested", "4"]
    assert services.asked == [Asked("GET", "/order/orders/SO-7", {}, None, KEY)]


def test_neither_markup_nor_control_characters_in_an_answer_touch_the_terminal(
    oms: Oms, services: Services
) -> None:
    services.answer("GET", "/order/orders/SO-7", ORDER)

    assert "[red]Ada\\x1b[31m" in oms("order", "SO-7")[1]


def test_json_is_one_document_and_nothing_else(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/orders/SO-7", ORDER)

    code, out, err = oms("order", "SO-7", "--json")

    assert (code, json.loads(out), err) == (0, ORDER, "")


def test_orders_are_listed_by_status_and_customer(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/orders", {"orders": [ROW]})

    code, out, _ = oms("orders", "--status", "confirmed", "--customer", "C-1")

    assert code == 0
    assert "SO-7" in out
    expected = {"status": "confirmed", "customer": "C-1", "limit": "50", "offset": "0"}
    assert services.asked[0].parameters == expected


def test_orders_are_listed_by_channel_and_from_further_back(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/orders", {"orders": [ROW]})

    assert oms("orders", "--channel", "web", "--offset", "50", "--json")[0] == 0

    assert services.asked[0].parameters == {"channel": "web", "limit": "50", "offset": "50"}


def test_an_order_on_an_alarm_is_listed_as_on_hold(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/orders", {"orders": [{**ROW, "on_hold": "yes"}]})

    title, _, columns, *_ = oms("orders")[1].splitlines()

    assert title.strip() == "orders"
    assert "on hold" in " ".join([title, columns])


def test_a_status_that_does_not_exist_is_wrong_usage_and_the_others_are_named(
    oms: Oms, services: Services
) -> None:
    code, out, err = oms("orders", "--status", "bogus")

    assert (code, out, services.asked) == (2, "", [])
    assert err.count("\n") == 1
    assert all(status.value in err for status in Status)


def test_no_orders_are_none_and_no_failure(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/orders", {"orders": []})

    assert oms("orders") == (0, "orders: none\n", "")


@pytest.mark.parametrize("decision", ["approve", "reject", "cancel"])
def test_a_decision_carries_its_reason(oms: Oms, services: Services, decision: str) -> None:
    services.answer("POST", f"/order/orders/SO-7/{decision}", {"order_number": "SO-7"})

    code, out, err = oms(decision, "SO-7", "--reason", "the customer called")

    assert (code, out) == (0, "")
    assert err.count("\n") == 1
    assert services.asked[0].body == {"reason": "the customer called"}


@pytest.mark.parametrize("decision", [("approve",), ("reject",), ("cancel",), ("hold", "open")])
def test_a_decision_without_a_reason_is_wrong_usage(
    oms: Oms, services: Services, decision: tuple[str, ...]
) -> None:
    code, out, err = oms(*decision, "SO-7")

    assert (code, out, services.asked) == (2, "", [])
    assert err == "oms: Missing option '--reason'.\n"


def test_a_hold_is_released_with_a_corrected_address(oms: Oms, services: Services) -> None:
    services.answer("POST", "/order/orders/SO-7/holds/H1/release", {})

    code, _, err = oms("hold", "release", "SO-7", "H1", "--reason", "typo", "--city", "Boston")

    assert (code, err) == (0, "hold H1 of SO-7 is released\n")
    assert services.asked[0].body == {"reason": "typo", "city": "Boston"}


def test_a_hold_is_opened_by_hand(oms: Oms, services: Services) -> None:
    services.answer("POST", "/order/orders/SO-7/holds", {})

    assert oms("hold", "open", "SO-7", "--reason", "fraud?", "--owner", "risk")[0] == 0
    assert services.asked[0].body == {"reason": "fraud?", "owner": "risk"}


def test_open_holds_are_listed_by_owner(oms: Oms, services: Services) -> None:
    late = {
        "order_number": "SO-7",
        "hold_id": "H1",
        "reason": "payment_overdue",
        "owner": "payments",
        "explanation": "No answer.",
        "fulfilment_id": "",
        "opened_at": "2026-03-02T09:05:00+00:00",
        "opened_by": "system",
    }
    services.answer("GET", "/order/holds", {"holds": [late]})

    told = oms("hold", "list")[1]

    assert all(word in told for word in ("SO-7", "payment_overdue", "payments", "2026-03-02T09:05"))
    assert json.loads(oms("hold", "list", "--owner", "payments", "--json")[1]) == {"holds": [late]}
    assert [asked.parameters for asked in services.asked] == [
        {"limit": "1000", "offset": "0"},
        {"limit": "1000", "offset": "0", "owner": "payments"},
    ]


def test_more_holds_than_a_service_answers_at_once_are_all_listed(oms: Oms, services: Services) -> None:
    holds = [{"order_number": f"SO-{number}", "hold_id": "H1"} for number in range(1_500)]

    def page(asked: Mapping[str, str], body: Any) -> Any:
        start = int(asked["offset"])
        return {"holds": holds[start : start + int(asked["limit"])]}

    services.answer("GET", "/order/holds", page)

    assert json.loads(oms("hold", "list", "--json")[1]) == {"holds": holds}
    assert json.loads(oms("hold", "list", "--limit", "7", "--json")[1]) == {"holds": holds[:7]}


def test_stock_is_shown_and_received(oms: Oms, services: Services) -> None:
    services.answer(
        "GET", "/inventory/stock/TEA", {"sku": "TEA", "locations": [{"location": "EAST", "on_hand": 5}]}
    )
    services.answer("POST", "/inventory/stock/TEA/receive", {"sku": "TEA"})

    assert "EAST" in oms("stock", "TEA")[1]
    assert oms("receive", "TEA", "12", "--at", "EAST")[0] == 0
    assert services.asked[-1].body == {"location": "EAST", "quantity": 12}
    assert oms("receive", "TEA", "1", "--at", "EAST")[2] == "1 unit of TEA received at EAST\n"


@pytest.mark.parametrize("quantity", ["0", "-1", "many"])
def test_only_a_positive_number_of_units_is_received(oms: Oms, services: Services, quantity: str) -> None:
    code, _, err = oms("receive", "TEA", "--at", "EAST", "--", quantity)

    assert (code, services.asked) == (2, [])
    assert err.startswith("oms: Invalid value")


def test_a_refusal_is_one_line_and_exit_1(oms: Oms, services: Services) -> None:
    problem = {"title": "Refused", "status": 409, "detail": "the order\nhas left"}
    services.answer("POST", "/order/orders/SO-7/cancel", problem, status=409)

    assert oms("cancel", "SO-7", "--reason", "x") == (1, "", "oms: the order has left\n")


def test_a_count_is_stated_and_a_refused_one_names_the_orders_in_one_line(oms: Oms, services: Services) -> None:
    services.answer("POST", "/inventory/stock/TEA/count", {"sku": "TEA"})
    said = oms("count", "TEA", "3", "--at", "EAST", "--reason", "yearly count")
    assert said == (0, "", "3 units of TEA counted at EAST\n")
    assert services.asked[-1].body == {"location": "EAST", "counted": 3, "reason": "yearly count"}

    detail = "EAST has 5 of TEA on hand, 4 of them reserved; they are set aside for SO-1 (3), SO-2 (1)"
    services.answer("POST", "/inventory/stock/TEA/count", {"title": "Refused", "detail": detail}, status=409)
    assert oms("count", "TEA", "3", "--at", "EAST", "--reason", "again") == (1, "", f"oms: {detail}\n")


def test_an_unknown_order_is_one_line_and_exit_1(oms: Oms, services: Services) -> None:
    assert oms("order", "SO-8") == (1, "", "oms: nothing at /order/orders/SO-8\n")


def test_a_service_without_its_store_is_exit_3(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/orders/SO-7", {"detail": "the store does not answer"}, status=503)

    assert oms("order", "SO-7") == (3, "", "oms: the order service can't work now: the store does not answer\n")


def test_where_no_stack_was_started_the_exit_is_3(oms: Oms, tmp_path: Path) -> None:
    code, out, err = oms("order", "SO-7")

    assert (code, out) == (3, "")
    assert err == f"oms: no stack was started in {tmp_path}; start one with `oms up`\n"


def test_a_stack_that_is_down_is_exit_3(oms: Oms, services: Services, tmp_path: Path) -> None:
    stack = json.loads((tmp_path / "stack.json").read_text())
    stack["services"]["order"] = "http://127.0.0.1:9"
    (tmp_path / "stack.json").write_text(json.dumps(stack))

    code, out, err = oms("order", "SO-7")

    assert (code, out) == (3, "")
    assert err.startswith("oms: the order service does not answer at http://127.0.0.1:9 ")
    assert err.count("\n") == 1


def test_a_stack_json_that_is_none_is_exit_3(oms: Oms, tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")

    code, _, err = oms("orders")

    assert code == 3
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"services": None}, "services: Field required"),
        ({"operator_key": None}, "operator_key: Field required"),
        ({"services": {"order": "order:8000"}}, "services.order: an address begins with http:// or https://"),
        ({"gatewayurl": "http://gateway"}, "gatewayurl: Extra inputs are not permitted"),
    ],
)
@pytest.mark.parametrize("command", ["orders", "status"])
def test_a_stack_json_by_hand_that_is_wrong_says_in_one_line_which_field_is(
    oms: Oms, tmp_path: Path, command: str, change: dict[str, Any], fault: str
) -> None:
    stack = {"services": {"order": "http://order:8000"}, "operator_key": KEY, **change}
    given = {name: value for name, value in stack.items() if value is not None}
    (tmp_path / "stack.json").write_text(json.dumps(given))

    assert oms(command) == (3, "", f"oms: {tmp_path / 'stack.json'} is wrong: {fault}\n")


def test_services_and_a_key_are_enough_for_what_asks_only_services(
    oms: Oms, services: Services, tmp_path: Path
) -> None:
    by_hand(tmp_path, services)
    services.answer("GET", "/order/orders", {"orders": []})

    assert oms("orders") == (0, "orders: none\n", "")
    assert services.asked == [Asked("GET", "/order/orders", {"limit": "50", "offset": "0"}, None, KEY)]


def test_what_needs_kafka_says_so_where_none_is_given(oms: Oms, services: Services, tmp_path: Path) -> None:
    by_hand(tmp_path, services)
    file = tmp_path / "orders.ndjson"
    file.write_text(json.dumps(INTAKE))

    said = "oms: stack.json gives no kafka, which `oms publish` and `oms verify` need\n"
    assert oms("verify") == (3, "", said)
    assert oms("publish", str(file)) == (3, "", said)
    assert services.asked == []


@pytest.mark.parametrize("command", [("status",), ("logs", "order")])
def test_a_stack_that_was_started_elsewhere_has_no_processes_to_show(
    oms: Oms, services: Services, tmp_path: Path, command: tuple[str, ...]
) -> None:
    by_hand(tmp_path, services)

    said = f"oms: {tmp_path / 'stack.json'} names no processes: `oms up` did not start this stack\n"
    assert oms(*command) == (3, "", said)


def by_hand(state: Path, services: Services) -> None:
    """Describe the services as somebody does who wants no more than to ask them."""
    described = services.description()
    addresses = {name: f"{address}/" for name, address in described.services.items()}
    (state / "stack.json").write_text(json.dumps({"services": addresses, "operator_key": KEY}))


def test_without_a_command_the_help_is_shown(oms: Oms) -> None:
    code, out, _ = oms()

    assert code == 2
    assert "publish" in out


def test_the_help_calls_the_command_by_its_name(oms: Oms) -> None:
    assert oms("order", "--help")[1].startswith("Usage: oms order ")


def test_the_version_is_shown(oms: Oms) -> None:
    code, out, _ = oms("--version")

    assert code == 0
    assert re.fullmatch(r"orderstream \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize("command", [("status",), ("order", "SO-7"), ("up",), ("down",), ("demo",)])
def test_a_state_directory_below_a_file_is_wrong_usage(oms: Oms, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("")

    code, out, err = oms(*command, "--state", str(tmp_path / "file" / "state"))

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{tmp_path / 'file'} is a file" in err


def test_an_unknown_command_is_wrong_usage(oms: Oms) -> None:
    assert oms("fly") == (2, "", "oms: No such command 'fly'.\n")


def test_an_unexpected_error_is_one_line_unless_it_is_debugged(
    oms: Oms, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.answer("GET", "/order/orders", {"surprise": True})

    assert oms("orders") == (1, "", "oms: unexpected KeyError: 'orders' (OMS_DEBUG=1 shows where)\n")
    monkeypatch.setenv("OMS_DEBUG", "1")
    with pytest.raises(KeyError):
        oms("orders")


def test_the_status_of_a_stack_that_does_not_run_is_exit_3(oms: Oms, services: Services, tmp_path: Path) -> None:
    stack = json.loads((tmp_path / "stack.json").read_text())
    stack["processes"] = {"order": str(tmp_path / "logs" / "order.log")}
    (tmp_path / "stack.json").write_text(json.dumps(stack))

    code, out, _ = oms("status", "--json")

    assert code == 3
    assert [process["state"] for process in json.loads(out)["processes"]] == ["stopped"]


def test_a_process_that_hangs_is_not_ready(oms: Oms, services: Services, tmp_path: Path) -> None:
    stack = json.loads((tmp_path / "stack.json").read_text())
    stack["processes"] = {name: str(tmp_path / f"{name}.log") for name in ("order", "kafka", "postgres")}
    with socket.create_server(("127.0.0.1", 0)) as silent, hanging(tmp_path, *stack["processes"]):
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        stack |= {"kafka": address, "postgres": f"postgresql://admin:secret@{address}/postgres"}
        stack["services"] = {"order": f"http://{address}"}
        (tmp_path / "stack.json").write_text(json.dumps(stack))

        code, out, _ = oms("status", "--json")

    assert code == 1
    assert {one["name"]: one["state"] for one in json.loads(out)["processes"]} == {
        "order": "not ready",
        "kafka": "not ready",
        "postgres": "not ready",
    }


@contextmanager
def hanging(state: Path, *names: str) -> Iterator[None]:
    """Processes of a stack that run and do nothing."""
    processes = Processes(state)
    for name in names:
        processes.start(Command(name=name, argv=("/bin/sleep", "300")))
    try:
        yield
    finally:
        processes.stop_all(names)
        processes.close()


def test_the_status_tells_where_the_servers_are_and_no_password(
    oms: Oms, services: Services, tmp_path: Path
) -> None:
    stack = json.loads((tmp_path / "stack.json").read_text())
    stack["processes"] = {name: str(tmp_path / f"{name}.log") for name in ("kafka", "postgres")}
    stack["kafka"] = "127.0.0.1:9092"
    stack["postgres"] = "postgresql://admin:secret@127.0.0.1:5432/postgres"
    (tmp_path / "stack.json").write_text(json.dumps(stack))

    processes = json.loads(oms("status", "--json")[1])["processes"]

    assert [one["address"] for one in processes] == ["127.0.0.1:9092", "127.0.0.1:5432"]


def test_down_where_nothing_runs_is_fine(oms: Oms, tmp_path: Path) -> None:
    assert oms("down") == (0, "", f"no stack is running in {tmp_path}\n")


def test_the_last_lines_of_a_log_are_shown(oms: Oms, services: Services, tmp_path: Path) -> None:
    log = tmp_path / "order.log"
    log.write_text("one\ntwo\nthree\n")
    stack = json.loads((tmp_path / "stack.json").read_text())
    stack["processes"] = {"order": str(log), "payment": str(tmp_path / "none.log")}
    (tmp_path / "stack.json").write_text(json.dumps(stack))

    assert oms("logs", "order", "--lines", "2") == (0, "two\nthree\n", "")
    assert json.loads(oms("logs", "order", "--json")[1]) == {"service": "order", "lines": ["one", "two", "three"]}
    assert oms("logs", "payment") == (0, "", "")
    assert oms("logs", "order", "--follow", "--json")[0] == 2
    assert oms("logs", "warehouse") == (
        2,
        "",
        "oms: the stack has no process named warehouse; there are order, payment\n",
    )

"""Orders from files: what is read, what is wrong and where, and what goes to the intake."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.publishing import intake_message
from oms.errors import Unreachable, WrongUsage
from oms.kafka import kafka_access
from oms.orders_file import COLUMNS, Fault, Statement, read_orders
from oms.publish import publish
from shared.events.channel import ChannelOrderReceived
from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import Services

ORDER: dict[str, Any] = {
    "channel": "web",
    "channel_order_id": "W-1",
    "channel_updated_at": "2026-03-02T12:00:00Z",
    "placed_at": "2026-03-02T11:59:00Z",
    "customer": {"id": "C-1", "name": "Ada Byron"},
    "shipping_address": {"name": "Ada Byron", "street": "5 Main St", "city": "Boston", "country": "US"},
    "currency": "USD",
    "lines": [{"line_id": "1", "sku": "TEA", "quantity": 3, "unit_price": 500}],
    "total": 1500,
    "payment": {"kind": "card", "token": "tok_visa"},
}
ROW = {
    "channel": "web",
    "channel_order_id": "W-1",
    "channel_updated_at": "2026-03-02T12:00:00Z",
    "placed_at": "2026-03-02T11:59:00Z",
    "customer_id": "C-1",
    "customer_name": "Ada Byron",
    "ship_name": "Ada Byron",
    "ship_street": "5 Main St",
    "ship_city": "Boston",
    "ship_country": "US",
    "currency": "USD",
    "payment_kind": "card",
    "payment_token": "tok_visa",
    "sku": "TEA",
    "quantity": "3",
    "unit_price": "500",
}


def csv_of(rows: Sequence[dict[str, str]], columns: Sequence[str] = COLUMNS) -> str:
    lines = [",".join(columns), *(",".join(row.get(column, "") for column in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def read(tmp_path: Path, name: str, text: str | bytes) -> list[Statement | Fault]:
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_orders(file))


def the_order(found: list[Statement | Fault]) -> ChannelOrderReceived:
    (statement,) = found
    assert isinstance(statement, Statement)
    return statement.order


def test_ndjson_has_one_order_a_line(tmp_path: Path) -> None:
    text = json.dumps(ORDER) + "\n\n" + json.dumps({**ORDER, "channel_order_id": "W-2"}) + "\n"

    found = read(tmp_path, "orders.ndjson", text)

    assert [one.line for one in found] == [1, 3]
    assert all(isinstance(one, Statement) for one in found)


def test_what_is_wrong_is_named_by_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    text = "\n".join(["{", json.dumps({**ORDER, "currency": "dollars"}), json.dumps(ORDER)])

    broken, wrong, good = read(tmp_path, "orders.ndjson", text)

    assert isinstance(broken, Fault)
    assert (broken.line, broken.explanation[:12]) == (1, "Invalid JSON")
    assert isinstance(wrong, Fault)
    assert (wrong.line, wrong.explanation[:9]) == (2, "currency:")
    assert isinstance(good, Statement)


def test_a_csv_says_the_same_as_ndjson(tmp_path: Path) -> None:
    from_csv = the_order(read(tmp_path, "orders.csv", csv_of([{**ROW, "total": "1500"}])))

    assert from_csv == the_order(read(tmp_path, "orders.ndjson", json.dumps(ORDER)))


def test_the_rows_of_one_order_are_its_lines(tmp_path: Path) -> None:
    other = {**ROW, "channel_order_id": "W-2"}
    pot = {**ROW, "sku": "POT", "quantity": "1", "unit_price": "900", "discount": "100", "tax": "50"}

    found = read(tmp_path, "orders.csv", csv_of([ROW, other, pot]))

    first, second = found
    assert isinstance(first, Statement)
    assert isinstance(second, Statement)
    assert (first.line, second.line) == (2, 3)
    assert [(line.line_id, line.sku) for line in first.order.lines] == [("1", "TEA"), ("2", "POT")]
    assert first.order.total == 1500 + 850


def test_a_total_that_is_stated_is_not_added_up(tmp_path: Path) -> None:
    assert the_order(read(tmp_path, "orders.csv", csv_of([{**ROW, "total": "1"}]))).total == 1


def test_a_restatement_in_the_same_file_is_a_message_of_its_own(tmp_path: Path) -> None:
    later = {**ROW, "channel_updated_at": "2026-03-02T13:00:00Z", "quantity": "4"}

    assert len(read(tmp_path, "orders.csv", csv_of([ROW, later]))) == 2


@pytest.mark.parametrize(
    ("change", "explanation"),
    [
        ({"quantity": "0"}, "lines.1.quantity: Input should be greater than 0"),
        ({"quantity": "many"}, "lines.1.quantity: Input should be a valid integer"),
        ({"sku": ""}, "lines.1.sku: Field required"),
        ({"customer_name": "Bob"}, "customer_name differs from line 2 of the same order"),
    ],
)
def test_a_row_that_is_wrong_spoils_its_order_and_is_named(
    tmp_path: Path, change: dict[str, str], explanation: str
) -> None:
    other = {**ROW, "channel_order_id": "W-2"}

    fault, good = read(tmp_path, "orders.csv", csv_of([ROW, {**ROW, "line_id": "2", **change}, other]))

    assert isinstance(fault, Fault)
    assert (fault.line, fault.explanation[: len(explanation)]) == (3, explanation)
    assert isinstance(good, Statement)


def test_an_order_that_lacks_a_field_is_named_by_its_first_row(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, "orders.csv", csv_of([{**ROW, "ship_country": ""}]))

    assert fault == Fault(2, "shipping_address.country: Field required")


@pytest.mark.parametrize(
    ("row", "explanation"),
    [
        ('web,"W-2"x,2026-03-02T12:00:00Z', "not CSV: ',' expected after '\"'; what follows was not read"),
        ('web,"W-2', "not CSV: unexpected end of data; what follows was not read"),
        ("web,W-2,2026-03-02T12:00:00Z", "the row has more or fewer cells than the header"),
        (
            csv_of([{**ROW, "sku": "Tea, black"}]).splitlines()[1],
            "the row has more or fewer cells than the header",
        ),
        (csv_of([{**ROW, "channel_order_id": ""}]).splitlines()[1], "the row has no channel_order_id"),
    ],
)
def test_a_row_that_may_belong_to_any_order_keeps_the_whole_file_from_being_published(
    tmp_path: Path, row: str, explanation: str
) -> None:
    header, first, second = csv_of([{**ROW, "ship_street": '"5 Main St\nBack door"'}, ROW]).split("\nweb")
    text = f"{header}\nweb{first}\n\n{row}\nweb{second}"

    (fault,) = read(tmp_path, "orders.csv", text)

    assert isinstance(fault, Fault)
    assert (fault.line, fault.explanation[: len(explanation)]) == (5, explanation)
    assert "nothing of the file is published" in fault.explanation


def test_every_row_that_may_belong_to_any_order_is_named(tmp_path: Path) -> None:
    text = csv_of([ROW, {**ROW, "channel_order_id": ""}]) + "web,W-2\n"

    assert [one.line for one in read(tmp_path, "orders.csv", text)] == [3, 4]


@pytest.mark.parametrize("time", ["", "2026-13-02T12:00:00Z"])
def test_no_half_of_an_order_is_published_when_a_row_has_a_wrong_time(tmp_path: Path, time: str) -> None:
    other = {**ROW, "channel_order_id": "W-2"}

    fault, good = read(tmp_path, "orders.csv", csv_of([ROW, {**ROW, "channel_updated_at": time}, other]))

    assert isinstance(fault, Fault)
    assert fault.line == 3
    assert isinstance(good, Statement)
    assert good.order.channel_order_id == "W-2"


def test_an_empty_channel_is_the_channel_file(tmp_path: Path) -> None:
    rows = [{**ROW, "channel": "file"}, {**ROW, "channel": ""}]

    assert read(tmp_path, "orders.csv", csv_of(rows)) == [
        Fault(3, "channel differs from line 2 of the same order")
    ]


def test_a_header_that_is_not_csv_is_a_fault(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, "orders.csv", '"sku"x,quantity\nTEA,1\n')

    assert isinstance(fault, Fault)
    assert (fault.line, fault.explanation[:8]) == (1, "not CSV:")


def test_discounts_larger_than_the_order_are_a_fault(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, "orders.csv", csv_of([{**ROW, "order_discount": "9999"}]))

    assert fault == Fault(2, "the discounts are larger than the order")


def test_ndjson_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeff" + json.dumps(ORDER)

    assert the_order(read(tmp_path, "orders.ndjson", text)).channel_order_id == "W-1"


def test_a_cell_may_have_several_lines_and_the_file_a_byte_order_mark(tmp_path: Path) -> None:
    text = csv_of([{**ROW, "ship_street": '"5 Main St\nBack door"'}])

    order = the_order(read(tmp_path, "orders.csv", "\ufeff".encode() + text.encode()))

    assert order.shipping_address.street == "5 Main St\nBack door"


@pytest.mark.parametrize(
    ("name", "text", "explanation"),
    [
        ("orders.xlsx", "", "orders.xlsx is neither .ndjson nor .csv"),
        ("orders.csv", "sku,quantity\n", "the CSV lacks the columns channel_order_id, unit_price"),
        ("orders.csv", ",".join([*COLUMNS, "colour"]), "the CSV has unknown columns colour"),
        ("orders.csv", ",".join([*COLUMNS, "sku"]), "the CSV has twice the columns sku"),
        ("orders.csv", "", "the CSV lacks the columns channel_order_id"),
        ("orders.csv", b"sku\n\xff\n", "the file is not UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_wrong_usage(
    tmp_path: Path, name: str, text: str | bytes, explanation: str
) -> None:
    with pytest.raises(WrongUsage, match=explanation):
        read(tmp_path, name, text)


def test_a_file_that_is_not_there_is_wrong_usage(oms: Oms, services: Services, tmp_path: Path) -> None:
    code, _, err = oms("publish", str(tmp_path / "none.csv"))

    assert (code, err) == (2, f"oms: {tmp_path / 'none.csv'} can't be read: No such file or directory\n")


def test_faults_are_reported_and_fail_the_command(oms: Oms, services: Services, tmp_path: Path) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_text("{}\n")

    code, out, err = oms("publish", str(file))

    assert (code, out) == (1, "")
    assert err.splitlines()[0].startswith("orders.ndjson:1: channel: Field required")
    assert json.loads(oms("publish", str(file), "--json")[1])["published"] == 0


def test_the_same_statement_has_the_same_id_whenever_it_is_published(tmp_path: Path) -> None:
    once = the_order(read(tmp_path, "orders.ndjson", json.dumps(ORDER)))
    twice = the_order(read(tmp_path, "orders.csv", csv_of([{**ROW, "total": "1500"}])))
    changed = the_order(read(tmp_path, "orders.ndjson", json.dumps({**ORDER, "notes": "ring twice"})))

    assert intake_message(once) == intake_message(twice) != intake_message(changed)


def test_a_broker_that_does_not_answer_is_said_so(services: Services) -> None:
    statement = Statement(1, ChannelOrderReceived.model_validate(ORDER))

    with pytest.raises(Unreachable, match="did not acknowledge 1 orders"):
        publish(services.description(), [statement], patience=timedelta(seconds=0.2))


def test_the_way_to_kafka_is_secured_as_that_of_the_services(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TLS": "true", "SASL_MECHANISM": "PLAIN", "USERNAME": "olga", "PASSWORD": "s"}.items():
        monkeypatch.setenv(f"OMS_KAFKA_{name}", value)

    settings = kafka_access(services.description()).for_client()

    assert (settings["bootstrap_servers"], settings["security_protocol"]) == ("127.0.0.1:1", "SASL_SSL")
    assert settings["sasl_plain_username"] == "olga"


@pytest.mark.parametrize("command", ["verify", "publish"])
def test_settings_of_kafka_that_do_not_go_together_are_wrong_usage(
    oms: Oms, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("OMS_KAFKA_SASL_MECHANISM", "PLAIN")
    file = tmp_path / "orders.ndjson"
    file.write_text(json.dumps(ORDER))

    said = "OMS_KAFKA_SASL_MECHANISM=PLAIN wants OMS_KAFKA_USERNAME, OMS_KAFKA_PASSWORD"
    arguments = [str(file)] if command == "publish" else []
    assert oms(command, *arguments) == (2, "", f"oms: settings are wrong: {said}\n")


def test_an_order_that_is_too_large_is_a_fault(services: Services) -> None:
    lines = [{"line_id": str(n), "sku": "S" * 200, "quantity": 1, "unit_price": 1} for n in range(5_000)]
    large = ChannelOrderReceived.model_validate({**ORDER, "lines": lines})

    published, faults = publish(services.description(), [Statement(7, large)])

    assert (published, faults) == (0, [Fault(7, "the order is larger than the intake takes")])

"""The demonstration without its stack: what its people do, when it is over, and what its closing table says."""

import json
import signal
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from channels.completejourney.baskets import Dirt
from channels.completejourney.opening_stock import OpeningStock
from deploy.local.ownership import disown, own
from oms.client import Client
from oms.demo.outcome import Outcome, met_shortage, smallest_compensated
from oms.demo.people import REPLENISHMENT, People
from oms.demo.progress import Progress
from oms.demo.report import TREATMENT, by_outcome, closing_report, figures
from oms.demo.standing import Standing
from oms.verify.finding import Finding
from oms.verify.run import Verdict
from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import Services

HOLDS = Verdict(invariant="1 orders", checked="2 orders", findings=())
ALARM = {"hold_id": "H1", "reason": "capture_refused", "owner": "payments"}
SHORT = OpeningStock(units={}, short=("TEA", "POT"), expected_shortages=2)


def order(number: str, status: str = "completed", **changes: Any) -> dict[str, Any]:
    """An order as the service lists it: two lines, five units, all of them shipped and charged."""
    shipped = status == "completed"
    parcel = {"location": "EAST", "status": "delivered", "units": 5}
    row = {
        "order_number": number,
        "channel": "web",
        "channel_order_id": number,
        "currency": "USD",
        "total": 123_456,
        "lines": 2,
        "units": 5,
        "holds": [],
        "fulfilments": {f"{number}-F1": parcel} if shipped else {},
        "charged": 123_456 if shipped else 0,
        "status": status,
    }
    return row | changes


def cancelled(number: str, cause: str, **changes: Any) -> dict[str, Any]:
    return order(number, "cancelled", cancelled_cause=cause, **changes)


def outcome(*orders: dict[str, Any]) -> Outcome:
    """A run of these orders over which every promise holds."""
    return Outcome(
        orders=orders,
        messages={"order": len(orders)},
        shortages_expected=2,
        dirt=Dirt(lines=7, without_quantity=1),
        mails={"count": 3, "duplicates": 0, "kinds": {"confirmation": 3}},
        money={"USD": 123_456},
        checks=[HOLDS],
        compensated="",
        audited=(),
        seconds=2.0,
        latencies=(0.1, 0.2),
    )


def logged(services: Services, facts: Mapping[str, list[str]]) -> None:
    """Let the order service answer with these types of facts by order."""

    def entries(asked: Mapping[str, str], body: Any) -> Any:
        types = facts.get(asked["correlation_id"], [])
        return {"facts": [entry(place, asked["correlation_id"], type) for place, type in enumerate(types, 1)]}

    services.answer("GET", "/order/operations/facts", entries)
    for service in ("inventory", "payment", "shipping", "notification"):
        services.answer("GET", f"/{service}/operations/facts", {"facts": []})


def entry(place: int, number: str, type: str) -> dict[str, Any]:
    return {
        "id": str(UUID(int=place)),
        "kind": "event",
        "type": f"{type}.v1",
        "stream": f"order-{number}",
        "lane": 1,
        "position": place,
        "causation_id": str(UUID(int=place - 1)),
        "actor": "system",
        "reason": "",
        "recorded_at": "2026-03-02T12:00:00+00:00",
        "payload": {"order_number": number},
    }


@pytest.fixture
def client(services: Services) -> Iterator[Client]:
    with Client(services.description()) as client:
        yield client


@pytest.fixture
def told_to_end() -> Iterator[None]:
    """What the demonstration does on SIGTERM ends with the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


BEGAN = ["order.placed", "order.compensation-began", "order.cancelled"]


def test_the_order_to_audit_had_a_compensation_and_not_a_cancellation_alone(
    client: Client, services: Services
) -> None:
    logged(services, {"SO-1": ["order.placed", "order.cancelled"], "SO-2": BEGAN})
    orders = (cancelled("SO-1", "shortage", lines=1), cancelled("SO-2", "operator", lines=9), order("SO-3"))

    assert smallest_compensated(client, orders) == "SO-2"


def test_the_order_to_audit_is_the_smallest_whose_payment_was_declined(client: Client, services: Services) -> None:
    logged(services, dict.fromkeys(("SO-1", "SO-2", "SO-3"), BEGAN))
    orders = (
        cancelled("SO-1", "operator", lines=1),
        cancelled("SO-2", "payment_declined", lines=7),
        cancelled("SO-3", "payment_declined", lines=4),
    )

    assert smallest_compensated(client, orders) == "SO-3"


def test_where_no_order_had_a_compensation_it_is_said(
    client: Client, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    logged(services, {"SO-1": ["order.placed", "order.cancelled"]})
    orders = (cancelled("SO-1", "shortage"),)

    assert smallest_compensated(client, orders) == ""
    assert closing_report(outcome(*orders), as_json=False)

    told = capsys.readouterr()
    assert "audit of" not in told.out
    assert "no order had a compensation" in told.err


def test_the_audit_stands_in_the_table_and_in_the_document(
    client: Client, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    logged(services, {"SO-2": BEGAN})
    services.answer("GET", "/order/orders", {"orders": [cancelled("SO-2", "payment_declined")]})
    services.answer("GET", "/gateway/v1/ledger/summary", {"currencies": {"USD": {"captured": 0}}})
    mailbox = services.description().model_copy(update={"mailbox_url": f"{services.url}/mailbox"})
    services.answer("GET", "/mailbox/mails/summary", {"count": 0, "duplicates": 0, "kinds": {}})
    with Client(mailbox) as asking:
        found = Outcome.of(asking, [], {}, SHORT, Dirt(), [HOLDS], 1.0)

    closing_report(found, as_json=False)
    assert "audit of SO-2" in capsys.readouterr().out
    closing_report(found, as_json=True)
    audit = json.loads(capsys.readouterr().out)["audit"]

    assert audit["order_number"] == "SO-2"
    assert [step["type"] for step in audit["steps"]] == [f"{name}.v1" for name in BEGAN]


def test_an_order_on_an_alarm_is_at_rest_and_its_hold_is_named() -> None:
    late = outcome(order("SO-1", "shipping", holds=[ALARM]), order("SO-2"))

    assert late.good
    assert [row["outcome"] for row in by_outcome(late)] == ["completed", "shipping, held: capture refused"]


@pytest.mark.parametrize(
    "bad",
    [
        outcome(order("SO-1"), order("SO-2", "awaiting_payment")),
        replace(outcome(order("SO-1")), messages={"order": 2}),
        replace(
            outcome(order("SO-1")), checks=[replace(HOLDS, findings=(Finding("1 orders", "SO-1", "is lost"),))]
        ),
    ],
    ids=["an order moves", "an order is missing", "a promise is broken"],
)
def test_only_if_all_is_well_it_is_said(bad: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    assert closing_report(outcome(order("SO-1")), as_json=False)
    assert capsys.readouterr().err.splitlines()[-1] == "all is well"

    assert not closing_report(bad, as_json=False)
    assert capsys.readouterr().err.splitlines()[-1].startswith("NOT all is well")
    assert not closing_report(bad, as_json=True)
    assert json.loads(capsys.readouterr().out)["good"] is False


def test_the_orders_that_still_move_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    closing_report(outcome(order("SO-1"), order("SO-2", "awaiting_payment")), as_json=False)

    last = capsys.readouterr().out.rpartition("orders that neither ended nor stand on a hold\n")[2]
    assert last.split()[-2:] == ["SO-2", "awaiting_payment"]
    assert "SO-1" not in last


def test_what_left_and_what_was_charged_stands_beside_what_was_ordered(capsys: pytest.CaptureFixture[str]) -> None:
    parcels = {
        "SO-2-F1": {"location": "EAST", "status": "delivered", "units": 3},
        "SO-2-F2": {"location": "WEST", "status": "cancelled", "units": 2},
    }
    run = outcome(order("SO-1"), order("SO-2", fulfilments=parcels, charged=100_000))

    closing_report(run, as_json=False)

    [row] = [line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["completed"]]
    assert row == ["completed", "2", "10", "8", "2,469.12", "2,234.56"]


def test_money_has_as_many_decimals_as_its_currency() -> None:
    run = outcome(*(order(name, currency=name) for name in ("JPY", "KWD", "USD")))

    [row] = by_outcome(run)

    assert [str(row[f"ordered {name}"]) for name in ("JPY", "KWD", "USD")] == ["123456", "123.456", "1234.56"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "cancelled", "cancelled_cause": "shortage"},
        {"waited": True},
        {"units_short": 1},
        {"status": "held", "holds": [{"hold_id": "H1", "reason": "shortage"}]},
    ],
)
def test_the_orders_that_met_a_shortage_are_counted_beside_those_expected_to(changes: dict[str, Any]) -> None:
    short = order("SO-1", **changes)

    assert met_shortage(short)
    told = figures(outcome(short, order("SO-2"), cancelled("SO-3", "operator")))
    assert told["orders expected to meet a shortage"] == "2"
    assert told["orders that met a shortage"] == "1"


def test_what_was_done_about_each_kind_of_dirt_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    closing_report(outcome(order("SO-1")), as_json=False)

    rows = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert set(TREATMENT) == {one.name for one in fields(Dirt)}
    assert [row.split() for row in rows if row.startswith("without quantity")] == [
        ["without", "quantity", "1", "left", "out"]
    ]


@pytest.mark.parametrize(
    ("statuses", "on_hold", "at_rest", "waits_for_goods"),
    [
        ({"completed": 3, "cancelled": 1}, 0, True, True),
        ({"completed": 3, "held": 1}, 1, True, True),
        ({"completed": 3, "shipping": 1}, 1, True, True),
        ({"completed": 3, "shipping": 1}, 0, False, False),
        ({"completed": 3, "backordered": 1, "held": 1}, 1, False, True),
    ],
)
def test_all_is_at_rest_when_every_order_ended_or_is_on_a_hold(
    client: Client,
    services: Services,
    statuses: dict[str, int],
    on_hold: int,
    at_rest: bool,
    waits_for_goods: bool,
) -> None:
    services.answer("GET", "/order/orders/summary", {"statuses": statuses, "on_hold": on_hold})

    standing = Standing.of(client)

    assert standing.orders == sum(statuses.values())
    assert (standing.at_rest, standing.waits_for_goods) == (at_rest, waits_for_goods)


def waiting(services: Services, **orders: list[dict[str, Any]]) -> None:
    """Let orders of these statuses wait for somebody."""

    def found(asked: Mapping[str, str], body: Any) -> Any:
        return {"orders": orders.get(asked["status"], [])}

    services.answer("GET", "/order/orders", found)


def posted(services: Services) -> list[tuple[str, Any]]:
    return [(asked.path, asked.body) for asked in services.asked if asked.method == "POST"]


def test_every_second_customer_pays_again_and_does_so_once(client: Client, services: Services) -> None:
    waiting(services, awaiting_payment=[order("A"), order("B")])
    services.answer("POST", "/order/orders/B/payment", {})
    people = People(client, SHORT)

    people.act()
    people.act()

    payment = {"kind": "card", "token": "tok_again_B"}
    assert posted(services) == [("/order/orders/B/payment", {"payment": payment, "reason": "another card"})]


def test_every_second_address_that_the_carrier_refused_is_mended(client: Client, services: Services) -> None:
    refused = [{"hold_id": "H3", "reason": "carrier_refused", "owner": "warehouse"}]
    review = [{"hold_id": "H1", "reason": "amount_over_limit", "owner": "fraud"}]
    waiting(services, held=[order("A", holds=refused), order("B", holds=refused), order("D", holds=review)])
    services.answer("POST", "/order/orders/B/holds/H3/release", {})

    People(client, SHORT).act()

    [(path, body)] = posted(services)
    assert (path, body["city"]) == ("/order/orders/B/holds/H3/release", "Columbus")


def test_the_lorry_brings_what_runs_short(client: Client, services: Services) -> None:
    services.answer("POST", "/inventory/stock/bulk-receive", {})

    People(client, SHORT).goods_arrive()

    [(_, body)] = posted(services)
    assert [(line["sku"], line["quantity"]) for line in body["lines"]] == [
        ("TEA", REPLENISHMENT),
        ("POT", REPLENISHMENT),
    ]


def test_progress_is_a_line_each_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    counts = dict.fromkeys(("completed", "shipping", "confirmed", "backordered", "held", "cancelled"), 1000)

    with Progress(6_000, visible=True) as progress:
        progress.show({})
        progress.show(counts)

    first, second = capsys.readouterr().err.splitlines()
    assert first.split() == ["0", "of", "6000"]
    assert second.endswith("cancelled 1000")


@pytest.mark.usefixtures("told_to_end")
def test_a_directory_made_for_nothing_is_removed(
    oms: Oms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OMS_STATE")
    monkeypatch.setenv("TEST_INFRA", "nowhere")
    monkeypatch.setattr("oms.demo.run.DEFAULT_STATE", tmp_path / "states")

    code, out, err = oms("demo")

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert list((tmp_path / "states").iterdir()) == []


@pytest.mark.usefixtures("told_to_end")
def test_the_stack_of_another_process_is_neither_used_nor_said_to_be_stopped(
    oms: Oms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_INFRA", "local")
    lock = own(tmp_path)
    try:
        code, out, err = oms("demo", "--orders", "1")
    finally:
        disown(tmp_path, lock)

    assert (code, out) == (1, "")
    assert err.splitlines() == ["reading 1 real basket", f"oms: a stack is running in {tmp_path} already"]

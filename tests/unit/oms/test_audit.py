"""One order's facts of all services, causes before effects."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from oms.audit import in_causal_order
from oms.client import SERVICES
from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import Services

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def identity(number: int) -> str:
    return str(UUID(int=number))


def entry(number: int, type: str, cause: int | str, seconds: float, **more: Any) -> dict[str, Any]:
    return {
        "id": identity(number),
        "kind": "event",
        "type": type,
        "stream": "order-SO-7",
        "lane": 1,
        "position": number,
        "causation_id": cause if isinstance(cause, str) else identity(cause),
        "actor": "system",
        "reason": "",
        "recorded_at": (NOON + timedelta(seconds=seconds)).isoformat(),
        "payload": {},
        **more,
    }


def test_a_cause_comes_before_its_effect_whatever_the_clocks_say() -> None:
    placed = entry(1, "order.placed.v1", 99, 10)
    reserve = entry(2, "inventory.reserve-stock.v1", 99, 10, kind="command")
    reserved = entry(3, "inventory.stock-reserved.v1", 2, 5)

    steps = in_causal_order([("inventory", reserved), ("order", reserve), ("order", placed)])

    assert [(step.type, step.depth) for step in steps] == [
        ("order.placed.v1", 0),
        ("inventory.reserve-stock.v1", 0),
        ("inventory.stock-reserved.v1", 1),
    ]
    assert steps[2].caused_by == identity(2)


def test_what_is_not_cause_and_effect_is_ordered_by_time_and_place() -> None:
    steps = in_causal_order(
        [
            ("order", entry(2, "b", 98, 1)),
            ("order", entry(3, "c", 99, 1)),
            ("payment", entry(1, "a", 97, 0)),
        ]
    )

    assert [step.type for step in steps] == ["a", "b", "c"]


def test_the_result_of_an_effect_follows_its_intent() -> None:
    intent = entry(1, "payment.capture-requested.v1", 99, 0)
    captured = entry(2, "payment.captured.v1", str(uuid5(UUID(intent["id"]), "result")), 1)

    steps = in_causal_order([("payment", captured), ("payment", intent)])

    assert [(step.type, step.depth) for step in steps] == [
        ("payment.capture-requested.v1", 0),
        ("payment.captured.v1", 1),
    ]


def test_a_fact_that_claims_to_cause_itself_is_not_left_out() -> None:
    steps = in_causal_order(
        [("order", entry(1, "a", 1, 0)), ("order", entry(2, "b", 3, 1)), ("order", entry(3, "c", 2, 2))]
    )

    assert sorted(step.type for step in steps) == ["a", "b", "c"]


def answer(services: Services, **facts: list[dict[str, Any]]) -> None:
    for service in SERVICES:
        body = {"service": service, "facts": facts.get(service, [])}
        services.answer("GET", f"/{service}/operations/facts", body)


def test_the_audit_tells_who_did_it_and_why(oms: Oms, services: Services) -> None:
    cancelled = entry(2, "order.cancelled.v1", 1, 1, actor="ada", reason="the customer called")
    answer(services, order=[entry(1, "order.placed.v1", 99, 0), cancelled])

    code, out, _ = oms("audit", "SO-7")

    line = next(line for line in out.splitlines() if "order.cancelled.v1" in line)
    assert code == 0
    assert "ada" in line
    assert "the customer called" in line
    assert "└ " in line
    assert services.asked[0].parameters == {"correlation_id": "SO-7"}


def test_the_audit_as_json_has_every_field(oms: Oms, services: Services) -> None:
    answer(services, order=[entry(1, "order.placed.v1", 99, 0, payload={"content": {"total": 5}})])

    document = json.loads(oms("audit", "SO-7", "--json")[1])

    assert document["order_number"] == "SO-7"
    assert document["steps"][0]["payload"] == {"content": {"total": 5}}
    assert document["steps"][0]["recorded_at"] == NOON.isoformat()


def test_an_order_that_no_service_knows_is_a_failure(oms: Oms, services: Services) -> None:
    answer(services)

    assert oms("audit", "SO-8") == (1, "", "oms: no service has recorded anything about SO-8\n")

"""The HTTP doors: orders placed once whatever is retried, problems in one shape, keys everywhere."""

import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.topics import SERVICES
from shared.events.channel import ChannelOrderReceived
from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import Shop

KEY = "the key of a reader"
OPEN = {"/health", "/ready", "/metrics", "/webhooks/gateway", "/webhooks/carrier"}


def place(shop: Shop, order: ChannelOrderReceived | bytes, key: str | None) -> Any:
    body = order if isinstance(order, bytes) else order.model_dump_json().encode()
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    return shop.ask("POST", "order", "/orders", content=body, headers=headers)


def test_an_order_placed_over_http_takes_the_same_road(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)))

    answer = place(shop, order, str(uuid4()))

    assert answer.status_code == 201
    assert answer.json() == {"order_number": number_of(order), "outcome": "placed"}
    assert answer.headers["location"] == f"/orders/{number_of(order)}"
    shop.wait(number_of(order), "completed")


def test_a_retry_gets_the_same_answer_and_another_body_under_its_key_is_a_conflict(shop: Shop) -> None:
    order, key = an_order(a_line(shop.sku(EAST=2))), str(uuid4())
    first = place(shop, order, key)

    again = place(shop, order, key)
    others = [place(shop, order.model_copy(update={"notes": "changed"}), key), place(shop, b"{", key)]

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert [other.status_code for other in others] == [409, 409]
    assert {other.headers["content-type"] for other in others} == {"application/problem+json"}
    shop.wait(number_of(order), "completed")
    assert shop.facts(number_of(order)).count("order.placed") == 1


def test_the_same_order_over_kafka_and_http_is_one_order(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=2)))
    number = shop.publish(order)[0]
    shop.wait(number, "completed")

    answer = place(shop, order, str(uuid4()))

    assert answer.status_code == 200
    assert answer.json()["outcome"] == "unchanged"
    assert shop.facts(number).count("order.placed") == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": []}, "no_lines"),
        ({"total": 1}, "totals_do_not_add_up"),
        ({"currency": "XQX"}, "unknown_currency"),
        ({"customer": None}, "malformed"),
        ({"payment": {"kind": "card"}}, "payment_incomplete"),
    ],
)
def test_a_bad_order_is_refused_with_a_problem_that_names_it(shop: Shop, changes: Any, code: str) -> None:
    stated = json.loads(an_order(a_line("sku-of-nobody")).model_dump_json())

    answer = place(shop, json.dumps({**stated, **changes}).encode(), str(uuid4()))

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == 422
    assert problem["title"]
    assert problem["detail"].endswith(".")


def test_bytes_that_are_no_json_are_refused(shop: Shop) -> None:
    assert place(shop, b"\xff\xfe", str(uuid4())).status_code == 422
    assert place(shop, b"{", str(uuid4())).json()["code"] == "malformed"


def test_a_contradiction_is_refused_with_its_reason(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)))
    place(shop, order, str(uuid4()))

    answer = place(shop, order.model_copy(update={"notes": "changed"}), str(uuid4()))

    assert answer.status_code == 422
    assert answer.json()["code"] == "conflicting_restatement"


def test_an_order_needs_an_idempotency_key(shop: Shop) -> None:
    answer = place(shop, an_order(a_line("sku-of-nobody")), None)

    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.text


def test_a_body_over_the_limit_is_refused(shop: Shop) -> None:
    answer = place(shop, b" " * 1_100_000, str(uuid4()))

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("of", SERVICES)
def test_the_interface_is_described_and_every_route_wants_a_key(shop: Shop, of: str) -> None:
    described = shop.ask("GET", of, "/openapi.json", key="").json()

    assert described["openapi"].startswith("3.")
    asked = 0
    for path, methods in described["paths"].items():
        if path in OPEN:
            continue
        for method in methods:
            filled = path.replace("{", "").replace("}", "")
            answer = shop.ask(method.upper(), of, filled, key="")
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
            assert shop.ask(method.upper(), of, filled, key="wrong").status_code == 401
            asked += 1
    assert asked >= 10


def test_a_key_opens_only_what_its_scopes_say(shop: Shop) -> None:
    environment = {
        "OMS_API_KEYS": json.dumps(
            [{"name": "reader", "sha256": sha256(KEY.encode()).hexdigest(), "scopes": ["orders:read"]}]
        )
    }
    with shop.set("order", environment):
        assert shop.ask("GET", "order", "/orders", key=KEY).status_code == 200
        refused = shop.ask("POST", "order", "/orders/NONE/cancel", key=KEY, json={"reason": "because"})
        assert refused.status_code == 403
        assert "orders:decide" in refused.json()["detail"]
        assert shop.ask("GET", "order", "/operations/lag", key=KEY).status_code == 403
        assert shop.ask("GET", "order", "/orders").status_code == 401


def test_what_is_not_there_is_a_problem_too(shop: Shop) -> None:
    for of, path in (
        ("order", "/orders/NONE"),
        ("payment", "/payments/NONE"),
        ("shipping", "/shipments/NONE"),
        ("inventory", "/stock/NONE"),
        ("order", "/no/such/route"),
        ("order", "/operations/streams/order-NONE"),
    ):
        answer = shop.ask("GET", of, path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json", path
        assert answer.json()["status"] == 404


@pytest.mark.parametrize("of", SERVICES)
def test_health_readiness_and_metrics_are_open_to_all(shop: Shop, of: str) -> None:
    assert shop.ask("GET", of, "/health", key="").json()["status"] == "alive"
    ready = shop.ask("GET", of, "/ready", key="")
    assert ready.status_code == 200
    assert all(ready.json().values())
    assert "# TYPE" in shop.ask("GET", of, "/metrics", key="").text


def test_an_order_can_be_seen_as_it_was_at_an_earlier_version(shop: Shop) -> None:
    number = shop.order(a_line(shop.sku(EAST=1)))
    shop.wait(number, "completed")
    path = f"/operations/streams/order-{number}"

    now = shop.client.get("order", path)
    then = shop.client.get("order", path, version=1)
    at = shop.client.get("order", path, at=now["events"][0]["recorded_at"])

    assert now["state"] == now["stored_state"]
    assert now["state"]["status"] == "completed"
    assert then["version"] == 1
    assert then["state"]["status"] != "completed"
    assert at["state"]["status"] == "approved"

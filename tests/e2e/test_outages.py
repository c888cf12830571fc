"""Servers and services that die, hang or are stopped while orders are on their way: nothing is lost or doubled."""

import pytest

from oms.client import SERVICES
from tests.e2e.conftest import TROUBLES
from tests.e2e.instances import at_once
from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import Shop
from tests.e2e.traffic import Traffic

pytestmark = TROUBLES

WITHIN_S = 5.0
"""Whoever asks for readiness or metrics has an answer by then, whatever is away."""


@pytest.fixture
def traffic(shop: Shop) -> Traffic:
    return Traffic(shop)


@pytest.mark.parametrize("server", ["kafka", "postgres"])
def test_a_server_is_killed_and_comes_back(shop: Shop, traffic: Traffic, server: str) -> None:
    traffic.flows()
    traffic.is_in_mid_flow()

    shop.stack.kill(server)
    shop.stack.restart(server)
    traffic.flows()

    traffic.arrives_once()


def test_without_its_database_a_service_says_so_and_takes_orders_again_when_it_is_back(
    shop: Shop, traffic: Traffic
) -> None:
    traffic.flows(5)
    order = an_order(a_line(shop.sku(EAST=1)))
    shop.stack.kill("postgres")
    try:
        ready = shop.ask("GET", "order", "/ready", key="")
        assert (ready.status_code, ready.json()["database"]) == (503, False)
        assert shop.ask("GET", "order", "/orders").status_code == 503
        assert shop.ask("GET", "order", "/health", key="").status_code == 200
        metrics = shop.ask("GET", "order", "/metrics", key="", timeout=WITHIN_S)
        assert metrics.status_code == 200
        assert "oms_reader_lag{" not in metrics.text
        assert "oms_parked_messages NaN" in metrics.text
        traffic.flows(5)
    finally:
        shop.stack.restart("postgres")

    shop.until(lambda: shop.ask("GET", "order", "/ready", key="").status_code == 200, "the service to be ready")
    body = order.model_dump_json().encode()
    answer = shop.ask("POST", "order", "/orders", content=body, headers={"Idempotency-Key": "after-the-outage"})
    assert answer.status_code == 201
    shop.wait(number_of(order), "completed")
    traffic.arrives_once()


@pytest.mark.parametrize("outage", ["killed", "frozen"])
def test_without_its_broker_a_service_says_so_and_is_ready_again_when_it_is_back(
    shop: Shop, traffic: Traffic, outage: str
) -> None:
    traffic.flows(5)
    shop.until(lambda: shop.ask("GET", "order", "/ready", key="").status_code == 200, "the service to be ready")

    shop.stack.kill("kafka") if outage == "killed" else shop.stack.freeze("kafka")
    try:
        ready = shop.ask("GET", "order", "/ready", key="", timeout=WITHIN_S)
        assert (ready.status_code, ready.json()["broker"], ready.json()["database"]) == (503, False, True)
        assert shop.ask("GET", "order", "/health", key="").status_code == 200
    finally:
        shop.stack.restart("kafka") if outage == "killed" else shop.stack.resume("kafka")

    shop.until(lambda: shop.ask("GET", "order", "/ready", key="").status_code == 200, "the service to be ready")
    traffic.flows(5)
    traffic.arrives_once()


def test_services_are_stopped_properly_one_after_the_other(shop: Shop, traffic: Traffic) -> None:
    for name in SERVICES:
        traffic.flows(8)
        assert shop.terminate(name) == 0
        traffic.flows(8)
        shop.stack.restart(name)

    traffic.arrives_once()


def test_all_services_are_killed_at_once(shop: Shop, traffic: Traffic) -> None:
    traffic.flows()
    traffic.is_in_mid_flow()

    at_once(SERVICES, shop.stack.kill)
    traffic.flows()
    at_once(SERVICES, shop.stack.restart)

    traffic.arrives_once()


def test_simulators_are_killed_and_their_books_are_kept(shop: Shop, traffic: Traffic) -> None:
    traffic.flows()
    for name in ("gateway", "carrier", "mailbox"):
        shop.stack.kill(name)
        shop.stack.restart(name)

    traffic.arrives_once()

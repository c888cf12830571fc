"""Every service killed at each named point of the pipeline: nothing is lost, and nothing happens twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import get_args

import httpx2
import pytest

from deploy.local.errors import StackError
from oms.client import SERVICES
from shared.eventsourcing.failpoints import Failpoint
from tests.e2e.conftest import TROUBLES
from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import Shop
from tests.e2e.traffic import Traffic

pytestmark = TROUBLES

WITH_EFFECTS = ("payment", "shipping", "notification")
SIGKILLED = -9


@pytest.mark.timeout(900)
def test_services_die_at_every_point_and_every_order_arrives_once(shop: Shop) -> None:
    traffic = Traffic(shop, doors=["order"])
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        lives = [pool.submit(die_at_every_point, shop, name) for name in SERVICES]
        while not all(life.done() for life in lives):
            traffic.flows(1)
            time.sleep(0.3)
    for life in lives:
        life.result()

    traffic.arrives_once()


def test_a_caller_whose_answer_died_with_the_service_asks_again_and_is_told_that_it_has_the_order(
    shop: Shop,
) -> None:
    """After the commit and before the answer nobody but the store knows of the order."""
    order = an_order(a_line(shop.sku(EAST=1)))
    number, body = number_of(order), order.model_dump_json()
    key = {"Idempotency-Key": order.channel_order_id}
    with shop.set("order", {"OMS_FAILPOINT": "after_commit"}):
        with pytest.raises(httpx2.TransportError):
            shop.ask("POST", "order", "/orders", content=body, headers=key)
        assert shop.stack.wait("order", seconds=60) == SIGKILLED

    shop.until(lambda: shop.find(number), "the order that nobody was told of")
    answers = [shop.ask("POST", "order", "/orders", content=body, headers=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["order_number"] == number
    shop.wait(number, "completed")
    assert shop.facts(number).count("order.placed") == 1


def die_at_every_point(shop: Shop, name: str) -> None:
    """Let a service run up to each of the points, one after the other, and then go on."""
    shop.stack.kill(name)
    for point in get_args(Failpoint):
        if point.endswith("effect") and name not in WITH_EFFECTS:
            continue
        with suppress(StackError):  # it may be dead before it is ready
            shop.stack.restart(name, {"OMS_FAILPOINT": f"{point}:2"})
        code = shop.stack.wait(name, seconds=120)
        assert code == SIGKILLED, f"{name} at {point}: {code}"
    shop.stack.restart(name)

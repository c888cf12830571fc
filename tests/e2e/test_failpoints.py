"""Every service killed at each named point of the pipeline: nothing is lost, and nothing happens twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import get_args

import pytest

from deploy.local.errors import StackError
from oms.client import SERVICES
from shared.eventsourcing.failpoints import Failpoint
from tests.e2e.conftest import TROUBLES
from tests.e2e.shop import Shop
from tests.e2e.traffic import Traffic

pytestmark = TROUBLES

WITH_EFFECTS = ("payment", "shipping", "notification")
SIGKILLED = -9


@pytest.mark.timeout(900)
def test_services_die_at_every_point_and_every_order_arrives_once(shop: Shop) -> None:
    traffic = Traffic(shop)
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        lives = [pool.submit(die_at_every_point, shop, name) for name in SERVICES]
        while not all(life.done() for life in lives):
            traffic.flows(1)
            time.sleep(0.3)
    for life in lives:
        life.result()

    traffic.arrives_once()


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

"""Every service killed at each named point of the pipeline: nothing is lost, and nothing happens twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest

from oms.client import SERVICES
from shared.eventsourcing.failpoints import Failpoint
from tests.e2e.instances import at_once
from tests.e2e.shop import Shop
from tests.e2e.traffic import Traffic

WITH_EFFECTS = ("payment", "shipping", "notification")
SIGKILLED = -9
TIMES = {"order": 5}
"""The order service is there a few times more, so that the others have something to die of."""


@pytest.mark.parametrize("point", get_args(Failpoint))
def test_services_die_there_and_every_order_arrives_once(shop: Shop, point: Failpoint) -> None:
    traffic = Traffic(shop)
    dying = WITH_EFFECTS if point.endswith("effect") else SERVICES
    at_once(dying, lambda name: shop.stack.kill(name))
    at_once(dying, lambda name: shop.stack.restart(name, {"OMS_FAILPOINT": f"{point}:{TIMES.get(name, 2)}"}))

    alive = set(dying)
    with ThreadPoolExecutor(len(dying)) as pool:
        restarts = []
        while alive:
            traffic.flows(2)
            for name in sorted(alive):
                code = shop.stack.wait(name, seconds=0.3)
                if code is not None:
                    assert code == SIGKILLED, f"{name} ended with {code}"
                    alive.remove(name)
                    restarts.append(pool.submit(shop.stack.restart, name))
        for restart in restarts:
            restart.result()

    traffic.arrives_once()

"""Orders on their way while something breaks, and the proof that each of them arrived once."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle

import httpx2

from oms.client import Json
from shared.events.channel import ChannelOrderReceived
from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import PATIENCE_S, Shop

EACH = 25
CALLERS = 8
ANSWER_WITHIN_S = 2.0
PAUSE_S = 0.2


class Traffic:
    """Orders on their way, by the topic and, where somebody answers calls, over HTTP: each is completed, once."""

    def __init__(self, shop: Shop, doors: Sequence[str] = ()) -> None:
        """Every second order goes to `doors`, if there are any: instances of the order service, asked in turn."""
        self._shop = shop
        self._doors = doors
        self._sku = shop.sku(EAST=2_000, WEST=2_000)
        self._called: dict[str, tuple[ChannelOrderReceived, Json]] = {}
        """Orders that came over HTTP with the answer that they got, by number."""
        self.numbers: list[str] = []

    def flows(self, count: int = EACH) -> None:
        """Send more orders, and wait until each is acknowledged or answered."""
        orders = [an_order(a_line(self._sku, 2)) for _ in range(count)]
        begun = len(self.numbers)
        self.numbers += [number_of(order) for order in orders]
        over_http = [order for place, order in enumerate(orders, begun) if self._doors and place % 2]
        by_topic = [order for order in orders if order not in over_http]
        with ThreadPoolExecutor(CALLERS) as pool:
            answers = pool.map(self._place, over_http)
            self._shop.publish(*by_topic)
        for order, answer in zip(over_http, answers, strict=True):
            assert answer["order_number"] == number_of(order)
            self._called[number_of(order)] = order, answer

    def is_in_mid_flow(self) -> None:
        """Wait until some are further than others."""

        def some() -> bool:
            rows = [self._shop.find(number) for number in self.numbers]
            return any(row is not None and row["status"] in ("confirmed", "shipping", "completed") for row in rows)

        self._shop.until(some, "some orders to be confirmed")

    def arrives_once(self) -> None:
        """All are completed; the books of gateway and carrier have each of them once, and so has the stock."""
        self._shop.wait_all(self.numbers, "completed", seconds=90)
        self._is_answered_as_before()
        mine = set(self.numbers)
        paid = [one for one in self._shop.client.effects("gateway") if one["reference"] in mine]
        assert len(paid) == 2 * len(mine)
        assert {(one["reference"], one["operation"], one["amount"]) for one in paid} == {
            (number, operation, 2_000) for number in mine for operation in ("authorise", "capture")
        }
        sent = [
            one for one in self._shop.client.effects("carrier") if one["reference"].removesuffix("-F1") in mine
        ]
        assert len(sent) == 3 * len(mine)
        assert len({(one["reference"], one["operation"]) for one in sent}) == 3 * len(mine)
        left = 4_000 - 2 * len(mine)
        self._shop.until(lambda: self._shop.stock(self._sku) == (left, 0), "the stock to be booked")
        self._shop.verify()

    def _is_answered_as_before(self) -> None:
        """Who asks once more under the same key has the first answer again."""
        with ThreadPoolExecutor(CALLERS) as pool:
            again = list(pool.map(self._place, [order for order, _ in self._called.values()]))
        assert again == [answer for _, answer in self._called.values()]

    def _place(self, order: ChannelOrderReceived) -> Json:
        """Ask as a careful caller does: the same at the next door, until somebody has taken it."""
        deadline = time.monotonic() + PATIENCE_S
        body, key = order.model_dump_json(), {"Idempotency-Key": order.channel_order_id}
        for door in cycle(self._doors):
            assert time.monotonic() < deadline, f"order {number_of(order)} is answered by nobody"
            with suppress(httpx2.TransportError):
                answer = self._shop.ask(
                    "POST", door, "/orders", content=body, headers=key, timeout=ANSWER_WITHIN_S
                )
                if answer.status_code == httpx2.codes.CREATED:
                    taken: Json = answer.json()
                    return taken
                assert httpx2.codes.is_server_error(answer.status_code), answer.text
            time.sleep(PAUSE_S)
        raise AssertionError("there are no doors")

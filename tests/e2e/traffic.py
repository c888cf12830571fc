"""Orders on their way while something breaks, and the proof that each of them arrived once."""

from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.shop import Shop

EACH = 25


class Traffic:
    """Orders on their way: every one has to be completed, once."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._sku = shop.sku(EAST=2_000, WEST=2_000)
        self.numbers: list[str] = []

    def flows(self, count: int = EACH) -> None:
        """Publish more orders."""
        orders = [an_order(a_line(self._sku, 2)) for _ in range(count)]
        self._shop.publish(*orders)
        self.numbers += [number_of(order) for order in orders]

    def is_in_mid_flow(self) -> None:
        """Wait until some are further than others."""

        def some() -> bool:
            rows = [self._shop.find(number) for number in self.numbers]
            return any(row is not None and row["status"] in ("confirmed", "shipping", "completed") for row in rows)

        self._shop.until(some, "some orders to be confirmed")

    def arrives_once(self) -> None:
        """All are completed; the books of gateway and carrier have each of them once, and so has the stock."""
        self._shop.wait_all(self.numbers, "completed", seconds=90)
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

"""Customers and staff of the demonstration: who pays again, who mends an address, what the lorry brings."""

from channels.completejourney.opening_stock import OpeningStock
from oms.client import Client, Json

PAYS_AGAIN_EVERY = 2
"""Of the customers whose payment was declined, each second one tries another card; the others let it lapse."""
MENDED_ADDRESS = {"street": "1 Main Street", "city": "Columbus", "postal_code": "43004"}
MENDS_EVERY = 2
"""Of the parcels that the carrier refused, each second one gets another address; the others stay on their hold."""
REPLENISHMENT = 5
"""Units of each scarce product that arrive in the end."""


class People:
    """They look at the same lists as `oms` does, and act on each order once: a list may lag behind."""

    def __init__(self, client: Client, stock: OpeningStock) -> None:
        self._client = client
        self._stock = stock
        self._acted: set[str] = set()

    def act(self) -> None:
        """Do what waits for a person."""
        for order in self._waiting("awaiting_payment"):
            if self._picks(order["order_number"], PAYS_AGAIN_EVERY):
                self._pay_again(order["order_number"])
        for order in self._waiting("held"):
            for hold in order["holds"]:
                if hold["reason"] == "carrier_refused" and self._picks(order["order_number"], MENDS_EVERY):
                    self._mend_address(order["order_number"], hold["hold_id"])

    def goods_arrive(self) -> None:
        """Bring what waiting backorders need."""
        lines = [{"sku": sku, "location": "WH-CENTRAL", "quantity": REPLENISHMENT} for sku in self._stock.short]
        if lines:
            self._client.post("inventory", "/stock/bulk-receive", {"lines": lines})

    def _waiting(self, status: str) -> list[Json]:
        return list(self._client.pages("order", "/orders", "orders", status=status))

    def _picks(self, number: str, every: int) -> bool:
        if number in self._acted or sum(number.encode()) % every:
            return False
        self._acted.add(number)
        return True

    def _pay_again(self, number: str) -> None:
        body = {"payment": {"kind": "card", "token": f"tok_again_{number}"}, "reason": "another card"}
        self._client.post("order", f"/orders/{number}/payment", body)

    def _mend_address(self, number: str, hold_id: str) -> None:
        body = {**MENDED_ADDRESS, "reason": "the customer gave another address"}
        self._client.post("order", f"/orders/{number}/holds/{hold_id}/release", body)

"""Customers and staff of the demonstration: who pays again, who mends an address, what the lorry brings."""

from channels.completejourney.opening_stock import OpeningStock
from oms.client import Client

PAYS_AGAIN_EVERY = 2
"""Of the customers whose payment was declined, each second one tries another card; the others let it lapse."""
MENDED_ADDRESS = {"street": "1 Main Street", "city": "Columbus", "postal_code": "43004"}
MENDS_EVERY = 2
"""Of the parcels that the carrier refused, each second one gets another address; the others stay on their hold."""
REPLENISHMENT = 5
"""Units of each scarce product that arrive in the end."""


def customers_pay_again(client: Client) -> None:
    """Let some of the customers whose payment was declined try another card."""
    for order in client.get("order", "/orders", status="awaiting_payment", limit=1_000)["orders"]:
        number = order["order_number"]
        if _picked(number, PAYS_AGAIN_EVERY):
            client.post(
                "order",
                f"/orders/{number}/payment",
                {"payment": {"kind": "card", "token": f"tok_again_{number}"}, "reason": "another card"},
            )


def staff_mends_addresses(client: Client) -> None:
    """Release some of the holds on refused parcels, with an address that the carrier takes."""
    for order in client.get("order", "/orders", status="held", limit=1_000)["orders"]:
        number = order["order_number"]
        for hold in order["holds"]:
            if hold["reason"] == "carrier_refused" and _picked(number, MENDS_EVERY):
                client.post(
                    "order",
                    f"/orders/{number}/holds/{hold['hold_id']}/release",
                    {**MENDED_ADDRESS, "reason": "the customer gave another address"},
                )


def goods_arrive(client: Client, stock: OpeningStock) -> None:
    """Bring what waiting backorders need."""
    lines = [{"sku": sku, "location": "WH-CENTRAL", "quantity": REPLENISHMENT} for sku in stock.short]
    if lines:
        client.post("inventory", "/stock/bulk-receive", {"lines": lines})


def _picked(number: str, every: int) -> bool:
    return sum(number.encode()) % every == 0

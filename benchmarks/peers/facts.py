"""The placement that every peer does: an order of three lines, and the facts that its five steps store.

The standard library alone: it is imported by the environment of the peers too, which lacks ours.
"""

from dataclasses import dataclass
from typing import Any

SKUS = 300
PLENTY = 100_000_000
STEPS = ("take", "reserve", "authorise", "confirm", "hand over")
FACTS_PER_ORDER = 10
LINES_PER_ORDER = 3
LOCATION = "WH-EAST"
MOMENT = "2026-01-05T08:00:00Z"
ADDRESS = {
    "name": "B. Mark",
    "street": "1 Bench Street",
    "city": "Boston",
    "postal_code": "02101",
    "region": "MA",
    "country": "US",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One event of the contract: its stream, its name on the wire and its payload."""

    stream: str
    type: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementOrder:
    """An order's number and its three SKUs, one unit of each."""

    number: str
    skus: tuple[str, ...]


def orders(count: int, *, run: str) -> list[PlacementOrder]:
    """`count` orders over the same SKUs as the benchmarks of Orderstream itself."""
    return [
        PlacementOrder(
            number=f"{run}-{one}",
            skus=tuple(f"bench-{(one * 3 + line) % SKUS}" for line in range(LINES_PER_ORDER)),
        )
        for one in range(count)
    ]


def all_skus() -> list[str]:
    """Every SKU that an order may want."""
    return [f"bench-{one}" for one in range(SKUS)]


def facts(order: PlacementOrder, step: str) -> list[Fact]:
    """What a step of the placement stores: events that Orderstream stores too, field by field."""
    match step:
        case "take":
            return _taken(order)
        case "reserve":
            return _reserved(order)
        case "authorise":
            return [_fact(order, "payment", "payment.authorised.v1", _authorisation())]
        case "confirm":
            return _confirmed(order)
        case "hand over":
            return _handed_over(order)
    raise ValueError(f"a placement has no step {step!r}")


def _taken(order: PlacementOrder) -> list[Fact]:
    return [
        _fact(order, "order", "order.placed.v1", {"content": _content(order)}),
        _fact(order, "order", "order.approved.v1", {"automatic": True}),
    ]


def _reserved(order: PlacementOrder) -> list[Fact]:
    allocated = [
        Fact(
            stream=f"stock-{sku}",
            type="inventory.stock-allocated.v1",
            payload={
                "sku": sku,
                "order_number": order.number,
                "allocations": [{"location": LOCATION, "quantity": 1}],
            },
        )
        for sku in order.skus
    ]
    reservation = {"fulfilments": [_fulfilment(order)], "short": [], "expires_at": MOMENT}
    return [*allocated, _fact(order, "reservation", "inventory.stock-reserved.v1", reservation)]


def _confirmed(order: PlacementOrder) -> list[Fact]:
    confirmed = {"amount": 3_000, "currency": "USD", "fulfilments": [_fulfilment(order)]}
    return [
        _fact(order, "order", "order.confirmed.v1", confirmed),
        _fact(order, "reservation", "inventory.reservation-kept.v1", {}),
    ]


def _handed_over(order: PlacementOrder) -> list[Fact]:
    parcel = {"weight_grams": 1_200, "address": ADDRESS, "delivery": "collect", "deliver_by": None}
    return [
        _fact(order, "shipment", "shipping.shipment-requested.v1", _fulfilment(order) | parcel),
    ]


def _fact(order: PlacementOrder, category: str, type: str, payload: dict[str, Any]) -> Fact:
    return Fact(stream=f"{category}-{order.number}", type=type, payload={"order_number": order.number, **payload})


def _authorisation() -> dict[str, Any]:
    return {
        "attempt": 1,
        "amount": 3_000,
        "currency": "USD",
        "authorisation_id": "prepaid:paid",
        "expires_at": MOMENT,
        "repeated": False,
    }


def _fulfilment(order: PlacementOrder) -> dict[str, Any]:
    lines = [{"line_id": str(line), "sku": sku, "quantity": 1} for line, sku in enumerate(order.skus)]
    return {"fulfilment_id": f"{order.number}-F1", "location": LOCATION, "lines": lines}


def _content(order: PlacementOrder) -> dict[str, Any]:
    return {
        "channel": "bench",
        "channel_order_id": order.number,
        "channel_updated_at": MOMENT,
        "placed_at": MOMENT,
        "customer": {"id": "bench", "name": "B. Mark", "email": "", "phone": "", "language": "en"},
        "shipping_address": ADDRESS,
        "billing_address": None,
        "currency": "USD",
        "lines": [_line(line, sku) for line, sku in enumerate(order.skus)],
        "order_discount": 0,
        "shipping_charge": 0,
        "tax": 0,
        "total": 3_000,
        "payment": {"kind": "prepaid", "token": "", "reference": "paid"},
        "delivery": "collect",
    }


def _line(line: int, sku: str) -> dict[str, Any]:
    price = {"quantity": 1, "unit_price": 1_000, "discount": 0, "tax": 0, "value": 1_000}
    return {"line_id": str(line), "sku": sku, "name": "", **price}

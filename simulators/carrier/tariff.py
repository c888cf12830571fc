"""What a parcel costs and how long it takes: by service, zone and started kilogram."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Service = Literal["economy", "standard", "express"]
Zone = Literal["regional", "national", "abroad"]

SERVICES: tuple[Service, ...] = ("economy", "standard", "express")


@dataclass(frozen=True, slots=True)
class Rate:
    """Minor units for a parcel and for each started kilogram; calendar days to the promise."""

    base: int
    per_kilogram: int
    days: int


TARIFF: dict[Service, dict[Zone, Rate]] = {
    "economy": {"regional": Rate(390, 60, 3), "national": Rate(490, 90, 5), "abroad": Rate(1290, 400, 10)},
    "standard": {"regional": Rate(490, 80, 2), "national": Rate(650, 120, 3), "abroad": Rate(1690, 500, 7)},
    "express": {"regional": Rate(990, 150, 1), "national": Rate(1290, 220, 1), "abroad": Rate(3490, 900, 3)},
}

Weight = Annotated[int, Meta(gt=0, lt=10**9)]


class Place(Struct, frozen=True, kw_only=True):
    """As much of an address as a price depends on."""

    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
    postal_code: Annotated[str, Meta(max_length=32)]
    region: Annotated[str, Meta(max_length=100)] | None = None


class QuoteBody(Struct, frozen=True, kw_only=True):
    origin: Place = field(name="from")
    to: Place
    weight_grams: Weight
    parcels: Annotated[int, Meta(gt=0, le=1000)] = 1


def zone(origin: Place, to: Place) -> Zone:
    if origin.country != to.country:
        return "abroad"
    return "regional" if origin.region and origin.region == to.region else "national"


def price(service: Service, where: Zone, weight_grams: int, parcels: int) -> int:
    rate = TARIFF[service][where]
    return parcels * rate.base + -(-weight_grams // 1000) * rate.per_kilogram


def quotes(body: QuoteBody, currency: str) -> list[dict[str, Any]]:
    """All services, cheapest first."""
    where = zone(body.origin, body.to)
    offers = [
        {
            "service": service,
            "amount": price(service, where, body.weight_grams, body.parcels),
            "currency": currency,
            "days": TARIFF[service][where].days,
            "zone": where,
        }
        for service in SERVICES
    ]
    return sorted(offers, key=lambda offer: int(str(offer["amount"])))

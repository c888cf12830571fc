"""Made-up people and addresses for the data set's households, which are only numbers. Always the same ones."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

from channels.completejourney.draws import draw
from shared.events.values import Address, Customer, PaymentMethod

T = TypeVar("T")

Region = Literal["east", "central", "west"]


class City(NamedTuple):
    """A real city with one of its postal codes."""

    name: str
    state: str
    postal_code: str
    region: Region
    """Third of the country; each has a warehouse."""


CITIES: tuple[City, ...] = (
    City("New York", "NY", "10001", "east"),
    City("Buffalo", "NY", "14202", "east"),
    City("Boston", "MA", "02108", "east"),
    City("Worcester", "MA", "01608", "east"),
    City("Philadelphia", "PA", "19103", "east"),
    City("Pittsburgh", "PA", "15222", "east"),
    City("Newark", "NJ", "07102", "east"),
    City("Baltimore", "MD", "21202", "east"),
    City("Washington", "DC", "20001", "east"),
    City("Richmond", "VA", "23219", "east"),
    City("Charlotte", "NC", "28202", "east"),
    City("Raleigh", "NC", "27601", "east"),
    City("Atlanta", "GA", "30303", "east"),
    City("Jacksonville", "FL", "32202", "east"),
    City("Miami", "FL", "33130", "east"),
    City("Columbus", "OH", "43215", "east"),
    City("Cincinnati", "OH", "45202", "east"),
    City("Hartford", "CT", "06103", "east"),
    City("Chicago", "IL", "60601", "central"),
    City("Springfield", "IL", "62701", "central"),
    City("Detroit", "MI", "48226", "central"),
    City("Grand Rapids", "MI", "49503", "central"),
    City("Indianapolis", "IN", "46204", "central"),
    City("Milwaukee", "WI", "53202", "central"),
    City("Madison", "WI", "53703", "central"),
    City("Minneapolis", "MN", "55401", "central"),
    City("Des Moines", "IA", "50309", "central"),
    City("Kansas City", "MO", "64106", "central"),
    City("St. Louis", "MO", "63101", "central"),
    City("Omaha", "NE", "68102", "central"),
    City("Louisville", "KY", "40202", "central"),
    City("Nashville", "TN", "37203", "central"),
    City("Memphis", "TN", "38103", "central"),
    City("Houston", "TX", "77002", "central"),
    City("Dallas", "TX", "75201", "central"),
    City("New Orleans", "LA", "70112", "central"),
    City("Los Angeles", "CA", "90012", "west"),
    City("San Francisco", "CA", "94103", "west"),
    City("Sacramento", "CA", "95814", "west"),
    City("San Diego", "CA", "92101", "west"),
    City("Seattle", "WA", "98101", "west"),
    City("Spokane", "WA", "99201", "west"),
    City("Portland", "OR", "97205", "west"),
    City("Boise", "ID", "83702", "west"),
    City("Salt Lake City", "UT", "84101", "west"),
    City("Denver", "CO", "80202", "west"),
    City("Phoenix", "AZ", "85004", "west"),
    City("Albuquerque", "NM", "87102", "west"),
    City("Las Vegas", "NV", "89101", "west"),
    City("Billings", "MT", "59101", "west"),
)

_STREETS = ("Maple Street", "Oak Avenue", "Main Street", "Park Road", "Cedar Lane", "Lake Drive", "Hill Street")
_GIVEN_NAMES = ("Ada", "Ben", "Carmen", "David", "Elena", "Frank", "Grace", "Hugo", "Irene", "Jonas", "Lena")
_FAMILY_NAMES = ("Adams", "Baker", "Clark", "Diaz", "Evans", "Fischer", "Garcia", "Hughes", "Ito", "Jones")
_CHINESE_NAMES = ("李伟", "王芳", "张敏", "刘洋", "陈静", "杨磊")

CHINESE_SHARE = 0.05
"""Of the households whose notices are in Chinese."""


def customer_of(household_id: int) -> Customer:
    """Who orders for a household."""
    chinese = draw("language", household_id) < CHINESE_SHARE
    return Customer(
        id=f"household-{household_id}",
        name=_pick(_CHINESE_NAMES, "name", household_id) if chinese else _english_name(household_id),
        email=f"household-{household_id}@example.com",
        language="zh" if chinese else "en",
    )


def city_of(household_id: int) -> City:
    """Where a household lives."""
    return _pick(CITIES, "city", household_id)


def address_of(household_id: int) -> Address:
    """Where a household's goods go."""
    city = city_of(household_id)
    return Address(
        name=customer_of(household_id).name,
        street=f"{household_id % 997 + 1} {_pick(_STREETS, 'street', household_id)}",
        city=city.name,
        postal_code=city.postal_code,
        region=city.state,
        country="US",
    )


def payment_of(household_id: int) -> PaymentMethod:
    """How a household pays: always by its card."""
    return PaymentMethod(kind="card", token=f"tok_{household_id}")


def _english_name(household_id: int) -> str:
    given = _pick(_GIVEN_NAMES, "given name", household_id)
    return f"{given} {_pick(_FAMILY_NAMES, 'family name', household_id)}"


def _pick(choices: Sequence[T], purpose: str, household_id: int) -> T:
    return choices[int(draw(purpose, household_id) * len(choices))]

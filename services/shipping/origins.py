"""Where parcels leave from: the addresses of the locations, data in the file that inventory reads as well."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from shared.events.payload import CountryCode, Name
from shared.events.payload import Location as LocationName
from shared.events.values import Address
from shared.eventsourcing.data_file import read_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where parcels leave from."""

    known: Mapping[str, Address]
    other: Address
    """For every location that is not known."""

    def of(self, location: str) -> Address:
        """The address of a location."""
        return self.known.get(location, self.other)


def load_addresses(file: Path) -> Mapping[str, Address]:
    """The addresses of the locations that a file describes, a table each: `[WH-EAST.address]`.

    Raises:
        BadFile: the file is missing or malformed, or a location has no address.
    """
    return {
        name: Address(**place.address.model_dump(), country=place.country)
        for name, place in read_file(file, TypeAdapter(dict[LocationName, _Place])).items()
    }


class _Door(BaseModel):
    """An address within the country of its location."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    street: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    city: Name
    postal_code: str = ""
    region: str = ""


class _Place(BaseModel):
    """One entry of the file; regions are for inventory, which finds the nearest by them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: CountryCode
    regions: tuple[Any, ...] = ()
    address: _Door


def _warehouse(name: str, street: str, city: str, postal_code: str, region: str) -> Address:
    return Address(name=name, street=street, city=city, postal_code=postal_code, region=region, country="US")


DEMO: Mapping[str, Address] = {
    "WH-EAST": _warehouse("Warehouse East", "1 Dock Rd", "Newark", "07101", "NJ"),
    "WH-CENTRAL": _warehouse("Warehouse Central", "100 Airways Blvd", "Memphis", "38118", "TN"),
    "WH-WEST": _warehouse("Warehouse West", "20 Desert Way", "Reno", "89502", "NV"),
}
"""The warehouses of the demo."""
STORE = _warehouse("Store", "1014 Vine St", "Cincinnati", "45202", "OH")
"""The store of the demo."""

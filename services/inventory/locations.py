"""Where the locations are: kept as data in one file, with which sourcing finds the nearest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.inventory.domain.policy import Location
from shared.events.payload import CountryCode, Name
from shared.events.payload import Location as LocationName
from shared.eventsourcing.data_file import BadFile, read_file


class Place(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: CountryCode
    regions: tuple[Name, ...] = ()
    address: Mapping[str, Any] = {}
    """For shipping, which reads the same file."""


def load_locations(file: Path) -> Mapping[str, Location]:
    """The locations that a file describes, a table each: `[WH-EAST]` with its country and its regions.

    Raises:
        BadFile: the file is missing, malformed or empty.
    """
    places = read_file(file, TypeAdapter(dict[LocationName, Place]))
    if not places:
        raise BadFile(f"{file.name}: names no location")
    return {
        name: Location(country=place.country, regions=frozenset(region.upper() for region in place.regions))
        for name, place in places.items()
    }

"""Where the locations are: kept as data in one file, with which sourcing finds the nearest."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from services.inventory.domain.sourcing import Location
from shared.events.payload import CountryCode, Name
from shared.events.payload import Location as LocationName


class BadLocations(ValueError):
    """The locations can't be used; one sentence says where."""


class Place(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: CountryCode
    regions: tuple[Name, ...] = ()


def load_locations(file: Path) -> Mapping[str, Location]:
    """The locations that a file describes, a table each: `[WH-EAST]` with its country and its regions.

    Raises:
        BadLocations: the file is missing, malformed or empty.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        places = TypeAdapter(dict[LocationName, Place]).validate_python(document)
    except OSError as error:
        raise BadLocations(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadLocations(f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadLocations(f"{file.name}: {error}") from None
    if not places:
        raise BadLocations(f"{file.name}: names no location")
    return {
        name: Location(country=place.country, regions=frozenset(region.upper() for region in place.regions))
        for name, place in places.items()
    }

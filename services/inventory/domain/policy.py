"""Where stock is, and how far the search for a split goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that holds stock."""

    country: str
    """ISO 3166-1 alpha-2."""
    regions: frozenset[str] = frozenset()
    """The regions of its country that it is the nearest location to, as addresses write them, in upper case."""


_EAST = "CT DC DE FL GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV"
_CENTRAL = "AL AR IA IL IN KS KY LA MI MN MO MS ND NE OK SD TN TX WI"
_WEST = "AK AZ CA CO HI ID MT NM NV OR UT WA WY"


def _default_locations() -> Mapping[str, Location]:
    return {
        "WH-EAST": Location(country="US", regions=frozenset(_EAST.split())),
        "WH-CENTRAL": Location(country="US", regions=frozenset(_CENTRAL.split())),
        "WH-WEST": Location(country="US", regions=frozenset(_WEST.split())),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the service decides by; all of it is data."""

    locations: Mapping[str, Location] = field(default_factory=_default_locations)
    """Where the known locations are; stock at any other is used as well, after theirs."""
    most_splits: int = 4_096
    """How many sets of locations are tried, smaller ones first, for the fewest that suffice: as many as twelve
    locations have. Where that would take more, the split is found greedily and may use a location too many."""
    most_units: int = 10**9
    """An order for more units of one SKU is refused: no message could state them."""

    def distance(self, location: str, country: str | None, region: str) -> int:
        """How far a location is from an address: 0 its region, 1 its country, 2 another country, 3 unknown."""
        known = self.locations.get(location)
        if known is None:
            return 3
        if known.country != country:
            return 2
        return 0 if region.upper() in known.regions else 1

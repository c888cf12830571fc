"""Where an order's units come from: fewest splits, then the nearest region, then the most stock."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

Units = Mapping[str, int]
"""Whole units by location."""


@dataclass(frozen=True, slots=True)
class Sourcing:
    """Which locations serve an order, nearest first, and with how many units of each SKU."""

    locations: tuple[str, ...]
    units: Mapping[str, Units]


def source(
    demand: Mapping[str, int],
    stock: Mapping[str, Units],
    distance: Callable[[str], int],
    most_splits: int = 4_096,
) -> Sourcing:
    """Source each SKU's demand from what each location can give; the stock must suffice in all.

    The fewest locations win, then the nearest (by the sum of their distances), then those with the most stock of
    the wanted SKUs, then the first by name; the same question always has the same answer. Where more than
    `most_splits` sets of locations had to be tried, the answer is one that is found greedily.
    """
    there: dict[str, int] = {}
    for sku, wanted in demand.items():
        if wanted:
            for location, units in stock[sku].items():
                there[location] = there.get(location, 0) + units
    away = {location: distance(location) for location in there}
    candidates = sorted(
        (location for location, units in there.items() if units),
        key=lambda location: (away[location], -there[location], location),
    )
    alone = next(((location,) for location in candidates if _suffices(location, demand, stock)), None)
    if alone is not None:
        chosen: tuple[str, ...] = alone
    else:
        scarce = _scarce(demand, stock, candidates)
        chosen = min(
            _smallest_covers(scarce, candidates, most_splits),
            key=lambda cover: (_sum(cover, away), -_sum(cover, there), sorted(cover)),
        )
    return Sourcing(chosen, {sku: divide(wanted, chosen, stock[sku]) for sku, wanted in demand.items()})


def top_up(
    wanted: int,
    stock: Units,
    held_at: Collection[str],
    distance: Callable[[str], int],
    most_splits: int = 4_096,
) -> Units:
    """Source units of one SKU for an order that holds goods already: where it holds them, then as any order is."""
    at_hand = {location: units for location, units in stock.items() if location in held_at}
    elsewhere = {location: units for location, units in stock.items() if location not in held_at}
    from_there = min(wanted, sum(at_hand.values()))
    locations: list[str] = []
    for part, units in ((from_there, at_hand), (wanted - from_there, elsewhere)):
        locations += source({"sku": part}, {"sku": units}, distance, most_splits).locations
    return divide(wanted, locations, stock)


def divide(wanted: int, locations: Iterable[str], stock: Units) -> Units:
    """Take units from the first location that has them all, else from one after the other."""
    divided: dict[str, int] = {}
    left = wanted
    for location in locations:
        available = stock.get(location, 0)
        if available >= wanted > 0:
            return {location: wanted}
        if left and available:
            divided[location] = min(left, available)
            left -= divided[location]
    return divided


def _suffices(location: str, demand: Mapping[str, int], stock: Mapping[str, Units]) -> bool:
    return all(stock[sku].get(location, 0) >= wanted for sku, wanted in demand.items())


_Scarce = Sequence[tuple[int, Units]]
"""The SKUs that decide a split, those that not every location has enough of: units wanted, units there."""


def _scarce(demand: Mapping[str, int], stock: Mapping[str, Units], candidates: Sequence[str]) -> _Scarce:
    return [
        (wanted, stock[sku])
        for sku, wanted in demand.items()
        if any(stock[sku].get(location, 0) < wanted for location in candidates)
    ]


def _smallest_covers(scarce: _Scarce, candidates: Sequence[str], most_splits: int) -> list[tuple[str, ...]]:
    """All sets of as few locations as possible that together have enough of everything, which none has alone.

    They are tried by size. Where that would take more tries than allowed, one is found greedily.
    """
    tries = 0
    for size in range(2, len(candidates)):
        tries += comb(len(candidates), size)
        if tries > most_splits:
            return [_greedy_cover(scarce, candidates)]
        covers = [
            subset
            for subset in combinations(candidates, size)
            if all(_sum(subset, units) >= wanted for wanted, units in scarce)
        ]
        if covers:
            return covers
    return [tuple(candidates)]


def _greedy_cover(scarce: _Scarce, candidates: Sequence[str]) -> tuple[str, ...]:
    """The location that adds most, again and again; ties to the nearer one. Answered in the candidates' order."""
    chosen: set[str] = set()
    missing = [wanted for wanted, _ in scarce]
    while any(missing):
        adds = {
            location: sum(map(min, missing, (units.get(location, 0) for _, units in scarce)))
            for location in candidates
            if location not in chosen
        }
        best = max(adds, key=lambda location: adds[location])
        chosen.add(best)
        missing = [max(0, left - units.get(best, 0)) for left, (_, units) in zip(missing, scarce, strict=True)]
    return tuple(location for location in candidates if location in chosen)


def _sum(locations: Iterable[str], numbers: Mapping[str, int]) -> int:
    return sum(numbers.get(location, 0) for location in locations)

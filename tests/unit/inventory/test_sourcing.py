"""Where units come from: fewest splits, nearest, most stock."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.inventory.domain.policy import Location, Policy
from services.inventory.domain.sourcing import Sourcing, divide, source
from tests.unit.inventory.sample import CENTRAL, EAST, WEST

POLICY = Policy()


def _source(
    demand: dict[str, int], stock: dict[str, dict[str, int]], region: str = "NY", country: str = "US"
) -> Sourcing:
    return source(demand, stock, lambda location: POLICY.distance(location, country, region))


def test_the_nearest_location_serves_an_order_that_several_could_serve() -> None:
    stock = {"A": {EAST: 5, CENTRAL: 5, WEST: 5}}
    assert _source({"A": 2}, stock, region="NY").units == {"A": {EAST: 2}}
    assert _source({"A": 2}, stock, region="TX").units == {"A": {CENTRAL: 2}}
    assert _source({"A": 2}, stock, region="ca").units == {"A": {WEST: 2}}


def test_one_location_far_away_is_better_than_two_near_ones() -> None:
    stock = {"A": {EAST: 5, WEST: 5}, "B": {CENTRAL: 5, WEST: 5}}
    assert _source({"A": 1, "B": 1}, stock, region="NY") == Sourcing((WEST,), {"A": {WEST: 1}, "B": {WEST: 1}})


def test_among_equally_near_locations_the_one_with_most_stock_of_the_wanted_skus_serves() -> None:
    assert _source({"A": 5}, {"A": {CENTRAL: 6, WEST: 1000}}, region="NY").locations == (WEST,)
    both = {"A": {CENTRAL: 6, WEST: 7}, "B": {CENTRAL: 9, WEST: 1}, "C": {WEST: 1000}}
    assert _source({"A": 5, "B": 1}, both, region="NY").locations == (CENTRAL,)


def test_among_equally_near_splits_the_one_with_most_stock_of_the_wanted_skus_serves() -> None:
    stock = {"A": {EAST: 5}, "B": {CENTRAL: 5, WEST: 1000}}
    assert _source({"A": 5, "B": 5}, stock, region="NY") == Sourcing(
        (EAST, WEST), {"A": {EAST: 5}, "B": {WEST: 5}}
    )
    needed = {"A": {CENTRAL: 5, WEST: 6}, "B": {CENTRAL: 4, WEST: 5}}
    assert _source({"A": 5, "B": 9}, needed, region="NY").locations == (WEST, CENTRAL)


def test_locations_alike_in_all_are_taken_by_name() -> None:
    assert _source({"A": 1}, {"A": {WEST: 5, CENTRAL: 5}}, region="NY").locations == (CENTRAL,)
    split = {"A": {EAST: 5}, "B": {WEST: 5, CENTRAL: 5}}
    assert _source({"A": 1, "B": 1}, split, region="NY").locations == (EAST, CENTRAL)


def test_two_locations_serve_what_none_has_alone_each_sku_whole_where_it_can_be() -> None:
    stock = {"A": {EAST: 1, CENTRAL: 4}, "B": {EAST: 2}}
    assert _source({"A": 3, "B": 2}, stock, region="NY") == Sourcing(
        (EAST, CENTRAL), {"A": {CENTRAL: 3}, "B": {EAST: 2}}
    )


def test_a_sku_that_no_location_has_alone_comes_from_the_nearest_first() -> None:
    assert _source({"A": 6}, {"A": {WEST: 4, EAST: 4}}, region="NY").units == {"A": {EAST: 4, WEST: 2}}


@pytest.mark.parametrize(("most_splits", "locations"), [(Policy().most_splits, 7), (246, 7), (245, 8)])
def test_eight_locations_serve_by_the_fewest_while_not_too_many_splits_have_to_be_tried(
    most_splits: int, locations: int
) -> None:
    stock = {"A": {"L1": 6, "L3": 4}, "B": {"L2": 6, "L3": 4}, "C": {f"L{number}": 1 for number in range(4, 9)}}
    demand = {"A": 6, "B": 6, "C": 5}
    assert len(source(demand, stock, lambda location: 1, most_splits).locations) == locations


def test_a_split_that_is_found_greedily_begins_with_the_location_that_adds_most() -> None:
    stock = {"A": {"L1": 1, "L2": 1, "L3": 1, "L4": 5}}
    assert source({"A": 6}, stock, lambda location: int(location[1:]), most_splits=1).locations == ("L1", "L4")


def test_all_locations_serve_what_needs_them_all() -> None:
    assert _source({"A": 9}, {"A": {WEST: 3, EAST: 3, CENTRAL: 3}}).units == {"A": {EAST: 3, CENTRAL: 3, WEST: 3}}


def test_a_location_that_the_policy_does_not_know_serves_after_all_that_it_knows() -> None:
    stock = {"A": {"POP-UP": 9, WEST: 2}}
    assert _source({"A": 2}, stock).locations == (WEST,)
    assert _source({"A": 3}, stock).locations == ("POP-UP",)


def test_a_location_of_the_country_comes_before_those_of_other_countries() -> None:
    policy = Policy(locations={"SHA": Location(country="CN"), **POLICY.locations})
    assert policy.distance("SHA", "CN", "") == 1
    assert policy.distance(EAST, "CN", "NY") == 2
    assert policy.distance("POP-UP", "CN", "") == 3


def test_nothing_wanted_needs_no_location() -> None:
    assert _source({}, {}) == Sourcing((), {})
    assert _source({"A": 0}, {"A": {}}) == Sourcing((), {"A": {}})


def test_units_are_divided_only_when_no_single_location_has_them_all() -> None:
    assert divide(3, ("X", "Y"), {"X": 2, "Y": 3}) == {"Y": 3}
    assert divide(4, ("X", "Y", "Z"), {"X": 2, "Y": 3, "Z": 1}) == {"X": 2, "Y": 2}


skus = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.dictionaries(st.sampled_from([f"L{n}" for n in range(9)]), st.integers(1, 6)),
    min_size=1,
)


@settings(max_examples=150)
@given(stock=skus, share=st.integers(1, 4), most_splits=st.sampled_from([Policy().most_splits, 20]))
def test_every_demand_is_met_from_what_is_there_and_by_the_fewest_locations_where_all_splits_are_tried(
    stock: dict[str, dict[str, int]], share: int, most_splits: int
) -> None:
    demand = {sku: sum(units.values()) * share // 4 for sku, units in stock.items()}
    sourcing = source(demand, stock, lambda location: int(location[1:]) % 3, most_splits)
    for sku, wanted in demand.items():
        assert sum(sourcing.units[sku].values()) == wanted
        assert all(0 < units <= stock[sku][location] for location, units in sourcing.units[sku].items())
    used = {location for units in sourcing.units.values() for location in units}
    assert used <= set(sourcing.locations)
    everywhere = sorted({location for units in stock.values() for location in units})
    if 2 ** len(everywhere) <= most_splits:
        fewer = combinations(everywhere, max(0, len(sourcing.locations) - 1))
        assert not sourcing.locations or not any(
            all(sum(stock[sku].get(location, 0) for location in few) >= demand[sku] for sku in demand)
            for few in fewer
        )

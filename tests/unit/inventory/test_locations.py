"""Locations are data: a file says where they are, and is refused in one line."""

from pathlib import Path
from typing import Any

import pytest

from services.inventory.app import definition
from services.inventory.locations import load_locations
from services.inventory.settings import Settings
from shared.events.inventory import StockReceived, StockReserved
from shared.eventsourcing.data_file import BadFile
from shared.eventsourcing.service import run
from shared.eventsourcing.testing import Scenario
from tests.unit.inventory.sample import EAST, line, reserve

SETTINGS: dict[str, Any] = {"database_url": "postgresql://unused", "kafka_bootstrap": "unused:1"}
FILE = """
[BERLIN]
country = "DE"
regions = ["be", "BB"]
address = { name = "Lager", street = "Kai 1", city = "Berlin" }

["Unter den Linden"]
country = "DE"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "locations.toml"
    file.write_text(text, encoding="utf-8")
    return file


def serving(settings: Settings, country: str, region: str, *locations: str) -> str:
    """The location that serves an order for a unit that each of them has."""
    scenario = Scenario(definition(settings).model)
    for location in locations:
        scenario = scenario.given("stock-A", StockReceived(sku="A", location=location, quantity=1))
    outcome = scenario.when(reserve(line("1", "A", 1), country=country, region=region))
    (reserved,) = [event for event in outcome.events if isinstance(event, StockReserved)]
    return reserved.fulfilments[0].location


def test_the_nearest_location_is_the_one_that_the_file_says(tmp_path: Path) -> None:
    settings = Settings(**SETTINGS, locations=written(tmp_path, FILE))
    assert serving(settings, "DE", "BE", "Unter den Linden", "BERLIN") == "BERLIN"
    assert serving(settings, "DE", "BY", EAST, "Unter den Linden") == "Unter den Linden"
    assert serving(settings, "US", "NY", EAST, "BERLIN") == "BERLIN"


def test_without_a_file_the_locations_are_the_warehouses_of_the_demo() -> None:
    assert serving(Settings(**SETTINGS), "US", "NY", "BERLIN", EAST, "ALBANY") == EAST


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[BERLIN", "Expected ']'"),
        ("[BERLIN]\ncountry = 'DE'\n[BERLIN]\n", "BERLIN"),
        ("[BERLIN]\nregions = ['BE']", "BERLIN.country: Field required"),
        ("[BERLIN]\ncountry = 'Germany'", "BERLIN.country"),
        ("[BERLIN]\ncountry = 'DE'\nregion = 'BE'", "BERLIN.region: Extra inputs"),
        ("[BERLIN]\ncountry = 'DE'\nregions = 'BE'", "BERLIN.regions"),
        ("BERLIN = 'DE'", "BERLIN: Input should be"),
        ("", "names no location"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadFile) as raised:
        load_locations(written(tmp_path, text))
    assert says in str(raised.value)
    assert str(raised.value).startswith("locations.toml: ")
    assert "\n" not in str(raised.value)


def test_a_service_whose_locations_can_not_be_read_does_not_start_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**SETTINGS, "locations": str(tmp_path / "none.toml")}.items():
        monkeypatch.setenv(f"OMS_{name.upper()}", value)
    with pytest.raises(SystemExit) as ended:
        run("inventory", definition, Settings)
    assert str(ended.value) == f"inventory: {tmp_path / 'none.toml'}: No such file or directory"

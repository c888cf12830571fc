"""Parcels leave from the addresses of a file, which inventory finds the nearest location by as well."""

from pathlib import Path

import pytest

from services.inventory.locations import load_locations
from services.shipping.origins import DEMO, STORE, Origins, load_addresses
from shared.eventsourcing.data_file import BadFile

FILE = """
[BERLIN]
country = "DE"
regions = ["BE", "BB"]
address = { name = "Lager", street = "Kai 1", city = "Berlin", postal_code = "10115" }
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "locations.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_parcels_leave_from_the_warehouses_of_the_demo_or_its_store() -> None:
    origins = Origins(known=DEMO, other=STORE)

    assert [origins.of(name).region for name in ("WH-EAST", "WH-CENTRAL", "WH-WEST")] == ["NJ", "TN", "NV"]
    assert origins.of("anywhere else").city == "Cincinnati"


def test_one_file_says_to_shipping_where_parcels_leave_from_and_to_inventory_what_is_near(tmp_path: Path) -> None:
    file = written(tmp_path, FILE)

    (address,) = load_addresses(file).values()

    assert (address.street, address.city, address.country) == ("Kai 1", "Berlin", "DE")
    assert load_locations(file)["BERLIN"].regions == {"BE", "BB"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[BERLIN", "Expected ']'"),
        ("[BERLIN]\ncountry = 'DE'", "BERLIN.address: Field required"),
        ("[BERLIN]\ncountry = 'DE'\naddress = { name = 'Lager', city = 'Berlin' }", "BERLIN.address.street"),
        ("[BERLIN]\ncountry = 'DE'\naddress = 'Kai 1'", "BERLIN.address: Input should be"),
        ("[BERLIN]\naddress = { name = 'L', street = 'K', city = 'B' }", "BERLIN.country: Field required"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadFile) as raised:
        load_addresses(written(tmp_path, text))

    assert says in str(raised.value)
    assert str(raised.value).startswith("locations.toml: ")
    assert "\n" not in str(raised.value)

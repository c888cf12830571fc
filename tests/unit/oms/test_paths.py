"""What a user names stands in a route as one name, whatever characters it has."""

import pytest

from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import Services


def test_a_number_with_a_slash_is_one_number(oms: Oms, services: Services) -> None:
    oms("order", "A/../B")

    assert services.asked[0].path == "/order/orders/A/../B"


@pytest.mark.parametrize("name", [".", "..", "...", "./..", "%2E"])
@pytest.mark.parametrize(
    ("command", "method", "path"),
    [
        (("order", "{}"), "GET", "/order/orders/{}"),
        (("cancel", "{}", "--reason", "x"), "POST", "/order/orders/{}/cancel"),
        (("hold", "release", "SO-7", "{}", "--reason", "x"), "POST", "/order/orders/SO-7/holds/{}/release"),
        (("stock", "{}"), "GET", "/inventory/stock/{}"),
        (("receive", "{}", "1", "--at", "EAST"), "POST", "/inventory/stock/{}/receive"),
        (("parked", "retry", "order", "{}"), "POST", "/order/operations/parked/{}/retry"),
    ],
    ids=["order", "cancel", "hold", "stock", "receive", "parked"],
)
def test_a_name_of_dots_leads_nowhere_else(
    oms: Oms, services: Services, command: tuple[str, ...], method: str, path: str, name: str
) -> None:
    oms(*(part.format(name) for part in command))

    assert [(asked.method, asked.path) for asked in services.asked] == [(method, path.format(name))]


@pytest.mark.parametrize(
    "command", [("order", ""), ("stock", ""), ("approve", "", "--reason", "x"), ("parked", "retry", "order", "")]
)
def test_an_empty_name_is_wrong_usage(oms: Oms, services: Services, command: tuple[str, ...]) -> None:
    assert oms(*command) == (2, "", "oms: an empty name is none\n")
    assert services.asked == []

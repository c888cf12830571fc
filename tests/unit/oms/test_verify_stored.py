"""What is stored, in rows, lanes and topics, is what the facts say; each planted fault is found and named."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from oms.client import SERVICES, Client
from oms.verify.chain import Versions
from oms.verify.finding import Entry
from oms.verify.logs import Logs
from oms.verify.states import States
from oms.verify.stock import Stock
from oms.verify.streams import CATEGORIES, Streams
from tests.unit.oms.stack import Services
from tests.unit.oms.world import NUMBER, World, expect_found, sound_world


def reserved_otherwise(world: World) -> None:
    world.states["stock-TEA"]["state"]["shelves"]["EAST"]["reserved"] = 2


def stock_that_no_fact_knows(world: World) -> None:
    world.states["stock-GHOST"] = {"version": 1, "state": {"shelves": {"EAST": {"on_hand": 99, "reserved": 0}}}}


def stock_that_moved_on_without_a_fact(world: World) -> None:
    world.states["stock-TEA"]["state"]["shelves"]["EAST"]["on_hand"] += 1
    world.states["stock-TEA"]["version"] += 1


def two_gaps_in_a_stream(world: World) -> None:
    for _ in range(3):
        world.record("payment", "payment-SO-7", "payment.void-started", order_number=NUMBER, attempt=1)
    for entry, version in zip(world.logs["payment"][1:], (3, 4, 6, 7), strict=True):
        entry["version"] = version
    world.chain("payment")


def lane_that_is_gone(world: World) -> None:
    world.gone.add(5)


def stream_cut_short_together_with_its_lane(world: World) -> None:
    world.logs["payment"].pop()
    world.folds["payment-SO-7"] = {"version": 1, "state": {}}


def stream_gone_from_the_log(world: World) -> None:
    world.logs["shipping"].clear()


def stream_that_is_not_stored(world: World) -> None:
    del world.states["order-SO-7"]
    world.folds["order-SO-7"] = {"version": 2, "state": {}}


def stream_that_is_stored_as_it_was(world: World) -> None:
    world.states["order-SO-7"]["version"] = 1
    world.folds["order-SO-7"] = {"version": 1, "state": {}}


def message_between_two_who_exchange_none(world: World) -> None:
    world.consumed["inventory", "notification"] = ["00000000-0000-0000-0000-00000000ffff"]


def relay_past_the_end(world: World) -> None:
    world.relays[1] = 99


def lane_that_nobody_publishes(world: World) -> None:
    world.unpublished.add(5)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (reserved_otherwise, ("2 stock", "TEA at EAST", "reserved is 2 more than by the facts")),
        (stock_that_no_fact_knows, ("5 stored streams", "inventory stock-GHOST", "no fact is of it")),
        (
            stock_that_moved_on_without_a_fact,
            ("5 stored streams", "inventory stock-TEA", "its facts do not reach the version that is stored"),
        ),
        (two_gaps_in_a_stream, ("5 stream versions", "payment payment-SO-7", "version 2 is missing")),
        (two_gaps_in_a_stream, ("5 stream versions", "payment payment-SO-7", "version 5 is missing")),
        (lane_that_is_gone, ("5 hash chains", "shipping lane 5", "the lane is not there")),
        (
            stream_cut_short_together_with_its_lane,
            ("5 stored streams", "payment payment-SO-7", "its facts do not reach the version that is stored"),
        ),
        (stream_gone_from_the_log, ("5 stored streams", "shipping shipment-SO-7-F1", "no fact is of it")),
        (stream_that_is_not_stored, ("5 stored streams", "order order-SO-7", "has facts, and is not stored")),
        (
            stream_that_is_stored_as_it_was,
            ("5 stored streams", "order order-SO-7", "its facts go beyond the version that is stored"),
        ),
        (
            message_between_two_who_exchange_none,
            ("5 published = consumed + parked", "notification to inventory", "is not in the store"),
        ),
        (relay_past_the_end, ("5 published = consumed + parked", "order lane 1", "stands past the end")),
        (lane_that_nobody_publishes, ("5 published = consumed + parked", "order lane 5", "no relay publishes it")),
    ],
)
def test_a_planted_fault_is_found_and_named(
    services: Services, plant: Callable[[World], None], expected: tuple[str, str, str]
) -> None:
    expect_found(services, plant, expected)


def test_a_version_that_comes_late_takes_nothing_from_another_that_is_lost() -> None:
    versions = Versions()

    def missing() -> set[str]:
        return {finding.what for finding in versions.findings(Client(Services().description()))}

    for version in (1, 3, 4, 6):
        versions.see(fact(version))
    before = missing()
    versions.see(fact(2))

    assert before == {"version 2 is missing", "version 5 is missing"}
    assert missing() == {"version 5 is missing"}


def fact(version: int) -> Entry:
    """A fact of a stream of which only the version matters."""
    texts = dict.fromkeys(set(Entry.__dataclass_fields__) - {"version", "lane", "position"}, "")
    known: dict[str, Any] = texts | {"service": "inventory", "kind": "event", "stream": "stock-TEA"}
    return Entry(**known, version=version, lane=1, position=version)


def test_a_shelf_that_is_wrong_is_found_however_much_moves_on_it(services: Services) -> None:
    world = sound_world()
    world.states["stock-TEA"]["state"]["shelves"]["EAST"]["on_hand"] += 1
    stock = Stock()

    def found() -> list[tuple[str, str]]:
        stock.prepare(client)
        for entry in logs.news(client):
            stock.see(entry)
        return [(one.where, one.what) for one in stock.findings(client)]

    world.serve(services)
    with Client(services.description()) as client:
        logs = Logs()
        before = found()
        world.receive(5)
        after_more = found()
        world.states["stock-TEA"]["version"] += 1
        after_what_is_not_in_the_log_yet = found()

    assert before == [("TEA at EAST", "on hand is 1 more than by the facts")]
    assert after_more == before
    assert after_what_is_not_in_the_log_yet == before


def test_stock_that_moves_while_the_log_is_read_is_compared_as_it_was(services: Services) -> None:
    world = sound_world()
    world.serve(services)
    shelf = world.states["stock-TEA"]["state"]["shelves"]["EAST"]

    def found_while_more_comes_in(really_on_hand: int) -> list[tuple[str, str]]:
        stock = Stock()
        stock.prepare(client)
        shelf["on_hand"] = really_on_hand
        world.receive(5)
        for entry in Logs().news(client):
            stock.see(entry)
        return [(one.where, one.what) for one in stock.findings(client)]

    with Client(services.description()) as client:
        sound = found_while_more_comes_in(really_on_hand=7)
        shelf["on_hand"] += 1
        wrong = found_while_more_comes_in(really_on_hand=12)

    assert sound == []
    assert wrong == [("TEA at EAST", "on hand is 1 more than by the facts")]


def test_streams_that_grow_while_the_log_is_read_are_no_finding(services: Services) -> None:
    world = sound_world()
    world.serve(services)
    streams = Streams()

    with Client(services.description()) as client:
        streams.prepare(client)
        world.receive(5)
        world.record("payment", "payment-SO-8", "payment.void-started", order_number="SO-8", attempt=1)
        for entry in Logs().news(client):
            streams.see(entry)
        world.receive(5)

        assert list(streams.findings(client)) == []


def test_every_category_of_every_service_is_looked_through() -> None:
    modules = {service: import_module(f"services.{service}.domain.model") for service in SERVICES}

    known = {service: {one.name for one in module.model().categories} for service, module in modules.items()}

    assert {service: set(names) for service, names in CATEGORIES.items()} == known


def test_another_run_folds_other_streams(services: Services) -> None:
    world = sound_world()
    for number in range(20):
        world.record("notification", f"notice-SO-{number}", "notification.contact-noted")
    world.serve(services)

    def folded(salt: bytes) -> set[str]:
        states = States(5, salt)
        services.asked.clear()
        with Client(services.description()) as client:
            for entry in Logs().news(client):
                states.see(entry)
            assert list(states.findings(client)) == []
            first = asked()
            assert list(states.findings(client)) == []
            assert asked() == first
        return first

    def asked() -> set[str]:
        return {one.parameters["stream"] for one in services.asked if one.path == "/notification/operations/folds"}

    assert folded(b"monday") != folded(b"tuesday")

"""The verdict on a sound world in which one thing is then changed behind everybody's back."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson
import pytest
from msgspec import structs

from shared.events.order import OrderPlaced
from shared.eventsourcing.store import LogEntry
from tests.simulation.carrier import Label
from tests.simulation.gateway import Account
from tests.simulation.running import Plan, plan, quiet
from tests.simulation.script import play
from tests.simulation.verdict import judge
from tests.simulation.verified import verified
from tests.simulation.world import World, world

SOUND = plan(7, orders=6, faults=0)


@pytest.fixture
def sound() -> Iterator[World]:
    with quiet(), world(SOUND.seed) as one:
        one.loop.run_until_complete(play(one, SOUND.workload, SOUND.faults))
        assert findings(one) == []
        yield one


def findings(one: World, planned: Plan = SOUND) -> list[str]:
    return [str(finding) for finding in judge(one, planned.workload.statements())]


def another_currency(one: World) -> None:
    ledger = one.outside.gateway.ledger
    ledger[0] = replace(ledger[0], currency="EUR")


def another_order_at_the_gateway(one: World) -> None:
    ledger = one.outside.gateway.ledger
    number = next(place for place, effect in enumerate(ledger) if effect.operation == "void")
    ledger[number] = replace(ledger[number], reference="SO-99")


def authorisation_of_no_order(one: World) -> None:
    account = next(iter(one.outside.gateway.accounts.values()))
    one.outside.gateway.accounts["auth_99"] = Account("SO-99", "tok", 1, "USD", account.expires_at)


def label_of_no_order(one: World) -> None:
    one.outside.carrier.labels["lbl_99"] = Label("lbl_99", "SO-99-F1", "CR99", "key", status="handed_over")


def stock_of_no_order(one: World) -> None:
    one.books.held["SO-99"]["SKU-1"] = 1


def mail_to_somebody_else(one: World) -> None:
    next(iter(one.outside.mailbox.addresses.values())).add("eve@example.com")


def order_under_two_numbers(one: World) -> None:
    other, again = (orjson.loads(entry.payload)["content"] for entry in _placed(one)[:2])
    _state(one, _placed(one)[1], content={**again, "channel_order_id": other["channel_order_id"]})


def void_of_a_part(one: World) -> None:
    _state(one, _facts(one, "payment", "payment.authorisation-voided.v1")[0], expected=1)


def charge_of_a_part(one: World) -> None:
    _state(one, _facts(one, "order", "order.completed.v1")[0], charged=1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (another_currency, " EUR under "),
        (another_order_at_the_gateway, "the ledger agrees: SO-99: void"),
        (void_of_a_part, "was let go of, and 1 of it"),
        (authorisation_of_no_order, "nothing for nobody: SO-99: is no order, and has auth_99"),
        (label_of_no_order, "nothing for nobody: SO-99-F1: is no shipment, and has lbl_99"),
        (stock_of_no_order, "nothing for nobody: SO-99: is no order, and stock is reserved for it"),
        (mail_to_somebody_else, "went to eve@example.com"),
        (order_under_two_numbers, "under another number"),
        (charge_of_a_part, "what leaves is paid: "),
    ],
)
def test_what_is_wrong_is_found_and_named(sound: World, change: Callable[[World], None], told: str) -> None:
    change(sound)

    assert any(told in finding for finding in findings(sound))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (order_under_two_numbers, "oms verify: 1 orders: web "),
        (another_currency, "oms verify: 3 payments: "),
        (void_of_a_part, "oms verify: 3 payments: "),
        (charge_of_a_part, "oms verify: 3 charges: "),
        (label_of_no_order, "oms verify: 4 endings: SO-99-F1: is no shipment of an order"),
        (void_of_a_part, "oms verify: 5 hash chains: "),
        (order_under_two_numbers, "oms verify: 5 state = fold of events: "),
    ],
)
def test_what_oms_verify_finds_is_found(sound: World, change: Callable[[World], None], told: str) -> None:
    assert list(verified(sound)) == []

    change(sound)

    assert any(told in str(finding) for finding in verified(sound)), list(verified(sound))


def _placed(one: World) -> list[LogEntry]:
    return _facts(one, "order", OrderPlaced.wire_type)


def _facts(one: World, service: str, wire_type: str) -> list[LogEntry]:
    log = one.sites[service].tables.log
    return [entry for lane in log.values() for entry in lane if entry.type == wire_type]


def _state(one: World, entry: LogEntry, **fields: object) -> None:
    """Let a fact state something else."""
    payload = orjson.dumps({**orjson.loads(entry.payload), **fields}).decode()
    changed = structs.replace(entry, payload=payload)
    for site in one.sites.values():
        for kept in (site.tables.log[entry.lane], site.tables.stream_events.get(entry.stream, [])):
            if entry in kept:
                kept[kept.index(entry)] = changed

"""`oms verify` finds and names what must never happen: every fault here is planted by hand, then taken back."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from deploy.local.components import service
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from oms.verify.finding import Finding
from oms.verify.run import all_checks, verify
from shared.events.cloudevents import Metadata, headers_of, source_of
from shared.events.topics import PARTITIONS
from tests.e2e.conftest import TAKEOVER, WITHOUT_FAULTS
from tests.e2e.kafka import Headers, delete_before, publish_bytes
from tests.e2e.planted_faults import FAULTS
from tests.e2e.shop import Shop
from tests.e2e.sound_world import World, sound_world


@pytest.fixture(scope="module")
def world(
    lodging: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A stack of its own, at rest and sound, with a copy of every table beside it."""
    components = (*WITHOUT_FAULTS, *(service(name) for name in SERVICES))
    stack = Stack(
        tmp_path_factory.mktemp("verify"),
        components=components,
        environment=dict.fromkeys(SERVICES, TAKEOVER),
    )
    try:
        stack.start()
        shop = Shop(stack)
        sound = sound_world(shop)
        at_rest = verify(shop.client, all_checks(1_000), patience_s=30)
        assert not any(verdict.findings for verdict in at_rest)
        assert sound.findings() == []
        sound.keep()
        yield sound
        assert sound.findings() == []
        shop.close()
    finally:
        if request.session.testsfailed:
            stack.stop()
        else:
            stack.discard()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_database_is_found_and_named(world: World, name: str) -> None:
    fault = FAULTS[name]

    with world.broken(fault.of, fault.statements(world)):
        found = world.findings()

    named = [one for one in found if one.invariant == fault.invariant and fault.what in one.what]
    assert named, f"found only {found}"


@pytest.fixture(scope="module")
def found_in_the_books(world: World) -> list[Finding]:
    """What is found when the books of gateway and carrier say something else than the services."""
    captured, doubled, refunded, unknown, left = (
        world.others[1],
        world.others[2],
        world.others[0],
        *world.others[3:],
    )
    columns = "operation, operation_id || 'x', authorisation_id, reference, amount, currency, idempotency_key"
    of = "from effect where operation = 'capture' and reference"
    names = "operation, operation_id, authorisation_id, reference, amount, currency, idempotency_key, at"
    gateway = [
        f"insert into effect ({names}) select {columns} || 'x', at {of} = '{captured}'",
        f"insert into effect ({names}) select {columns}, at {of} = '{doubled}'",
        f"update effect set amount = 1001 where operation = 'refund' and reference = '{refunded}'",
        f"delete {of} = '{unknown}'",
        f"delete from effect where operation = 'void' and reference = '{world.cancelled}'",
        _effect("capture", "amount / 2", world.cancelled, f"'{world.cancelled}'"),
        _effect("authorise", "amount", world.done, "'SO-NOBODY'"),
    ]
    carrier = [
        f"delete from effect where operation in ('hand_over', 'deliver') and reference = '{left}-F1'",
        *_another_parcel(like=captured, of=captured, key="idempotency_key || 'z'"),
        *_another_parcel(like=doubled, of=doubled, key="idempotency_key"),
        *_another_parcel(like=refunded, of=world.cancelled, key=f"'{world.cancelled}-F1-label-1'"),
    ]
    with _edited(world.shop.stack, "gateway", gateway), _edited(world.shop.stack, "carrier", carrier):
        return world.findings()


def _effect(operation: str, amount: str, like: str, reference: str) -> str:
    """Another effect in the gateway's book, made from an order's authorisation."""
    new = "authorisation_id" if operation == "capture" else "authorisation_id || 'y'"
    return f"""
        insert into effect
            (operation, operation_id, authorisation_id, reference, amount, currency, idempotency_key, at)
        select
            '{operation}', operation_id || 'y', {new}, {reference}, {amount}, currency, idempotency_key || 'y', at
        from effect where operation = 'authorise' and reference = '{like}'"""


def _another_parcel(like: str, of: str, key: str) -> list[str]:
    """In the carrier's book: a label bought under a key and handed over, made from those of another order."""
    return [
        f"""
        insert into effect (operation, label_id, tracking_number, reference, amount, currency, idempotency_key, at)
        select operation, label_id || 'z', tracking_number || 'z', '{of}-F1', amount, currency, {key}, at
        from effect where operation = '{operation}' and reference = '{like}-F1'"""
        for operation, key in (("buy_label", key), ("hand_over", "idempotency_key || 'z'"))
    ]


@pytest.mark.parametrize(
    ("invariant", "what"),
    [
        ("3 payments", "more was captured than authorised"),
        ("3 payments", "more than one effect under one idempotency key"),
        ("3 payments", "more was refunded than captured"),
        ("3 payments", "is recorded and not in the gateway's ledger"),
        ("3 payments", "the gateway captured another amount than is recorded"),
        ("3 payments", "is in the gateway's ledger, and nobody asked for it"),
        ("4 endings", "is cancelled and leaves authorisation"),
        ("4 endings", "is cancelled and keeps what was captured"),
        ("4 endings", "is no order, and has authorisation"),
        ("4 endings", "is completed and leaves label"),
        ("4 endings", "at the carrier, and nobody asked for it"),
        ("4 endings", "more than one effect at the carrier under one idempotency key"),
        ("4 endings", "was handed to the carrier more than once"),
        ("4 endings", "is cancelled, and the parcel of"),
    ],
)
def test_a_fault_in_the_books_outside_is_found_and_named(
    found_in_the_books: list[Finding], invariant: str, what: str
) -> None:
    assert [one for one in found_in_the_books if one.invariant == invariant and what in one.what]


@contextmanager
def _edited(stack: Stack, of: str, statements: Sequence[str]) -> Iterator[None]:
    """A simulator whose book was changed behind its back."""
    file = stack.state / of / f"{of}.sqlite3"
    stack.kill(of)
    with closing(sqlite3.connect(file)) as book:
        book.execute("create table sound as select * from effect")
        for statement in statements:
            assert book.execute(statement).rowcount == 1 or of == "carrier", statement
        book.commit()
    stack.restart(of)
    try:
        yield
    finally:
        stack.kill(of)
        with closing(sqlite3.connect(file)) as book:
            book.execute("delete from effect")
            book.execute("insert into effect select * from sound")
            book.execute("drop table sound")
            book.commit()
        stack.restart(of)


@contextmanager
def _strewn(world: World, topic: str, partition: int, headers: Headers) -> Iterator[str]:
    """A record that a stranger put into a partition; its place. It is deleted with all that stood before it."""
    kafka, prefix = world.shop.client.stack.kafka, world.shop.client.stack.topic_prefix
    place = asyncio.run(publish_bytes(kafka, prefix, topic, b"{}", headers, None, partition))
    try:
        yield place
    finally:
        asyncio.run(delete_before(kafka, prefix, place, with_it=True))


def test_a_record_that_no_store_has_is_found_and_named(world: World) -> None:
    identity = "00000000-0000-0000-0000-00000000ffff"
    metadata = Metadata(id=identity, source=source_of("order"), type="order.confirmed.v1", sequence="5:999999")

    with _strewn(world, "notification.commands", 5, headers_of(metadata)) as place:
        found = world.findings()

    assert found == [Finding("5 stored = published", place, f"{identity} stands here and is in no store")]


def test_a_record_under_a_wrong_partition_is_found_and_named(world: World) -> None:
    message = world.shop.topic("notification.events")[-1]
    lane, right = message.headers["ce_sequence"].decode().partition(":")[0], int(message.place.split("/")[1])
    last = PARTITIONS - 1
    never_its_own = last if right != last else last - 1  # as those of the lower half may once have been

    with _strewn(world, "notification.events", never_its_own, list(message.headers.items())) as place:
        found = world.findings()

    told = f"notification lane {lane} stands here, and its partition is {right}"
    assert found == [Finding("5 stored = published", place, told)]

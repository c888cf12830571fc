"""`oms verify` finds and names what must never happen: every fault here is planted by hand, then taken back."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from deploy.local.components import service
from deploy.local.stack import Stack
from deploy.local.topics import PARTITIONS, SERVICES
from oms.verify.finding import Finding
from oms.verify.run import all_checks, verify
from shared.events.cloudevents import Metadata, headers_of, source_of
from tests.e2e.conftest import TAKEOVER, WITHOUT_FAULTS
from tests.e2e.kafka import Headers, delete_before, publish_bytes
from tests.e2e.orders import NOWHERE, a_line, an_order, card, number_of
from tests.e2e.shop import Shop

TABLES = ("log", "lane", "stream", "inbox", "reminder")
READERS_TO_WHERE_THEY_WERE = """
    update reader set position = before.position from sound.reader as before
    where before.reader = reader.reader and before.lane = reader.lane"""


@dataclass(frozen=True)
class World:
    """A small shop with an order for each way to stand or to end."""

    shop: Shop
    sku: str
    """Five arrived, two of them left with `done`."""
    done: str
    others: tuple[str, ...]
    """Delivered as well."""
    held: str
    waiting: str
    """For stock."""
    cancelled: str
    """After its payment was authorised."""
    withdrawn: str
    """Cancelled while it waited for stock."""
    over_http: str
    """Held; all others came over the topic."""
    channel_order_ids: tuple[str, str]
    """Those of `done` and `held`."""

    def findings(self) -> list[Finding]:
        """What `oms verify` finds at one look: nothing is in flight here."""
        verdicts = verify(self.shop.client, all_checks(1_000), patience_s=0)
        return [finding for verdict in verdicts for finding in verdict.findings]

    def execute(self, of: str, statements: Sequence[str]) -> None:
        """Run SQL in the database of a service, in its own role."""
        asyncio.run(_execute(self.shop.client.stack.databases[of], statements))

    @contextmanager
    def broken(self, of: str, statements: Sequence[str]) -> Iterator[None]:
        """The database of a service with a fault in it."""
        try:
            self.execute(of, statements)
            yield
        finally:
            restored = [f"delete from {one}; insert into {one} select * from sound.{one}" for one in TABLES]
            self.execute(
                of, [*restored, READERS_TO_WHERE_THEY_WERE, "create unique index if not exists " + LOG_STREAM]
            )


LOG_STREAM = "log_stream on log (stream, version) where kind = 'event'"


async def _execute(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
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
        sound = _populated(shop)
        at_rest = verify(shop.client, all_checks(1_000), patience_s=30)
        assert not any(verdict.findings for verdict in at_rest)
        assert sound.findings() == []
        for of in SERVICES:
            sound.execute(
                of,
                [
                    "create schema sound",
                    *(f"create table sound.{one} as table {one}" for one in (*TABLES, "reader")),
                ],
            )
        yield sound
        assert sound.findings() == []
        shop.close()
    finally:
        if request.session.testsfailed:
            stack.stop()
        else:
            stack.discard()


def _populated(shop: Shop) -> World:
    sku, plenty, rare = shop.sku(EAST=5), shop.sku(EAST=99), shop.sku(EAST=1)
    done, held = an_order(a_line(sku, 2)), an_order(a_line(plenty, unit_price=100_000_001))
    others = [an_order(a_line(plenty)) for _ in range(5)]
    waiting = an_order(a_line(rare, 2), allow_backorder=True)
    cancelled = an_order(a_line(plenty), shipping_address=NOWHERE)
    declined = an_order(a_line(plenty), payment=card("tok_decline"))
    shop.publish(done, held, *others, waiting, cancelled, declined)
    withdrawn = an_order(a_line(shop.sku(EAST=1), 2), allow_backorder=True)
    shop.publish(withdrawn)
    over_http = an_order(a_line(plenty, unit_price=100_000_001))
    answer = shop.ask(
        "POST", "order", "/orders", content=over_http.model_dump_json(), headers={"Idempotency-Key": "K1"}
    )
    assert answer.status_code == 201
    shop.publish_bytes(b"rubbish")
    shop.wait(number_of(withdrawn), "backordered")
    shop.decide(number_of(withdrawn), "cancel")
    shop.wait(number_of(waiting), "backordered")
    shop.wait(number_of(declined), "awaiting_payment")
    shop.wait(number_of(cancelled), "held")
    shop.decide(number_of(cancelled), "cancel")
    shop.wait_all([number_of(withdrawn), number_of(cancelled)], "cancelled")
    shop.wait_all([number_of(one) for one in (done, *others)], "completed")
    for one in (held, over_http):
        shop.wait(number_of(one), "held")
    refund = {"amount": 100, "currency": "USD", "reason": "a scratch"}
    path = f"/payments/{number_of(others[0])}/refund"
    shop.ask("POST", "payment", path, json=refund, headers={"Idempotency-Key": "R1"}).raise_for_status()
    shop.wait_for_fact(number_of(others[0]), "payment.refunded")
    return World(
        shop=shop,
        sku=sku,
        done=number_of(done),
        others=tuple(number_of(one) for one in others),
        held=number_of(held),
        waiting=number_of(waiting),
        cancelled=number_of(cancelled),
        withdrawn=number_of(withdrawn),
        over_http=number_of(over_http),
        channel_order_ids=(done.channel_order_id, held.channel_order_id),
    )


def delete(number: str, fact: str) -> str:
    """Take a fact of an order out of the log."""
    return f"delete from log where correlation_id = '{number}' and type = '{fact}.v1'"


def change(number: str, fact: str, old: str, new: str) -> str:
    """Change the payload of a fact of an order."""
    return (
        f"update log set payload = replace(payload::text, '{old}', '{new}')::json "
        f"where correlation_id = '{number}' and type = '{fact}.v1'"
    )


def again(number: str, fact: str, version: str) -> str:
    """Put a copy of a fact of an order behind the end of its lane, where no reader of the service looks."""
    return f"""
        insert into log
        select lane.lane, lane.head + 1, gen_random_uuid(), kind, type, topic, stream, {version},
            partition_key, correlation_id, causation_id, actor, reason, occurred_at, recorded_at, traceparent,
            payload, hash
        from log join lane using (lane) where correlation_id = '{number}' and type = '{fact}.v1'"""


def pass_over(number: str) -> str:
    """Move the relay's cursor on by one in the lane of an order."""
    return f"""
        update reader set position = position + 1
        where reader = 'relay' and lane = (select lane from log where correlation_id = '{number}' limit 1)"""


@dataclass(frozen=True)
class Fault:
    """What is broken where, and what must be said about it."""

    invariant: str
    what: str
    of: str
    statements: Callable[[World], Sequence[str]]


FAULTS = {
    "an order is lost": Fault(
        "1 orders",
        "was taken, and is neither an order nor rejected nor parked",
        "order",
        lambda w: [delete(w.held, "order.placed")],
    ),
    "a rejected message is lost": Fault(
        "1 orders",
        "was taken, and is neither an order nor rejected nor parked",
        "order",
        lambda w: ["delete from log where type = 'channel.order-rejected.v1'"],
    ),
    "an order is placed twice": Fault(
        "1 orders",
        "was placed more than once",
        "order",
        lambda w: [again(w.done, "order.placed", "version + 1000")],
    ),
    "an order has two numbers": Fault(
        "1 orders",
        "has the numbers",
        "order",
        lambda w: [change(w.held, "order.placed", w.channel_order_ids[1], w.channel_order_ids[0])],
    ),
    "an answered order is lost": Fault(
        "1 accepted over HTTP",
        "was answered as created",
        "order",
        lambda w: [delete(w.over_http, "order.placed")],
    ),
    "on hand is wrong": Fault(
        "2 stock",
        "on hand is 96 more than by the facts",
        "inventory",
        lambda w: [
            "update stream set state = jsonb_set(state::jsonb, '{shelves,WH-EAST,on_hand}', '99')::json "
            f"where stream = 'stock-{w.sku}'"
        ],
    ),
    "reserved is above on hand": Fault(
        "2 stock",
        "more has been reserved than was on hand",
        "inventory",
        lambda w: [change(w.done, "inventory.stock-allocated", '"quantity":2', '"quantity":50')],
    ),
    "stock is negative": Fault(
        "2 stock",
        "on hand or reserved has been negative",
        "inventory",
        lambda w: [change(w.sku, "inventory.stock-received", '"quantity":5', '"quantity":1')],
    ),
    "the stock of a SKU is gone": Fault(
        "2 stock",
        "is not in the store",
        "inventory",
        lambda w: [f"delete from stream where stream = 'stock-{w.sku}'"],
    ),
    "another amount is recorded than was captured": Fault(
        "3 payments",
        "the gateway captured another amount than is recorded",
        "payment",
        lambda w: [change(w.done, "payment.captured", "2000", "1999")],
    ),
    "an order waits on nothing": Fault(
        "4 endings",
        "has not ended, and waits on no hold and no deadline",
        "order",
        lambda w: [f"delete from reminder where correlation_id = '{w.waiting}'"],
    ),
    "nobody answers for a hold": Fault(
        "4 endings",
        "is on a hold without an owner",
        "order",
        lambda w: [change(w.held, "order.hold-opened", '"owner":"fraud"', '"owner":""')],
    ),
    "a reservation is left behind": Fault(
        "4 endings",
        "is completed and leaves units",
        "inventory",
        lambda w: [delete(w.done, "inventory.stock-shipped")],
    ),
    "a backorder is left behind": Fault(
        "4 endings",
        "is cancelled and still waits for",
        "inventory",
        lambda w: [delete(w.withdrawn, "inventory.backorder-withdrawn")],
    ),
    "a label is left behind": Fault(
        "4 endings",
        "is completed and leaves a label for",
        "shipping",
        lambda w: [delete(w.done, "shipping.dispatched")],
    ),
    "a fact is deleted": Fault(
        "5 stream versions", "is missing", "payment", lambda w: [delete(w.done, "payment.authorised")]
    ),
    "a version is there twice": Fault(
        "5 stream versions",
        "exists twice",
        "order",
        lambda w: ["drop index log_stream", again(w.done, "order.approved", "version")],
    ),
    "an entry is deleted": Fault(
        "5 hash chains", "are missing", "shipping", lambda w: [delete(w.done, "shipping.label-bought")]
    ),
    "the last entry of a lane is deleted": Fault(
        "5 hash chains",
        "its head is not the end of its chain",
        "notification",
        lambda w: ["delete from log using lane where log.lane = lane.lane and log.position = lane.head"],
    ),
    "a payload is altered": Fault(
        "5 hash chains",
        "does not follow",
        "order",
        lambda w: [change(w.done, "order.placed", "Ada Byron", "Eve Byron")],
    ),
    "who did it is altered": Fault(
        "5 hash chains",
        "does not follow",
        "order",
        lambda w: [f"update log set actor = 'eve' where correlation_id = '{w.withdrawn}' and actor = 'operator'"],
    ),
    "when it happened is altered": Fault(
        "5 hash chains",
        "does not follow",
        "payment",
        lambda w: [
            "update log set recorded_at = recorded_at - interval '1 microsecond' "
            f"where correlation_id = '{w.done}'"
        ],
    ),
    "a hash is altered": Fault(
        "5 hash chains",
        "does not follow",
        "inventory",
        lambda w: [f"update log set hash = decode(repeat('ab', 32), 'hex') where correlation_id = '{w.done}'"],
    ),
    "the hash of a lane is altered": Fault(
        "5 hash chains",
        "its head is not the end of its chain",
        "payment",
        lambda w: ["update lane set chain_hash = decode(repeat('ab', 32), 'hex') where head > 0"],
    ),
    "a lane is shortened": Fault(
        "5 hash chains",
        "its head is not the end of its chain",
        "payment",
        lambda w: ["update lane set head = head - 1 where head > 1"],
    ),
    "a message is passed over": Fault(
        "5 stored = published",
        "and it does not stand in order.events",
        "order",
        lambda w: [again(w.done, "order.placed", "version + 1000"), pass_over(w.done)],
    ),
    "a published message is gone from its store": Fault(
        "5 stored = published",
        "stands here and is in no store",
        "payment",
        lambda w: [delete(w.done, "payment.captured")],
    ),
    "a message was not taken": Fault(
        "5 published = consumed + parked",
        "was published and not taken",
        "payment",
        lambda w: ["delete from inbox where source = '/orderstream/order'"],
    ),
    "a message was taken that nobody sent": Fault(
        "5 published = consumed + parked",
        "was taken and is not in the store of order",
        "shipping",
        lambda w: [
            "insert into inbox select gen_random_uuid(), source, lane, digest, reply, received_at from inbox "
            "where source = '/orderstream/order' limit 1"
        ],
    ),
    "the relay stands still": Fault(
        "5 published = consumed + parked",
        "the relay has published nothing past position",
        "inventory",
        lambda w: ["update reader set position = position - 1 where reader = 'relay' and position > 0"],
    ),
    "a state is altered": Fault(
        "5 state = fold of events",
        "the stored state is not the fold of its facts",
        "payment",
        lambda w: [
            f"update stream set state = replace(state::text, '2000', '2001')::json where stream like '%{w.done}'"
        ],
    ),
    "a version is altered": Fault(
        "5 state = fold of events",
        "the stored version is not the number of its facts",
        "order",
        lambda w: [f"update stream set version = version + 1 where stream = 'order-{w.done}'"],
    ),
    "a fact can't be read any more": Fault(
        "5 state = fold of events",
        "its facts can't be folded",
        "order",
        lambda w: [change(w.done, "order.placed", '"order_number"', '"order_numbre"')],
    ),
    "a stream is cut short together with its lane": Fault(
        "5 stored streams",
        "its facts do not reach the version that is stored",
        "notification",
        lambda w: [
            "delete from log using lane "
            "where log.lane = lane.lane and log.position = lane.head and kind = 'event'",
            """update lane set head = head - 1, chain_hash = coalesce(
                (select hash from log where log.lane = lane.lane and position = head - 1),
                decode(repeat('00', 32), 'hex'))
            where head > 0 and not exists (
                select from log where log.lane = lane.lane and position = head)""",
        ],
    ),
    "a stock is stored that never arrived": Fault(
        "5 stored streams",
        "is stored, and no fact is of it",
        "inventory",
        lambda w: [
            f"insert into stream select 'stock-ghost', version, state from stream where stream = 'stock-{w.sku}'"
        ],
    ),
    "a stream is gone": Fault(
        "5 state = fold of events",
        "has no stored state",
        "order",
        lambda w: [f"delete from stream where stream = 'order-{w.done}'"],
    ),
}


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
    carrier = [f"delete from effect where operation in ('hand_over', 'deliver') and reference = '{left}-F1'"]
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

    with _strewn(world, "notification.events", (right + 1) % PARTITIONS, list(message.headers.items())) as place:
        found = world.findings()

    told = f"notification lane {lane} stands here, and its partition is {right}"
    assert found == [Finding("5 stored = published", place, told)]

"""A shop at rest with an order for each way to stand or to end, whose databases can be broken and restored."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from oms.client import SERVICES
from oms.verify.finding import Finding
from oms.verify.run import all_checks, verify
from tests.e2e.orders import NOWHERE, a_line, an_order, card, number_of
from tests.e2e.shop import Shop

LOG_STREAM = "log_stream on log (stream, version) where kind = 'event'"
TABLES = ("log", "lane", "stream", "inbox", "reminder")
READERS_TO_WHERE_THEY_WERE = """
    update reader set position = before.position from sound.reader as before
    where before.reader = reader.reader and before.lane = reader.lane"""


@dataclass(frozen=True)
class World:
    """A small shop: the numbers of its orders, by what became of them."""

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

    def keep(self) -> None:
        """Copy every table to where `broken` finds it again."""
        for of in SERVICES:
            copies = (f"create table sound.{one} as table {one}" for one in (*TABLES, "reader"))
            self.execute(of, ["create schema sound", *copies])

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


def sound_world(shop: Shop) -> World:
    """Place its orders and wait until each stands or has ended as it should."""
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


async def _execute(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()

"""A table of facts and one of stock, for the peers that keep workflows but no events; a step is a transaction."""

import json
from collections.abc import Sequence
from typing import Any

import psycopg

from benchmarks.peers.facts import (
    FACTS_PER_ORDER,
    LINES_PER_ORDER,
    PLENTY,
    PlacementOrder,
    all_skus,
    facts,
)
from benchmarks.peers.trial import UnsoundPeer

TABLES = """
create table facts (
    position bigint generated always as identity primary key,
    order_number text not null,
    stream text not null,
    type text not null,
    payload json not null,
    recorded_at timestamptz not null default now(),
    unique (order_number, type, stream)
);
create table stock (
    sku text primary key,
    on_hand bigint not null,
    reserved bigint not null default 0,
    check (reserved between 0 and on_hand)
) with (fillfactor = 50);
"""

STORE = """
with stored as (
    insert into facts (order_number, stream, type, payload)
    select %s, stream, type, payload
    from unnest(%s::text[], %s::text[], %s::json[]) as given (stream, type, payload)
    on conflict do nothing
    returning type, payload
), wanted as (
    select sku from stock
    where sku in (select payload->>'sku' from stored where type = 'inventory.stock-allocated.v1')
    order by sku for update
)
update stock set reserved = reserved + 1 from wanted where stock.sku = wanted.sku
"""
"""One statement, so one round trip; run again, after a crash before its checkpoint, it stores nothing anew."""


def create_ledger(url: str) -> None:
    """The tables, and so much stock that nothing runs out."""
    with psycopg.connect(url) as connection:
        connection.execute(TABLES)
        connection.execute(
            "insert into stock (sku, on_hand) select sku, %s from unnest(%s::text[]) as sku", [PLENTY, all_skus()]
        )


def values(order: PlacementOrder, step: str) -> list[Any]:
    """The parameters of STORE for one step of an order."""
    stored = facts(order, step)
    return [
        order.number,
        [fact.stream for fact in stored],
        [fact.type for fact in stored],
        [json.dumps(fact.payload) for fact in stored],
    ]


def check_ledger(url: str, orders: Sequence[PlacementOrder]) -> None:
    """Raises UnsoundPeer unless these orders, and no others, have all their facts, and their stock is reserved."""
    with psycopg.connect(url) as connection:
        stored = dict(connection.execute("select order_number, count(*) from facts group by 1").fetchall())
        reserved = connection.execute("select sum(reserved) from stock").fetchone()
    if stored != {order.number: FACTS_PER_ORDER for order in orders}:
        raise UnsoundPeer(
            f"{len(orders)} orders were placed, but the facts stored are not {FACTS_PER_ORDER} of each"
        )
    if reserved != (len(orders) * LINES_PER_ORDER,):
        raise UnsoundPeer(
            f"{len(orders)} orders of {LINES_PER_ORDER} units were placed, but {reserved} are reserved"
        )

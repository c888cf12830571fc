"""What must hold of every database, asked of PostgreSQL where there is too much for `oms verify` to read."""

import asyncpg

from benchmarks.road import Unsound
from deploy.local.description import Description
from shared.events.order import OrderConfirmed, OrderPlaced

NONE_OF_THESE = {
    "lanes whose positions have gaps or do not end at their head": """
        select count(*)
        from lane
        left join (
            select lane, count(*) as entries, max(position) as last
            from log
            group by lane
        ) as found using (lane)
        where coalesce(entries, 0) <> head or coalesce(last, 0) <> head
    """,
    "streams whose versions have gaps or do not end at their state": """
        select count(*)
        from (
            select stream, count(*) as facts, max(version) as last
            from log
            where kind = 'event'
            group by stream
        ) as found
        full join stream using (stream)
        where facts is distinct from version or last is distinct from version
    """,
    "messages parked": "select count(*) from parked",
    "lanes not published to their heads": """
        select count(*)
        from reader
        join lane using (lane)
        where reader.reader = 'relay' and reader.position < lane.head
    """,
}


async def insist_on_the_databases(description: Description, *, orders: int) -> None:
    """Look for gaps, for what is parked and for what is not published, and count the orders.

    Raises:
        Unsound: something is wrong.
    """
    for service, url in description.databases.items():
        connection = await asyncpg.connect(url)
        try:
            for what, question in NONE_OF_THESE.items():
                if found := await connection.fetchval(question):
                    raise Unsound(f"{service}: {found} {what}")
            if service == "order":
                await _count(connection, orders)
        finally:
            await connection.close()


async def _count(connection: asyncpg.Connection, orders: int) -> None:
    for event in (OrderPlaced, OrderConfirmed):
        found = await connection.fetchval("select count(*) from log where type = $1", event.wire_type)
        if found != orders:
            raise Unsound(f"{found} of {orders} orders have {event.wire_type}")

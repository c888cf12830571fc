"""How many messages the services have taken in: each is one hop on the road of an order."""

import asyncpg

from deploy.local.description import Description


async def taken_in(description: Description) -> int:
    """Messages that all services together have decided since their databases were made."""
    return sum([await _count(url) for url in description.databases.values()])


async def _count(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval("select count(*) from inbox"))
    finally:
        await connection.close()

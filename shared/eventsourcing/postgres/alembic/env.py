"""How alembic reaches the database: one transaction, and a lock against a second migrator."""

import asyncio

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine

MIGRATION_LOCK = 7_302_117
"""Any number: two migrators of one database wait for each other by it."""


def _apply(connection: Connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK})
        context.run_migrations()


async def _migrate() -> None:
    # The driver's own way to connect: the same as the service's.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=context.config.attributes["connect"])
    async with engine.connect() as connection:
        await connection.run_sync(_apply)
        await connection.commit()
    await engine.dispose()


asyncio.run(_migrate())

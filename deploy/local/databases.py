"""One database and one role for each service: a role owns its database and can connect to no other."""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.local.errors import StackError

REFUSALS = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What asyncpg fails with where nobody can connect; a ValueError is of an address that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database, owned by the role of the same name."""

    name: str
    password: str


def url_of(admin_url: str, database: Database) -> str:
    """The owner's URL of a database on the server that `admin_url` points to."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{quote(database.name)}:{quote(database.password)}"
    return urlunsplit(parts._replace(netloc=f"{user}@{host}", path=f"/{database.name}"))


async def create_databases(admin_url: str, databases: Sequence[Database], *, own_server: bool) -> None:
    """Create those that are not there yet, and set every password.

    On a server of our own the administrator's databases are closed to the services' roles as well.
    Raises StackError.
    """
    try:
        connection = await asyncpg.connect(admin_url, timeout=10)
    except REFUSALS as error:
        raise StackError(f"PostgreSQL refuses the administrator: {str(error) or 'no answer'}") from error
    try:
        for database in databases:
            await _create(connection, database)
        if own_server:
            await connection.execute("revoke connect on database postgres, template1 from public")
    finally:
        await connection.close()


async def drop_databases(admin_url: str, names: Sequence[str]) -> None:
    """Drop databases and their roles, whoever is connected; those that are not there are fine."""
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        for name in names:
            await connection.execute(f"drop database if exists {_identifier(name)} with (force)")
            await connection.execute(f"drop role if exists {_identifier(name)}")
    finally:
        await connection.close()


async def _create(connection: asyncpg.Connection, database: Database) -> None:
    name, password = _identifier(database.name), _literal(database.password)
    role_exists = await connection.fetchval("select true from pg_roles where rolname = $1", database.name)
    verb = "alter" if role_exists else "create"
    await connection.execute(f"{verb} role {name} login password {password}")
    if not await connection.fetchval("select true from pg_database where datname = $1", database.name):
        await connection.execute(f"create database {name} owner {name}")
    await connection.execute(f"revoke all on database {name} from public")


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise StackError(f"{name!r} can't be the name of a database")
    return f'"{name}"'


def _literal(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.~-]+", text):
        raise StackError("a database password may hold letters, digits, dot, dash, tilde and underscore only")
    return f"'{text}'"


def main() -> None:
    """`python -m deploy.local.databases --admin-url URL NAME=PASSWORD ...`, for the compose file."""
    parser = argparse.ArgumentParser(description="Create the databases of Orderstream and their roles.")
    parser.add_argument("--admin-url", required=True)
    parser.add_argument("databases", nargs="+", metavar="NAME=PASSWORD")
    arguments = parser.parse_args()
    pairs = [text.partition("=") for text in arguments.databases]
    databases = [Database(name=name, password=password) for name, _, password in pairs]
    try:
        asyncio.run(create_databases(arguments.admin_url, databases, own_server=True))
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

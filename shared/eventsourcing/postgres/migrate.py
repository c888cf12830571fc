"""Bringing a service's database up to date with alembic; each service has its own migrations."""

import ssl
import sys
from functools import partial
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

SERVICES = Path(__file__).resolve().parents[3] / "services"


def migrate_from_environment(service: str) -> None:
    """Bring the service's database up to date as its settings say; what keeps it from that is said in one line."""
    # Whoever migrates without settings need not wait for their import.
    from pydantic import ValidationError

    from shared.eventsourcing.postgres.settings import DatabaseSettings, faults_of

    try:
        settings = DatabaseSettings()
        migrate(service, settings.database_url.get_secret_value(), tls=settings.database_context())
    except ValidationError as wrong:
        sys.exit(f"{service}: {faults_of(wrong)}")
    except (MigrationFailed, ValueError) as error:
        sys.exit(f"{service}: {error}")


class MigrationFailed(Exception):
    """The database could not be brought up to date; it is as it was."""


def migrate(service: str, url: str, *, tls: ssl.SSLContext | None = None) -> None:
    """Apply what is missing; doing it twice changes nothing.

    Raises:
        MigrationFailed: the database can't be reached or a migration failed.
    """
    try:
        command.upgrade(_alembic_config(service, url, tls), "head")
    except (SQLAlchemyError, CommandError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        first_line = (str(cause) or type(cause).__name__).splitlines()[0]
        raise MigrationFailed(f"database not migrated: {first_line}") from error


def _alembic_config(service: str, url: str, tls: ssl.SSLContext | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("alembic")))
    config.set_main_option("version_locations", str(SERVICES / service / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connect"] = partial(asyncpg.connect, url, ssl=tls)
    return config

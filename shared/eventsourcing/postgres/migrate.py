"""Bringing a service's database up to date with alembic; each service has its own migrations."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.exc import SQLAlchemyError

SERVICES = Path(__file__).resolve().parents[3] / "services"


def migrate_from_environment(service: str) -> None:
    """Bring the database in OMS_DATABASE_URL up to date; what keeps it from that is said in one line."""
    url = os.environ.get("OMS_DATABASE_URL")
    if not url:
        sys.exit(f"{service}: settings are wrong: OMS_DATABASE_URL is missing")
    try:
        migrate(service, url, os.environ.get("OMS_DATABASE_TLS", "off"))
    except MigrationFailed as error:
        sys.exit(f"{service}: {error}")


class MigrationFailed(Exception):
    """The database could not be brought up to date; it is as it was."""


def migrate(service: str, url: str, tls: str = "off") -> None:
    """Apply what is missing; doing it twice changes nothing.

    Raises:
        MigrationFailed: the database can't be reached or a migration failed.
    """
    try:
        command.upgrade(alembic_config(service, url, tls), "head")
    except (SQLAlchemyError, CommandError, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise MigrationFailed(f"database not migrated: {first_line}") from error


def alembic_config(service: str, url: str, tls: str = "off") -> Config:
    """Alembic's settings for one service."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("alembic")))
    config.set_main_option("version_locations", str(SERVICES / service / "migrations"))
    config.set_main_option("path_separator", "newline")
    address = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    config.set_main_option("sqlalchemy.url", address.replace("%", "%%"))
    config.attributes["tls"] = tls
    return config

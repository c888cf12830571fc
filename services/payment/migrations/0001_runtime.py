"""The tables of the runtime."""

from alembic import op

from shared.eventsourcing.postgres.statements import SCHEMA

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            op.execute(statement)

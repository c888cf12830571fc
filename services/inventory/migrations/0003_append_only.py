"""What vacuum leaves alone."""

from alembic import op

from shared.eventsourcing.postgres.statements import APPEND_ONLY

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in APPEND_ONLY.split(";\n"):
        if statement.strip():
            op.execute(statement)

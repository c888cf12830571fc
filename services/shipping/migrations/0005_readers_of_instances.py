"""Which readers each instance runs."""

from alembic import op

from shared.eventsourcing.postgres.statements import READERS

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(READERS)

"""Which lanes each instance writes."""

from alembic import op

from shared.eventsourcing.postgres.statements import NEAR

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(NEAR)

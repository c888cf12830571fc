"""How the notices of one order are found. Status has its index."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("create index view_row_order on view_row (view, (row ->> 'order_number'))")

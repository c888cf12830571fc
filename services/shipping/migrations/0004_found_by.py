"""How the shipments of one order are found, and those in trouble on their way. Status has its index."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("create index view_row_order on view_row (view, (row ->> 'order_number'))")
    op.execute("create index view_row_exception on view_row (view) where row ->> 'has_exception' = 'yes'")

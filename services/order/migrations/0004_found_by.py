"""How orders are found: by customer, the newest first, those on a hold. Status has its index."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("create index view_row_customer on view_row (view, (row ->> 'customer_id'))")
    op.execute(
        "create index view_row_accepted"
        " on view_row (view, (coalesce(row ->> 'accepted_at', '')) collate \"C\", key)"
    )
    op.execute("create index view_row_on_hold on view_row (view) where row ->> 'on_hold' = 'yes'")

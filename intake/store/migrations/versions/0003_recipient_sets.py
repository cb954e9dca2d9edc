"""The recipient sets that forms were served with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what tells whether something was sealed to recipients of ours."""
    op.create_table(
        "recipient_set",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("fingerprints", sa.String, nullable=False),
        sa.Column("last_day", sa.String, nullable=False),
    )

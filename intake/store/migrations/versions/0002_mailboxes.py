"""Replies, withdrawal, files that arrive in parts, and what the desk has opened."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what a source needs to come back."""
    text = sa.String
    op.add_column("instance", sa.Column("last_export", text, nullable=False, server_default=""))
    op.add_column("mailbox", sa.Column("withdrawn", text, nullable=False, server_default=""))
    op.add_column("record", sa.Column("state", text, nullable=False, server_default="kept"))
    op.add_column("record", sa.Column("lease", sa.Integer, nullable=False, server_default="0"))
    op.add_column("record", sa.Column("opened", text, nullable=False, server_default=""))
    op.create_index("ix_record_state", "record", ["state"])
    op.create_index("ix_record_sizes", "record", ["kind", "state", "size"])
    op.create_table(
        "reply",
        sa.Column("id", text, primary_key=True),
        sa.Column("mailbox", text, sa.ForeignKey("mailbox.id"), nullable=False),
        sa.Column("day", text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_reply_mailbox", "reply", ["mailbox"])
    op.create_table("desk_key", sa.Column("key", text, primary_key=True))

"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of a new instance."""
    text = sa.String
    op.create_table("instance", sa.Column("id", text, primary_key=True))
    op.create_table(
        "edition",
        sa.Column("sha256", text, primary_key=True),
        sa.Column("file", text, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "recipient",
        sa.Column("fingerprint", text, primary_key=True),
        sa.Column("recipient", text, nullable=False),
        sa.Column("comment", text, nullable=False),
        sa.Column("first_day", text, nullable=False),
    )
    op.create_table(
        "mailbox",
        sa.Column("id", text, primary_key=True),
        sa.Column("recipient", text, nullable=False),
        sa.Column("authority", text, nullable=False),
        sa.Column("consents", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "record",
        sa.Column("id", text, primary_key=True),
        sa.Column("mailbox", text, sa.ForeignKey("mailbox.id"), nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("kind", "call", "day", "sha256")),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("recipients", text, nullable=False),
        sa.Column("form", text, nullable=False, unique=True),
        sa.Column("content", text, nullable=False),
    )
    op.create_index("ix_record_mailbox", "record", ["mailbox"])
    op.create_table(
        "segment",
        sa.Column("record", text, sa.ForeignKey("record.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "log_entry",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("event", "record", "sha256", "day")),
        sa.Column("sequence", sa.Integer, unique=True),
        sa.Column("previous", text),
        sa.Column("digest", text),
    )
    op.create_index("log_entry_unlinked", "log_entry", ["sequence", "id"])

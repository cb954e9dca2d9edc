"""Room for large numbers on PostgreSQL. SQLite's integers are large already."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Let a file have more than 2 GiB, and the log more than 2,147,483,647 entries."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in (("record", "size"), ("log_entry", "id"), ("log_entry", "sequence")):
        op.alter_column(table, column, type_=sa.BigInteger)
    op.execute("ALTER SEQUENCE log_entry_id_seq AS bigint")
    op.execute("ALTER TABLE segment ALTER COLUMN data SET STORAGE EXTERNAL")  # ciphertext does not get any smaller

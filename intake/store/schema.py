"""Creates and upgrades the database."""

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from intake.store.engine import is_sqlite, once_more, reading, writing
from intake.store.models import Instance, Record

if TYPE_CHECKING:
    from alembic.config import Config  # slow to load, and only who upgrades needs it

VERSION = "0004"
"""The newest of `migrations/versions`."""
_LOST_ID = "the database has no instance id: restore it from a backup, or every return code is lost"
_UPGRADING = 0x696E7461  # the number of a lock: one upgrades, others wait
_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(Exception):
    """The database is not ready. The message says what to do."""


def create_file(path: Path) -> None:
    """Make the SQLite file, readable by its owner alone, unless it exists. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date and give a new instance its id. Safe to repeat."""
    with writing(engine) as connection:
        if not is_sqlite(engine):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADING})")
        migrate(connection)
        if connection.scalar(select(Instance.id)) is None:
            if connection.scalar(select(Record.id).limit(1)) is not None:
                raise SchemaError(_LOST_ID)
            connection.execute(insert(Instance).values(id=secrets.token_hex(16)))


def migrate(connection: Connection) -> None:
    """Make or upgrade the tables, in the transaction of this connection."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@once_more
def instance_id(engine: Engine) -> bytes:
    """Return the id of the instance: 16 bytes.

    Raises SchemaError where the database is empty or of another version, and SQLAlchemyError where it can't be read.
    """
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            raise SchemaError("the database is empty: run `intake init`")
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if version != VERSION:
            raise SchemaError(f"the database has version {version}, this program needs {VERSION}: run `intake init`")
        identifier = connection.scalar(select(Instance.id))
    if identifier is None:
        raise SchemaError(_LOST_ID)
    return bytes.fromhex(identifier)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config

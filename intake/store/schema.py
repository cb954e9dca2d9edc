"""Creates and upgrades the database."""

import os
import secrets
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, inspect, select, text

from intake.store.engine import reading, writing
from intake.store.models import Instance, Record

_LOST_ID = "the database has no instance id: restore it from a backup, or every return code is lost"
_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(Exception):
    """The database is not ready. The message says what to do."""


def create_file(path: Path) -> None:
    """Make the SQLite file, readable by its owner alone, unless it exists. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date and give a new instance its id. Safe to repeat."""
    with writing(engine) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.scalar(select(Instance.id)) is None:
            if connection.scalar(select(Record.id).limit(1)) is not None:
                raise SchemaError(_LOST_ID)
            connection.execute(insert(Instance).values(id=secrets.token_hex(16)))


def instance_id(engine: Engine) -> bytes:
    """Return the id of the instance: 16 bytes.

    Raises SchemaError where the database is empty or of another version, and SQLAlchemyError where it can't be read.
    """
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            raise SchemaError("the database is empty: run `intake init`")
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        wanted = ScriptDirectory.from_config(_config()).get_current_head()
        if version != wanted:
            raise SchemaError(f"the database has version {version}, this program needs {wanted}: run `intake init`")
        identifier = connection.scalar(select(Instance.id))
    if identifier is None:
        raise SchemaError(_LOST_ID)
    return bytes.fromhex(identifier)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config

"""Opens the database so that what is acknowledged is on the disk, and what is deleted is gone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

_BUSY_SECONDS = 30
_writers: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


class ReplacedError(SQLAlchemyError):
    """The database is not the file that it was. A new engine may open the new one."""


def open_engine(path: Path) -> Engine:
    """Return an engine for an SQLite file. Connects to nothing yet.

    The file must exist (`intake init` makes it). Once it was deleted or replaced, this engine writes no more: every
    transaction raises ReplacedError.
    """
    first_seen: list[int | None] = []
    engine = create_engine(
        f"sqlite:///file:{quote(str(path))}?mode=rw&uri=true",
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        pool_size=64,
    )

    _writers[engine] = threading.Lock()

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `reading` and `writing` say so
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        first_seen.append(_inode(path))

    @event.listens_for(engine, "checkout")
    def same_file(connection: Any, record: Any, proxy: Any) -> None:
        if first_seen[0] != _inode(path):
            raise ReplacedError("the database file was replaced")

    return engine


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that sees one state of the database."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection
        connection.rollback()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that may write; it is durable when the block ends, or gone if it raises.

    SQLite takes its one write lock here, at the start, so that two writers wait for each other and neither fails. The
    threads of a process queue before it, fairly, instead of polling it.
    """
    with _writers[engine], engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.commit()

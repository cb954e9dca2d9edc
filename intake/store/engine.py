"""Opens the database, SQLite or PostgreSQL, so that what is acknowledged is on the disk.

SQLite has one writer at a time, and PostgreSQL many. So whoever reads a row and then acts on it locks it first
(`with_for_update`, which SQLite passes over): a mailbox before its records, and several rows of a table by id, so that
nobody waits in a circle.
"""

import functools
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from intake.store.errors import ReplacedError

SQLITE = "sqlite:///"
"""What the URL of an SQLite file starts with; its absolute path follows."""
POSTGRESQL = "postgresql+psycopg://"
"""What the URL of a PostgreSQL database starts with."""
DAMAGED = "the database is damaged: restore it from a backup"
"""What to tell an operator of it."""
_BUSY_SECONDS = 30
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNREADABLE = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)
_DAMAGED_IN_POSTGRESQL = ("XX001", "XX002", "58030")  # data or an index are corrupted, or cannot be read

_writers: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()
_doubtful: WeakSet[Engine] = WeakSet()
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def open_engine(url: str, *, patient: bool = False) -> Engine:
    """Return an engine for an SQLite file or a PostgreSQL database. Connects to nothing yet.

    An SQLite file must exist (`intake init` makes it). Once the database was replaced by another, this engine writes no
    more: every transaction raises ReplacedError. Who waits for a PostgreSQL server's answer for long gets an error
    instead, and may do it once more; `patient` waits.
    """
    if url.startswith(SQLITE):
        return _open_sqlite(Path(url.removeprefix(SQLITE)))
    from intake.store import postgresql  # it loads a library that SQLite has no use for

    engine = postgresql.open_engine(url, patient=patient)
    _doubtful.add(engine)
    return engine


def is_sqlite(engine: Engine) -> bool:
    """Tell whether the database is an SQLite file."""
    return engine.dialect.name == "sqlite"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection to read with. In SQLite it sees one state; in PostgreSQL, each statement sees what is committed
    when it begins."""
    with engine.connect() as connection:
        if is_sqlite(engine):
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection
        connection.rollback()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that may write; it is durable when the block ends, or gone if it raises.

    SQLite takes its one write lock here, at the start, so that two writers wait for each other and neither fails. The
    threads of a process queue before it, fairly, instead of polling it. In PostgreSQL, each statement sees what is
    committed when it begins; nobody waits but for locked rows.
    """
    if is_sqlite(engine):
        with _writers[engine], engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
        return
    try:
        with engine.connect() as connection:
            yield connection
            connection.commit()
    except OperationalError:
        _doubtful.add(engine)
        raise


def check_postgresql(engine: Engine) -> None:
    """Raise SQLAlchemyError when nothing could be stored now.

    PostgreSQL numbers its transactions, and each row has the number of the one that wrote it. If one were written here
    every second, the numbers would be a clock. So that is done only after another has failed.
    """
    if engine in _doubtful:
        with writing(engine) as connection:  # its commit waits for the disk, and for a standby where there is one
            connection.exec_driver_sql("SELECT id FROM instance FOR KEY SHARE")
        _doubtful.discard(engine)
        return
    with reading(engine) as connection:
        if connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() != "off":
            raise SQLAlchemyError


def is_damaged(error: SQLAlchemyError) -> bool:
    """Tell whether an error says that what is stored is no longer what was stored, or cannot be read any more."""
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGED or code in _UNREADABLE or getattr(cause, "sqlstate", "") in _DAMAGED_IN_POSTGRESQL


def once_more(work: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Do work again, once, where the connection to the database broke: another server may have taken over.

    Whether a transaction that broke at its end was stored is not known. So this is for work that may be done twice.
    """

    @functools.wraps(work)
    def run(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        try:
            return work(*args, **kwargs)
        except DBAPIError as error:
            if not error.connection_invalidated or getattr(error.orig, "is_final", False):
                raise
        return work(*args, **kwargs)

    return run


def insert_missing(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one has the same key, also when that is being written just now. Return whether it did.

    A failed INSERT would end PostgreSQL's transaction, and leave a line with the key in its log.
    """
    return connection.execute(_missing(table, connection.dialect.name), row).rowcount == 1


@functools.cache
def _missing(table: Table, dialect: str) -> Insert:
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return postgresql.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _open_sqlite(path: Path) -> Engine:
    first_seen: list[int | None] = []
    engine = create_engine(
        f"sqlite:///file:{quote(str(path))}?mode=rw&uri=true",
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        pool_size=64,
        hide_parameters=True,
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

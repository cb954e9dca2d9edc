"""Of all processes that share a database, one is on duty: it counts leases and erases, for all."""

import contextlib
import fcntl
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from intake.store.engine import is_sqlite

_LOCK = 0x647574790000  # any number that nothing else locks


class Duty:
    """The duty, as one process sees it. It ends with the process that has it, however that ends.

    With SQLite, the processes of one machine agree by a lock on a file; with PostgreSQL, those of all hosts by a lock
    that the database holds for a connection.
    """

    def __init__(self, file: Path) -> None:
        """`file` exists, and is the same for all processes on a machine."""
        self._file = file
        self._locked: IO[bytes] | None = None
        self._connection: Connection | None = None

    def is_ours(self, engine: Engine) -> bool:
        """Tell whether this process is on duty, and take it on where nobody is. Raises SQLAlchemyError and OSError."""
        return self._has_file() if is_sqlite(engine) else self._has_database(engine)

    def give_up(self) -> None:
        """Let another process take it on."""
        if self._locked is not None:
            self._locked.close()
        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):  # the lock is gone with the connection
                self._connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
            self._connection.close()
        self._locked = self._connection = None

    def _has_file(self) -> bool:
        if self._locked is None:
            file = self._file.open("rb")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            self._locked = file
        return True

    def _has_database(self, engine: Engine) -> bool:
        if self._connection is not None:
            try:
                self._connection.exec_driver_sql("SELECT 1")
                return True
            except SQLAlchemyError:  # the lock is gone with the connection
                self._connection.close()
                self._connection = None
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK})").scalar_one():
            self._connection = connection
            return True
        connection.close()
        return False

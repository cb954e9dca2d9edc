"""`intake copy`: the whole instance into another database, on either engine, with proof that all of it is there."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, String, Table, collate, func, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from intake import bundle
from intake.instance import SECRET_FILE
from intake.store.duty import Duty
from intake.store.engine import is_sqlite, writing
from intake.store.models import Base, LogEntry, Record, Segment
from intake.store.records import KEPT
from intake.store.schema import migrate

_ROWS, _LARGE_ROWS = 500, 8  # a part of a file is a row of up to 2 MiB


class CopyError(Exception):
    """The instance cannot be copied. The message says why and what to do."""


@dataclass(frozen=True)
class Copied:
    """What both databases hold: rows, the records whose ciphertext has its digest, and the chain to its last digest."""

    rows: int
    records: int
    linked: int
    head: str


def copy(source: Engine, target: Engine, instance: Path) -> Copied:
    """Copy everything into an empty database, and compare it there. The target is empty, too, after any failure.

    The source is locked meanwhile, so nothing can arrive that is not copied. Raises CopyError and SQLAlchemyError.
    """
    duty = Duty(instance / SECRET_FILE)
    if not duty.is_ours(source):
        raise CopyError("the service is running: stop it, on every host, and copy then")
    try:
        _check_empty(target)
        return _copy_all(source, target)
    finally:
        duty.give_up()


def _copy_all(source: Engine, target: Engine) -> Copied:
    tables = Base.metadata.sorted_tables
    with writing(source) as here, writing(target) as there:
        if not is_sqlite(source):
            names = ", ".join(table.name for table in tables)
            here.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
        migrate(there)
        for table in tables:
            if _copy(table, here, there) != _digest(table, there):
                raise CopyError(f"the table {table.name} is not the same in the new database: the copy was given up")
        if not is_sqlite(target):
            last = select(func.coalesce(func.max(LogEntry.id), 1))
            there.execute(select(func.setval("log_entry_id_seq", last.scalar_subquery())))
        proofs = [(_check_digests(connection), *_check_chain(connection)) for connection in (here, there)]
        if proofs[0] != proofs[1]:
            raise CopyError("the digests or the chain are not the same in the new database: the copy was given up")
        rows = sum(there.scalar(select(func.count()).select_from(table)) or 0 for table in tables)
    return Copied(rows, *proofs[1])


def _check_empty(target: Engine) -> None:
    try:
        with writing(target) as connection:
            found = inspect(connection).get_table_names()
    except SQLAlchemyError:
        raise CopyError("the new database cannot be opened and written: see --to") from None
    if found:
        raise CopyError("the new database is not empty: make a new one, or delete what is in it")


def _copy(table: Table, here: Connection, there: Connection) -> str:
    """Copy a table, and return the digest of what was read."""
    digest = hashlib.sha256()
    for rows in _batches(table, here):
        _add(digest, rows)
        there.execute(insert(table), [dict(zip(table.columns.keys(), row, strict=True)) for row in rows])
    return digest.hexdigest()


def _digest(table: Table, connection: Connection) -> str:
    digest = hashlib.sha256()
    for rows in _batches(table, connection):
        _add(digest, rows)
    return digest.hexdigest()


def _add(digest: Any, rows: Sequence[Sequence[object]]) -> None:
    """Add every value with its type and its size, so that no two different tables have one digest."""
    for row in rows:
        for value in row:
            data = value if isinstance(value, bytes) else str(value).encode()
            digest.update(f"{type(value).__name__} {len(data)} ".encode())
            digest.update(data)


def _batches(table: Table, connection: Connection) -> Iterator[Sequence[Sequence[object]]]:
    """Yield all rows of a table, in the same order on either engine."""
    order = [
        collate(column, "C") if isinstance(column.type, String) and connection.dialect.name == "postgresql" else column
        for column in table.primary_key.columns
    ]
    return _stream(connection, select(table).order_by(*order), _LARGE_ROWS if table.name == "segment" else _ROWS)


def _stream(connection: Connection, query: Executable, size: int) -> Iterator[Sequence[Sequence[object]]]:
    """Yield what a query finds, never more than a batch in memory."""
    with connection.execute(query, execution_options={"yield_per": size}) as found:
        yield from found.partitions()


def _check_digests(connection: Connection) -> int:
    """Return how many records are kept. Raises CopyError where a ciphertext does not have its record's digest."""
    kept = connection.execute(select(Record.id, Record.sha256).where(Record.state == KEPT)).all()
    for record, sha256 in kept:
        digest = hashlib.sha256()
        parts = select(Segment.data).where(Segment.record == record).order_by(Segment.number)
        for rows in _stream(connection, parts, _LARGE_ROWS):
            for (data,) in rows:
                digest.update(data)  # type: ignore[arg-type]
        if digest.hexdigest() != sha256:
            raise CopyError(f"the record {record} is damaged: restore the database from a backup, and copy that")
    return len(kept)


def _check_chain(connection: Connection) -> tuple[int, str]:
    """Return how many entries are linked, and the digest of the last. Raises CopyError where the chain is broken."""
    last: bundle.Entry | None = None
    columns = (LogEntry.event, LogEntry.record, LogEntry.sha256, LogEntry.day, LogEntry.sequence, LogEntry.digest)
    linked = select(*columns).where(LogEntry.sequence.is_not(None)).order_by(LogEntry.sequence)
    for rows in _stream(connection, linked, _ROWS):
        for event, record, sha256, day, sequence, digest in rows:
            last = bundle.link(last, event=str(event), record=str(record), sha256=str(sha256), day=str(day))
            if (last.sequence, last.digest) != (sequence, digest):
                raise CopyError(f"the chain is broken at {sequence}: restore the database from a backup, and copy that")
    return (last.sequence, last.digest) if last else (0, "")

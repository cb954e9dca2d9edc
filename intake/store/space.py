"""How much the database holds and has room for, in bytes."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from intake.store.engine import is_damaged, is_sqlite, once_more, reading
from intake.store.models import Instance, LogEntry, Mailbox, Record, Reply
from intake.store.records import CONTENT, ERASING, KEPT, PURGED, PURGING, RECEIVING


@dataclass(frozen=True)
class Counts:
    """How many there are: kept records of each kind, and the rest as their names say. `last_export` is a day, or ''."""

    kinds: dict[str, int]
    opened: int
    purged: int
    arriving: int
    withdrawn: int
    replies: int
    log_entries: int
    not_exported: int
    last_export: str


@once_more
def count(engine: Engine) -> Counts:
    """Count what there is."""
    with reading(engine) as connection:

        def number(*conditions: ColumnElement[bool]) -> int:
            return int(connection.scalar(select(func.count()).where(*conditions)) or 0)

        kinds = select(Record.kind, func.count()).where(Record.state == KEPT).group_by(Record.kind)
        return Counts(
            kinds={row[0]: row[1] for row in connection.execute(kinds)},
            opened=number(Record.opened != "", Record.state == KEPT),
            purged=number(Record.state.in_((PURGING, PURGED))),
            arriving=number(Record.state == RECEIVING),
            withdrawn=number(Mailbox.withdrawn != ""),
            replies=number(Reply.sealed != b""),
            log_entries=number(LogEntry.id.is_not(None)),
            not_exported=number(LogEntry.sequence.is_(None)),
            last_export=str(connection.scalar(select(Instance.last_export)) or ""),
        )


@once_more
def evidence_size(engine: Engine) -> int:
    """Return what the files of sources take, until the last part of them is erased."""
    with reading(engine) as connection:
        files = (Record.kind == CONTENT, Record.state.in_((KEPT, RECEIVING, ERASING)))
        return int(connection.scalar(select(func.coalesce(func.sum(Record.size), 0)).where(*files)) or 0)


@once_more
def database_size(engine: Engine) -> int:
    """Return what the database takes on its disk, but for its log."""
    with reading(engine) as connection:
        if not is_sqlite(engine):
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def is_sound(engine: Engine) -> bool:
    """Tell whether an SQLite file holds together. It cannot tell whether what is in it was changed."""
    with reading(engine) as connection:
        try:
            return str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()) == "ok"
        except SQLAlchemyError as error:
            if is_damaged(error):
                return False
            raise


def free_inside(engine: Engine) -> int:
    """Return what an SQLite file has free within itself, where something was erased."""
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())

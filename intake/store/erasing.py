"""Takes away what may no longer be there: withdrawn, purged by the operator, expired, or never whole.

What is to go is out of reach in one transaction. Then its parts are erased one by one, each in a short transaction. In
SQLite, `secure_delete` overwrites them; PostgreSQL uses their place again when it has cleaned up. A run that is killed
is taken up by the next.
"""

import time
from collections.abc import Callable, Collection

from sqlalchemy import Connection, Engine, delete, func, select, update

from intake.store.engine import is_sqlite, once_more, reading, writing
from intake.store.models import Mailbox, Record, Reply, Segment
from intake.store.records import (
    ERASING,
    KEPT,
    PURGED,
    PURGING,
    Kept,
    NewRecord,
    WithdrawnError,
    find_kept,
    insert_entry,
    insert_record,
    refuse_withdrawn,
)

_BATCH = 500
_PAUSE_SECONDS = 0.005
_MOST_PARTS = 200


@once_more
def withdraw(engine: Engine, withdrawal: NewRecord) -> Kept:
    """Put everything of a mailbox out of reach, close it, and keep the withdrawal, in one transaction.

    The same withdrawal sent again is the same withdrawal. Raises WithdrawnError when another closed the mailbox;
    AlreadySentError when its form came before with something else.
    """
    with writing(engine) as connection:
        try:
            refuse_withdrawn(connection, withdrawal.mailbox)
        except WithdrawnError:
            held = find_kept(connection, Record.form == withdrawal.form, Record.content == withdrawal.content)
            if held is None:
                raise
            return held
        records = select(Record.id, Record.sha256, Record.state).where(Record.mailbox == withdrawal.mailbox)
        found = connection.execute(records.order_by(Record.id).with_for_update()).all()
        gone = [(row.id, row.sha256) for row in found if row.state == KEPT]
        connection.execute(update(Record).where(Record.mailbox == withdrawal.mailbox).values(state=ERASING))
        replies = Reply.mailbox == withdrawal.mailbox
        connection.execute(select(Reply.id).where(replies).order_by(Reply.id).with_for_update())
        connection.execute(delete(Reply).where(replies))
        emptied = {"recipient": "", "authority": "", "consents": b"", "withdrawn": withdrawal.day}
        connection.execute(update(Mailbox).where(Mailbox.id == withdrawal.mailbox).values(emptied))
        insert_record(connection, withdrawal)
        for identifier, sha256 in gone:
            insert_entry(connection, "purged", identifier, sha256, withdrawal.day)
    return Kept(withdrawal.id, withdrawal.mailbox, withdrawal.kind, withdrawal.call, withdrawal.day, withdrawal.sha256)


def purge(engine: Engine, day: str, expired: Callable[[str, str], bool]) -> int:
    """Put out of reach what the desk has opened and what is `expired`, by its id and its day; return how many.

    The rows stay, and the mailboxes, so that their sources can still withdraw. Each gets its `purged` entry.
    """
    with reading(engine) as connection:
        opened = select(Record.id, Record.day).where(Record.state == KEPT, Record.opened != "")
        ids = [identifier for identifier, sent in connection.execute(opened) if expired(identifier, sent)]
    return sum(_purge(engine, ids[start : start + _BATCH], day) for start in range(0, len(ids), _BATCH))


def expire_replies(engine: Engine, before: str) -> None:
    """Empty the replies that were delivered before a day (ISO)."""
    old = (Reply.day < before, Reply.sealed != b"")
    with reading(engine) as connection:
        if connection.scalar(select(func.count()).where(*old)) == 0:
            return
    with writing(engine) as connection:
        connection.execute(select(Reply.id).where(*old).order_by(Reply.id).with_for_update())
        connection.execute(update(Reply).where(*old).values(sealed=b""))


def erase(engine: Engine) -> bool:
    """Erase some of what is out of reach, part by part, and return whether there may be more."""
    for _ in range(_MOST_PARTS):
        if not _erase_one(engine):
            return False
        time.sleep(_PAUSE_SECONDS)  # those who wait for the database go first
    return True


def empty_log(engine: Engine) -> None:
    """Empty SQLite's write-ahead log, which still holds what was erased or replaced, unless someone is in the way.

    It does not wait for a long reader, such as a backup: those who write would wait with it. PostgreSQL's log cannot be
    emptied.
    """
    if not is_sqlite(engine):
        return
    with engine.connect() as connection:
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
        try:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}")


@once_more
def _purge(engine: Engine, ids: Collection[str], day: str) -> int:
    with writing(engine) as connection:
        kept = select(Record.id, Record.sha256).where(Record.id.in_(ids), Record.state == KEPT)
        rows = connection.execute(kept.order_by(Record.id).with_for_update()).all()
        for identifier, sha256 in rows:
            insert_entry(connection, "purged", identifier, sha256, day)
        connection.execute(update(Record).where(Record.id.in_(ids), Record.state == KEPT).values(state=PURGING))
    return len(rows)


@once_more
def _erase_one(engine: Engine) -> bool:
    with reading(engine) as connection:
        waiting = select(Record.id, Record.state).where(Record.state.in_((ERASING, PURGING))).limit(1)
        row = connection.execute(waiting).first()
    if row is None:
        return False
    with writing(engine) as connection:
        _erase_part(connection, row.id, row.state)
    return True


def _erase_part(connection: Connection, record: str, state: str) -> None:
    number = connection.scalar(select(Segment.number).where(Segment.record == record).limit(1))
    if number is not None:
        connection.execute(delete(Segment).where(Segment.record == record, Segment.number == number))
    elif state == ERASING:
        connection.execute(delete(Record).where(Record.id == record, Record.state == ERASING))
    else:
        connection.execute(update(Record).where(Record.id == record, Record.state == PURGING).values(state=PURGED))

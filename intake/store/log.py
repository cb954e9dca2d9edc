"""Reads the log and what hangs on it, and links its new entries. Submissions never wait for the chain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from intake.store.engine import once_more, reading, writing
from intake.store.models import Edition, Instance, LogEntry, Recipient, Record, Segment
from intake.store.records import KEPT

_BATCH = 500


class GoneError(Exception):
    """A record was withdrawn or purged while it was being read."""


@dataclass(frozen=True)
class Unlinked:
    """An entry that is not linked yet."""

    event: str
    record: str
    sha256: str
    day: str


@dataclass(frozen=True)
class Linked(Unlinked):
    """An entry with its place in the chain."""

    sequence: int
    previous: str
    digest: str


Linker = Callable[[Linked | None, Unlinked], Linked]
"""Gives an entry its place after the last one (None for the first of all)."""


def link_new(engine: Engine, linker: Linker) -> None:
    """Link every entry that arrived since, in order of arrival.

    Each short transaction takes SQLite's write lock, or locks the one row of the instance, so two exports at once make
    one chain, and a submission waits for one batch at most. In PostgreSQL, an entry that is being written meanwhile is
    linked the next time; what comes after an entry of the same record is written when that one can be seen.
    """
    while _link_batch(engine, linker) == _BATCH:
        pass


@once_more
def linked_entries(engine: Engine, since: int) -> list[Linked]:
    """Return the linked entries after a sequence number, in order."""
    with reading(engine) as connection:
        query = select(*_LINKED).where(LogEntry.sequence > since).order_by(LogEntry.sequence)
        return [_linked(row) for row in connection.execute(query)]


@once_more
def record_sizes(engine: Engine, records: Sequence[str]) -> dict[str, int]:
    """Return the size (bytes) of each record's ciphertext; a record that is no longer kept is left out.

    A record that is kept and has lost its parts has no bytes: whoever reads it sees that it is damaged.
    """
    sizes: dict[str, int] = {}
    with reading(engine) as connection:
        for start in range(0, len(records), _BATCH):
            batch = (Record.id.in_(records[start : start + _BATCH]), Record.state == KEPT)
            size = func.coalesce(func.sum(func.length(Segment.data)), 0)
            query = select(Record.id, size).outerjoin(Segment, Segment.record == Record.id).where(*batch)
            sizes.update((row[0], row[1]) for row in connection.execute(query.group_by(Record.id)))
    return sizes


def ciphertext(engine: Engine, record: str) -> Iterator[bytes]:
    """Yield a record's ciphertext in parts. Raises GoneError when it is no longer kept."""
    number = 0
    while (data := _part(engine, record, number)) is not None:
        yield data
        number += 1


@once_more
def remember_export(engine: Engine, day: str) -> None:
    """Keep the day of an export."""
    with writing(engine) as connection:
        connection.execute(update(Instance).values(last_export=day))


@once_more
def all_editions(engine: Engine) -> dict[str, dict[str, bytes]]:
    """Return the files of every edition that was ever asked, by digest and name."""
    editions: dict[str, dict[str, bytes]] = {}
    with reading(engine) as connection:
        for sha256, file, content in connection.execute(select(Edition.sha256, Edition.file, Edition.content)):
            editions.setdefault(sha256, {})[file] = content
    return editions


@once_more
def all_recipients(engine: Engine) -> list[tuple[str, str, str]]:
    """Return the fingerprint, comment and first day of every recipient ever sealed to."""
    with reading(engine) as connection:
        columns = (Recipient.fingerprint, Recipient.comment, Recipient.first_day)
        return [(row[0], row[1], row[2]) for row in connection.execute(select(*columns).order_by(Recipient.first_day))]


@once_more
def instance_name(engine: Engine) -> str:
    """Return the instance id, in hex."""
    with reading(engine) as connection:
        return str(connection.scalar(select(Instance.id)))


_LINKED = (
    LogEntry.event,
    LogEntry.record,
    LogEntry.sha256,
    LogEntry.day,
    LogEntry.sequence,
    LogEntry.previous,
    LogEntry.digest,
)


@once_more
def _link_batch(engine: Engine, linker: Linker) -> int:
    with writing(engine) as connection:
        connection.execute(select(Instance.id).with_for_update(key_share=True))
        last = _last(connection)
        columns = (LogEntry.id, LogEntry.event, LogEntry.record, LogEntry.sha256, LogEntry.day)
        unlinked = select(*columns).where(LogEntry.sequence.is_(None)).order_by(LogEntry.id).limit(_BATCH)
        rows = connection.execute(unlinked).all()
        for row in rows:
            last = linker(last, Unlinked(*row[1:]))
            place = {"sequence": last.sequence, "previous": last.previous, "digest": last.digest}
            connection.execute(update(LogEntry).where(LogEntry.id == row.id).values(place))
    return len(rows)


@once_more
def _part(engine: Engine, record: str, number: int) -> bytes | None:
    with reading(engine) as connection:
        if connection.scalar(select(Record.state).where(Record.id == record)) != KEPT:
            raise GoneError
        return connection.scalar(select(Segment.data).where(Segment.record == record, Segment.number == number))


def _last(connection: Connection) -> Linked | None:
    query = select(*_LINKED).where(LogEntry.sequence.is_not(None)).order_by(LogEntry.sequence.desc()).limit(1)
    row = connection.execute(query).first()
    return _linked(row) if row else None


def _linked(row: Sequence[Any]) -> Linked:
    return Linked(*row)

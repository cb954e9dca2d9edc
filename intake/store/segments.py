"""Files that arrive in parts. Every part is a short transaction of its own, so that a slow sender keeps nobody waiting.

A file comes in one request, or, where a browser seals it, each part in a request of its own, to any process.

No clock decides when an upload is dead: each process renews the leases of those it is taking in, a sweep counts them
up, and one that was counted too often without being renewed is erased. Between two requests nobody can tell whether a
browser is still there: the lease of such an upload begins far below zero.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, insert, select, update

from intake.store.engine import insert_missing, once_more, reading, writing
from intake.store.models import Base, Record, Segment
from intake.store.records import (
    CONTENT,
    ERASING,
    KEPT,
    RECEIVING,
    SEGMENT,
    AlreadySentError,
    Kept,
    NewRecord,
    find_kept,
    insert_entry,
    insert_record,
    refuse_withdrawn,
)

PART = 2 * SEGMENT
"""A part that comes in a request of its own has this size (bytes); the last may have less."""
_MOST_LEASES = 4
_FAR_BELOW_ZERO = -120


class GoneError(Exception):
    """The upload was given up or its mailbox was closed meanwhile. Nothing more can be added to it."""


@dataclass(frozen=True, kw_only=True)
class NewContent:
    """The bytes of a file that begin to arrive. `mailbox` is the id."""

    id: str
    mailbox: str
    call: str
    day: str
    recipients: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Received:
    """What is known of a file when it has arrived: the size and digest of its ciphertext, and the digest of what it
    says (`same`)."""

    id: str
    size: int
    sha256: str
    same: str


@once_more
def begin(engine: Engine, content: NewContent) -> None:
    """Make room for a file. Raises WithdrawnError when the mailbox is closed."""
    with writing(engine) as connection:
        refuse_withdrawn(connection, content.mailbox)
        if _arriving(connection, content) is None:
            _begin(connection, content)


@once_more
def append(engine: Engine, record: str, number: int, data: bytes) -> None:
    """Store the next part of a file; it is durable then. Raises GoneError."""
    with writing(engine) as connection:
        if _part(connection, record, number) is None:
            _append(connection, record, number, data, lease=0)


@once_more
def take_part(engine: Engine, content: NewContent, number: int, data: bytes) -> None:
    """Store a part of a file that comes in a request of its own; it is durable then. Number 0 begins the file.

    The part that came last may come again. Raises GoneError when it is not the next, or the upload was given up;
    WithdrawnError when the mailbox is closed; AlreadySentError when another record has the id.
    """
    with writing(engine) as connection:
        refuse_withdrawn(connection, content.mailbox)
        size = _arriving(connection, content)
        if size is None:
            if number != 0:
                raise GoneError
            _begin(connection, content)
            size = 0
        if size == number * PART:
            _append(connection, content.id, number, data, lease=_FAR_BELOW_ZERO)
        elif size != number * PART + len(data) or _part(connection, content.id, number) != data:
            raise GoneError


@once_more
def arrived(engine: Engine, record: str, mailbox: str) -> int:
    """Return how many bytes have arrived of a file that is still arriving in a mailbox, by the mailbox's id."""
    with reading(engine) as connection:
        arriving = (Record.id == record, Record.mailbox == mailbox, Record.state == RECEIVING)
        return connection.scalar(select(Record.size).where(*arriving)) or 0


def parts(engine: Engine, record: str, mailbox: str) -> Iterator[bytes]:
    """Yield what has arrived of a file that is still arriving in a mailbox, by the mailbox's id."""
    number = 0
    while (data := _part_of(engine, record, mailbox, number)) is not None:
        yield data
        number += 1


@once_more
def finish(engine: Engine, received: Received, attachment: NewRecord) -> Kept:
    """Keep a file that has arrived whole, with the record that describes it, and return that record.

    A file that its mailbox holds already is not kept a second time. Raises GoneError, also where the file that has
    arrived is of another mailbox, size or set of recipients; WithdrawnError when the mailbox is closed;
    AlreadySentError when the form that describes it, or its id, is taken.
    """
    with writing(engine) as connection:
        refuse_withdrawn(connection, attachment.mailbox)
        same = (Record.mailbox == attachment.mailbox, Record.content == received.same, Record.state == KEPT)
        held = find_kept(connection, *same, Record.kind == attachment.kind)
        if held is not None and held.id == attachment.id:  # kept before its connection broke
            return held
        values = {"state": KEPT, "sha256": received.sha256} if held is None else {"state": ERASING}
        whole = update(Record).where(
            Record.id == received.id,
            Record.mailbox == attachment.mailbox,
            Record.recipients == " ".join(attachment.recipients),
            Record.size == received.size,
            Record.state == RECEIVING,
        )
        if connection.execute(whole.values(values)).rowcount != 1:
            raise GoneError
        if held is not None:
            return held
        insert_record(connection, attachment)
        insert_entry(connection, "added", received.id, received.sha256, attachment.day)
    return Kept(attachment.id, attachment.mailbox, attachment.kind, attachment.call, attachment.day, attachment.sha256)


def give_up(engine: Engine, record: str) -> None:
    """Let a file that will not arrive be erased. Does nothing when it has arrived."""
    with writing(engine) as connection:
        gone = update(Record).where(Record.id == record, Record.state == RECEIVING)
        connection.execute(gone.values(state=ERASING))


def renew(engine: Engine, records: Collection[str]) -> None:
    """Say that this process is still taking these files in."""
    if records:
        with writing(engine) as connection:
            held = _lock(connection, Record.id.in_(records), Record.lease > 0)
            connection.execute(update(Record).where(Record.id.in_(held)).values(lease=0))


def count_leases(engine: Engine) -> None:
    """Count the lease of every file that is arriving, and give up those that nobody has renewed for long."""
    with reading(engine) as connection:
        if connection.scalar(select(Record.id).where(Record.state == RECEIVING).limit(1)) is None:
            return
    with writing(engine) as connection:
        held = _lock(connection, Record.state == RECEIVING)
        arriving = update(Record).where(Record.id.in_(held))
        connection.execute(arriving.values(lease=Record.lease + 1))
        connection.execute(arriving.where(Record.lease > _MOST_LEASES).values(state=ERASING))


def _lock(connection: Connection, *conditions: ColumnElement[bool]) -> Sequence[str]:
    """Lock records, always in the same order, and return their ids: a moment later, others may fit the conditions."""
    return connection.scalars(select(Record.id).where(*conditions).order_by(Record.id).with_for_update()).all()


def _arriving(connection: Connection, content: NewContent) -> int | None:
    """Return how many bytes have arrived of a file, or None before it began. Raises GoneError where it is another."""
    held = connection.execute(_ARRIVING.where(Record.id == content.id)).first()
    if held is None:
        return None
    if held[1:] != (content.mailbox, " ".join(content.recipients), CONTENT, RECEIVING):
        raise GoneError
    return int(held.size)


def _begin(connection: Connection, content: NewContent) -> None:
    row = {**vars(content), "recipients": " ".join(content.recipients), "kind": CONTENT, "state": RECEIVING}
    row |= {"sha256": "", "size": 0, "form": content.id, "content": "", "lease": 0, "opened": ""}
    if not insert_missing(connection, _RECORDS, row):
        raise AlreadySentError


def _append(connection: Connection, record: str, number: int, data: bytes, *, lease: int) -> None:
    if connection.execute(_GROW, {"record_id": record, "grown": len(data), "from_lease": lease}).rowcount != 1:
        raise GoneError
    connection.execute(insert(_SEGMENTS), {"record": record, "number": number, "data": data})


@once_more
def _part_of(engine: Engine, record: str, mailbox: str, number: int) -> bytes | None:
    with reading(engine) as connection:
        arriving = (Record.id == record, Record.mailbox == mailbox, Record.state == RECEIVING)
        ours = connection.scalar(select(Record.id).where(*arriving)) is not None
        return _part(connection, record, number) if ours else None


def _part(connection: Connection, record: str, number: int) -> bytes | None:
    return connection.scalar(select(Segment.data).where(Segment.record == record, Segment.number == number))


_RECORDS, _SEGMENTS = Base.metadata.tables["record"], Base.metadata.tables["segment"]
_ARRIVING = select(Record.size, Record.mailbox, Record.recipients, Record.kind, Record.state)
_GROW = (
    update(_RECORDS)
    .where(_RECORDS.c.id == bindparam("record_id"), _RECORDS.c.state == RECEIVING)
    .values(size=_RECORDS.c.size + bindparam("grown"), lease=bindparam("from_lease"))
)

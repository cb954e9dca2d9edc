"""Files that arrive in parts. Every part is a short transaction of its own, so that a slow sender keeps nobody waiting.

No clock decides when an upload is dead: each process renews the leases of those it is taking in, a sweep counts them
up, and one that was counted too often without being renewed is erased.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, insert, select, update

from intake.store.engine import reading, writing
from intake.store.models import Base, Mailbox, Record
from intake.store.records import (
    CONTENT,
    ERASING,
    KEPT,
    RECEIVING,
    Kept,
    NewRecord,
    WithdrawnError,
    find_kept,
    insert_entry,
    insert_record,
)

_MOST_LEASES = 4


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
    """What is known of a file when it has arrived: the digest of its ciphertext, and of what it says (`same`)."""

    id: str
    sha256: str
    same: str


def begin(engine: Engine, content: NewContent) -> None:
    """Make room for a file. Raises WithdrawnError when the mailbox is closed."""
    row = {**vars(content), "recipients": " ".join(content.recipients), "kind": CONTENT, "state": RECEIVING}
    row |= {"sha256": "", "size": 0, "form": content.id, "content": "", "lease": 0, "opened": ""}
    with writing(engine) as connection:
        if connection.scalar(select(Mailbox.withdrawn).where(Mailbox.id == content.mailbox)):
            raise WithdrawnError
        connection.execute(insert(_RECORDS), row)


def append(engine: Engine, record: str, number: int, data: bytes) -> None:
    """Store the next part of a file; it is durable then. Raises GoneError."""
    with writing(engine) as connection:
        if connection.execute(_GROW, {"record_id": record, "grown": len(data)}).rowcount != 1:
            raise GoneError
        connection.execute(insert(_SEGMENTS), {"record": record, "number": number, "data": data})


def finish(engine: Engine, received: Received, attachment: NewRecord) -> Kept:
    """Keep a file that has arrived whole, with the record that describes it, and return that record.

    A file that its mailbox holds already is not kept a second time. Raises GoneError.
    """
    with writing(engine) as connection:
        same = (Record.mailbox == attachment.mailbox, Record.content == received.same, Record.state == KEPT)
        held = find_kept(connection, *same, Record.kind == attachment.kind)
        values = {"state": KEPT, "sha256": received.sha256} if held is None else {"state": ERASING}
        arrived = update(Record).where(Record.id == received.id, Record.state == RECEIVING)
        if connection.execute(arrived.values(values)).rowcount != 1:
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
            connection.execute(update(Record).where(Record.id.in_(records)).values(lease=0))


def count_leases(engine: Engine) -> None:
    """Count the lease of every file that is arriving, and give up those that nobody has renewed for long."""
    with reading(engine) as connection:
        if connection.scalar(select(Record.id).where(Record.state == RECEIVING).limit(1)) is None:
            return
    with writing(engine) as connection:
        arriving = update(Record).where(Record.state == RECEIVING)
        connection.execute(arriving.values(lease=Record.lease + 1))
        connection.execute(arriving.where(Record.lease > _MOST_LEASES).values(state=ERASING))


_RECORDS, _SEGMENTS = Base.metadata.tables["record"], Base.metadata.tables["segment"]
_GROW = (
    update(_RECORDS)
    .where(_RECORDS.c.id == bindparam("record_id"), _RECORDS.c.state == RECEIVING)
    .values(size=_RECORDS.c.size + bindparam("grown"), lease=0)
)

"""Keeps sealed records. A record, its log entry and its mailbox are written in one transaction, or not at all."""

import datetime
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from intake.store.engine import reading, writing
from intake.store.models import Base, Edition, LogEntry, Mailbox, Recipient, Record, Segment

SEGMENT = 1024 * 1024
"""A record's ciphertext is stored in parts of this size (bytes)."""


@dataclass(frozen=True, kw_only=True)
class NewMailbox:
    """The mailbox that comes with a testimony."""

    recipient: str
    authority: str
    consents: bytes


@dataclass(frozen=True, kw_only=True)
class NewRecord:
    """A sealed record to keep. `mailbox` is the id; `form` names the form it was sent with, `content` what it said."""

    id: str
    mailbox: str
    kind: str
    call: str
    day: str
    sha256: str
    ciphertext: bytes
    recipients: Sequence[str]
    form: str
    content: str


@dataclass(frozen=True)
class Kept:
    """A record that is in the database."""

    id: str
    mailbox: str
    kind: str
    day: str
    sha256: str


class AlreadySentError(Exception):
    """The form, or its return code, came before with other content. Nothing was written."""


class Records:
    """The records of one instance. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # SQLite has one writer at a time. Threads queue here, fairly, instead of polling its lock.
        self._writer = threading.Lock()

    def keep(self, record: NewRecord, mailbox: NewMailbox | None = None) -> Kept:
        """Store a record, with its mailbox when it is a testimony, and return it; it is durable then.

        The same form with the same content is stored once, however often and however fast it comes.

        Raises AlreadySentError when the form or the mailbox is taken by other content, and SQLAlchemyError when
        nothing could be written.
        """
        try:
            with self._writer, writing(self.engine) as connection:
                _insert(connection, record, mailbox)
        except IntegrityError:
            kept = self.sent_before(record.form, record.content)
            if kept is None:
                raise AlreadySentError from None
            return kept
        return Kept(record.id, record.mailbox, record.kind, record.day, record.sha256)

    def sent_before(self, form: str, content: str) -> Kept | None:
        """Return the record that this form made with this content, if there is one."""
        with reading(self.engine) as connection:
            return _kept(connection, Record.form == form, Record.content == content)

    def testimony(self, mailbox: str) -> Kept | None:
        """Return the testimony of a mailbox, by the mailbox's id."""
        with reading(self.engine) as connection:
            return _kept(connection, Record.mailbox == mailbox, Record.kind == "testimony")

    def remember_edition(self, sha256: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of an edition for as long as the instance lives. Safe to repeat."""
        known = self.edition(sha256)
        if not known:
            rows = [Edition(sha256=sha256, file=name, content=content) for name, content in files.items()]
            self._add_missing(rows)

    def edition(self, sha256: str) -> dict[str, bytes]:
        """Return the files of an edition by name; empty where it is not known."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(Edition.file, Edition.content).where(Edition.sha256 == sha256))
            return {row.file: row.content for row in rows}

    def remember_recipient(self, fingerprint: str, recipient: str, comment: str) -> None:
        """Keep a recipient that records are sealed to. Safe to repeat."""
        with reading(self.engine) as connection:
            known = connection.scalar(select(Recipient.first_day).where(Recipient.fingerprint == fingerprint))
        if not known:
            row = Recipient(fingerprint=fingerprint, recipient=recipient, comment=comment, first_day=today())
            self._add_missing([row])

    def check_writable(self) -> None:
        """Write a row and take it back. Raises SQLAlchemyError when a record could not be stored now."""
        row = {"event": "check", "record": "", "sha256": "", "day": ""}
        with self._writer, self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.execute(insert(LogEntry).values(row))
            connection.rollback()

    def _add_missing(self, rows: Sequence[Base]) -> None:
        try:
            with self._writer, writing(self.engine) as connection, Session(connection) as session:
                session.add_all(rows)
                session.flush()
        except IntegrityError:
            return  # another worker was first with the same rows


def today() -> str:
    """Return the day (UTC, ISO), the finest time this service keeps."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


# Built once: SQLAlchemy would else work out each statement anew.
_INSERT_MAILBOX, _INSERT_RECORD, _INSERT_SEGMENT, _INSERT_ENTRY = (
    insert(Base.metadata.tables[model.__tablename__]) for model in (Mailbox, Record, Segment, LogEntry)
)


def _insert(connection: Connection, record: NewRecord, mailbox: NewMailbox | None) -> None:
    if mailbox:
        connection.execute(_INSERT_MAILBOX, {"id": record.mailbox, **vars(mailbox)})
    columns = {name: value for name, value in vars(record).items() if name != "ciphertext"}
    sizes = {"size": len(record.ciphertext), "recipients": " ".join(record.recipients)}
    connection.execute(_INSERT_RECORD, {**columns, **sizes})
    parts = (record.ciphertext[start : start + SEGMENT] for start in range(0, len(record.ciphertext), SEGMENT))
    rows = [{"record": record.id, "number": number, "data": data} for number, data in enumerate(parts)]
    connection.execute(_INSERT_SEGMENT, rows)
    event = "received" if record.kind == "testimony" else "added"
    entry = {"event": event, "record": record.id, "sha256": record.sha256, "day": record.day}
    connection.execute(_INSERT_ENTRY, entry)


def _kept(connection: Connection, *conditions: object) -> Kept | None:
    columns = (Record.id, Record.mailbox, Record.kind, Record.day, Record.sha256)
    row = connection.execute(select(*columns).where(*conditions)).first()  # type: ignore[arg-type]
    return Kept(*row) if row else None

"""Keeps sealed records. A record, its log entry and its mailbox are written in one transaction, or not at all."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from intake.store.engine import reading, writing
from intake.store.models import Base, Edition, LogEntry, Mailbox, Recipient, Record, Segment

SEGMENT = 1024 * 1024
"""A record's ciphertext is stored in parts of this size (bytes)."""
KEPT, RECEIVING, ERASING, PURGING, PURGED = "kept", "receiving", "erasing", "purging", "purged"
"""The states of a record, as `models.Record` describes them."""
CONTENT = "content"
"""The kind of a record that holds the bytes of a file."""


@dataclass(frozen=True, kw_only=True)
class NewMailbox:
    """The mailbox that comes with a testimony."""

    recipient: str
    authority: str
    consents: bytes


@dataclass(frozen=True, kw_only=True)
class NewRecord:
    """A sealed record to keep. `mailbox` is the id; `form` names the form it was sent with, `content` what it said.

    `event` is the one of its log entry.
    """

    id: str
    mailbox: str
    kind: str
    call: str
    day: str
    sha256: str
    ciphertext: bytes = field(repr=False)
    recipients: Sequence[str]
    form: str
    content: str
    event: str = "added"


@dataclass(frozen=True)
class Kept:
    """A record that is in the database."""

    id: str
    mailbox: str
    kind: str
    call: str
    day: str
    sha256: str


class AlreadySentError(Exception):
    """The form, or its return code, came before with other content. Nothing was written."""


class WithdrawnError(Exception):
    """The source of this mailbox has withdrawn everything. Nothing was written."""


class Records:
    """The records of one instance. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def keep(
        self, record: NewRecord, mailbox: NewMailbox | None = None, consents: tuple[bytes, bytes] | None = None
    ) -> Kept:
        """Store a record and return it; it is durable then. With a testimony comes its `mailbox`.

        Of `consents`, the second takes the place of the first as the copy in the mailbox. The same form with the same
        content is stored once, however often and however fast it comes.

        Raises AlreadySentError when the form or the mailbox is taken by other content, or the consents are no longer
        those; WithdrawnError when the mailbox is closed, and SQLAlchemyError when nothing could be written.
        """
        try:
            with writing(self.engine) as connection:
                if mailbox is None:
                    _refuse_withdrawn(connection, record.mailbox)
                else:
                    connection.execute(_INSERT_MAILBOX, {"id": record.mailbox, **vars(mailbox)})
                insert_record(connection, record)
                if consents is not None:
                    held = (Mailbox.id == record.mailbox, Mailbox.consents == consents[0])
                    changed = update(Mailbox).where(*held).values(consents=consents[1])
                    if connection.execute(changed).rowcount != 1:
                        raise AlreadySentError
        except IntegrityError:
            kept = self.sent_before(record.form, record.content)
            if kept is None:
                with reading(self.engine) as connection:
                    _refuse_withdrawn(connection, record.mailbox)
                raise AlreadySentError from None
            return kept
        return Kept(record.id, record.mailbox, record.kind, record.call, record.day, record.sha256)

    def sent_before(self, form: str, content: str) -> Kept | None:
        """Return the record that this form made with this content, if there is one."""
        with reading(self.engine) as connection:
            return find_kept(connection, Record.form == form, Record.content == content, Record.state != ERASING)

    def testimony(self, mailbox: str) -> Kept | None:
        """Return the testimony of a mailbox, by the mailbox's id, unless it was withdrawn. It may be purged."""
        with reading(self.engine) as connection:
            return find_kept(connection, Record.mailbox == mailbox, Record.kind == "testimony", Record.state != ERASING)

    def find(self, mailbox: str, sha256: str) -> Kept | None:
        """Return the record of a mailbox, by the mailbox's id, whose ciphertext has this digest, unless withdrawn."""
        with reading(self.engine) as connection:
            return find_kept(connection, Record.mailbox == mailbox, Record.sha256 == sha256, Record.state != ERASING)

    def used(self, mailbox: str) -> tuple[int, int]:
        """Return how many records of a mailbox are here, and their bytes, until the last part of them is erased."""
        with reading(self.engine) as connection:
            columns = (func.count(), func.coalesce(func.sum(Record.size), 0))
            here = (Record.mailbox == mailbox, Record.state.in_((KEPT, RECEIVING, ERASING)))
            count, size = connection.execute(select(*columns).where(*here)).one()
            return int(count), int(size)

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
        with writing(self.engine) as connection:
            connection.execute(insert(LogEntry).values(row))
            connection.rollback()

    def _add_missing(self, rows: Sequence[Base]) -> None:
        try:
            with writing(self.engine) as connection, Session(connection) as session:
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
_COLUMNS = (Record.id, Record.mailbox, Record.kind, Record.call, Record.day, Record.sha256)
_WITHDRAWN = select(Mailbox.withdrawn)


def insert_record(connection: Connection, record: NewRecord) -> None:
    """Write a whole record and its log entry."""
    columns = {name: value for name, value in vars(record).items() if name not in ("ciphertext", "event")}
    sizes = {"size": len(record.ciphertext), "recipients": " ".join(record.recipients)}
    connection.execute(_INSERT_RECORD, {**columns, **sizes, "state": KEPT, "lease": 0, "opened": ""})
    parts = (record.ciphertext[start : start + SEGMENT] for start in range(0, len(record.ciphertext), SEGMENT))
    rows = [{"record": record.id, "number": number, "data": data} for number, data in enumerate(parts)]
    connection.execute(_INSERT_SEGMENT, rows)
    insert_entry(connection, record.event, record.id, record.sha256, record.day)


def insert_entry(connection: Connection, event: str, record: str, sha256: str, day: str) -> None:
    """Write an entry of the log."""
    connection.execute(_INSERT_ENTRY, {"event": event, "record": record, "sha256": sha256, "day": day})


def find_kept(connection: Connection, *conditions: object) -> Kept | None:
    """Return the first record that fits."""
    row = connection.execute(select(*_COLUMNS).where(*conditions)).first()  # type: ignore[arg-type]
    return Kept(*row) if row else None


def _refuse_withdrawn(connection: Connection, mailbox: str) -> None:
    if connection.scalar(_WITHDRAWN.where(Mailbox.id == mailbox)):
        raise WithdrawnError

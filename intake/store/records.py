"""Keeps sealed records. A record, its log entry and its mailbox are written in one transaction, or not at all."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from intake.store.engine import check_postgresql, insert_missing, is_sqlite, once_more, reading, writing
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

    @once_more
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
                    refuse_withdrawn(connection, record.mailbox)
                elif not insert_missing(connection, _MAILBOXES, {**_NO_DAY, "id": record.mailbox, **vars(mailbox)}):
                    raise AlreadySentError
                insert_record(connection, record)
                if consents is not None:
                    held = (Mailbox.id == record.mailbox, Mailbox.consents == consents[0])
                    changed = update(Mailbox).where(*held).values(consents=consents[1])
                    if connection.execute(changed).rowcount != 1:
                        raise AlreadySentError
        except (AlreadySentError, IntegrityError):
            kept = self.sent_before(record.form, record.content)
            if kept is None:
                with writing(self.engine) as connection:
                    refuse_withdrawn(connection, record.mailbox)
                raise AlreadySentError from None
            self._make_sure(kept)
            return kept
        return Kept(record.id, record.mailbox, record.kind, record.call, record.day, record.sha256)

    @once_more
    def sent_before(self, form: str, content: str) -> Kept | None:
        """Return the record that this form made with this content, if there is one."""
        with reading(self.engine) as connection:
            return find_kept(connection, Record.form == form, Record.content == content, Record.state != ERASING)

    @once_more
    def testimony(self, mailbox: str) -> Kept | None:
        """Return the testimony of a mailbox, by the mailbox's id, unless it was withdrawn. It may be purged."""
        with reading(self.engine) as connection:
            return find_kept(connection, Record.mailbox == mailbox, Record.kind == "testimony", Record.state != ERASING)

    @once_more
    def find(self, mailbox: str, sha256: str) -> Kept | None:
        """Return the record of a mailbox, by the mailbox's id, whose ciphertext has this digest, unless withdrawn."""
        if "\0" in sha256:  # PostgreSQL knows no such text
            return None
        with reading(self.engine) as connection:
            return find_kept(connection, Record.mailbox == mailbox, Record.sha256 == sha256, Record.state != ERASING)

    @once_more
    def used(self, mailbox: str) -> tuple[int, int]:
        """Return how many records of a mailbox are here, and their bytes, until the last part of them is erased."""
        with reading(self.engine) as connection:
            columns = (func.count(), func.coalesce(func.sum(Record.size), 0))
            here = (Record.mailbox == mailbox, Record.state.in_((KEPT, RECEIVING, ERASING)))
            count, size = connection.execute(select(*columns).where(*here)).one()
            return int(count), int(size)

    def remember_edition(self, sha256: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of an edition for as long as the instance lives. Safe to repeat."""
        if not self.edition(sha256):
            with writing(self.engine) as connection:
                for name, content in sorted(files.items()):
                    insert_missing(connection, _EDITIONS, {"sha256": sha256, "file": name, "content": content})

    @once_more
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
            row = {"fingerprint": fingerprint, "recipient": recipient, "comment": comment, "first_day": today()}
            with writing(self.engine) as connection:
                insert_missing(connection, _RECIPIENTS, row)

    @once_more
    def check_writable(self) -> None:
        """Raise SQLAlchemyError when a record could not be stored now."""
        if not is_sqlite(self.engine):
            check_postgresql(self.engine)
            return
        with writing(self.engine) as connection:
            connection.execute(_INSERT_ENTRY, {"event": "check", "record": "", "sha256": "", "day": ""})
            connection.rollback()

    def _make_sure(self, kept: Kept) -> None:
        """Wait until what another request has stored is as durable as its receipt will say.

        It may have been killed, or its database server, between writing and having all of it on the disk. A change
        that is on the disk has before it all that it came after.
        """
        with writing(self.engine) as connection:
            connection.execute(update(Record).where(Record.id == kept.id).values(lease=Record.lease))


def today() -> str:
    """Return the day (UTC, ISO), the finest time this service keeps."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


_MAILBOXES, _RECORDS, _EDITIONS, _RECIPIENTS = (
    Base.metadata.tables[model.__tablename__] for model in (Mailbox, Record, Edition, Recipient)
)
# Built once: SQLAlchemy would else work out each statement anew.
_INSERT_SEGMENT, _INSERT_ENTRY = (insert(Base.metadata.tables[model.__tablename__]) for model in (Segment, LogEntry))
_NO_DAY = {"withdrawn": ""}
_COLUMNS = (Record.id, Record.mailbox, Record.kind, Record.call, Record.day, Record.sha256)
_WITHDRAWN = select(Mailbox.withdrawn).with_for_update()


def insert_record(connection: Connection, record: NewRecord) -> None:
    """Write a whole record and its log entry. Raises AlreadySentError where its form or id is taken."""
    columns = {name: value for name, value in vars(record).items() if name not in ("ciphertext", "event")}
    sizes = {"size": len(record.ciphertext), "recipients": " ".join(record.recipients)}
    if not insert_missing(connection, _RECORDS, {**columns, **sizes, "state": KEPT, "lease": 0, "opened": ""}):
        raise AlreadySentError
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


def refuse_withdrawn(connection: Connection, mailbox: str) -> None:
    """Lock a mailbox, so that nobody withdraws it before the transaction ends. Raises WithdrawnError."""
    if connection.scalar(_WITHDRAWN.where(Mailbox.id == mailbox)):
        raise WithdrawnError

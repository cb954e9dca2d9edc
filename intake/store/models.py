"""The tables. Days are ISO dates: nothing finer than the day is kept. Digests are lower-case hex."""

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables of an instance."""


class Instance(Base):
    """One row: the instance id, salt of every return code. Losing it would kill every code."""

    __tablename__ = "instance"
    id: Mapped[str] = mapped_column(primary_key=True)


class Edition(Base):
    """A file of a call's edition, exactly as it was when people were asked."""

    __tablename__ = "edition"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    file: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Recipient(Base):
    """A public key that records were sealed to, with its comment. Kept after it leaves `keys/`."""

    __tablename__ = "recipient"
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    comment: Mapped[str]
    first_day: Mapped[str]


class Mailbox(Base):
    """What a return code opens. The id is the SHA-256 of the access token; `consents` is sealed to `recipient`."""

    __tablename__ = "mailbox"
    id: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    authority: Mapped[str]
    consents: Mapped[bytes] = mapped_column(LargeBinary)


class Record(Base):
    """A sealed record. `form` and `content` tell a repeated sending from a new one without knowing what it says."""

    __tablename__ = "record"
    id: Mapped[str] = mapped_column(primary_key=True)
    mailbox: Mapped[str] = mapped_column(ForeignKey("mailbox.id"), index=True)
    kind: Mapped[str]
    call: Mapped[str]
    day: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    recipients: Mapped[str]
    form: Mapped[str] = mapped_column(unique=True)
    content: Mapped[str]


class Segment(Base):
    """A part of a record's ciphertext, numbered from 0."""

    __tablename__ = "segment"
    record: Mapped[str] = mapped_column(ForeignKey("record.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class LogEntry(Base):
    """An event of the log, in order of arrival. `intake export` gives it a sequence number and links it."""

    __tablename__ = "log_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str]
    record: Mapped[str]
    sha256: Mapped[str]
    day: Mapped[str]
    sequence: Mapped[int | None] = mapped_column(unique=True)
    previous: Mapped[str | None]
    digest: Mapped[str | None]
    __table_args__ = (Index("log_entry_unlinked", "sequence", "id"),)

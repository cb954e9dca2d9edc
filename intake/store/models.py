"""The tables. Days are ISO dates: nothing finer than the day is kept. Digests are lower-case hex."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_LARGE = BigInteger().with_variant(Integer, "sqlite")  # whose integers are large anyway


class Base(DeclarativeBase):
    """All tables of an instance."""


class Instance(Base):
    """One row: the instance id, salt of every return code. Losing it would kill every code."""

    __tablename__ = "instance"
    id: Mapped[str] = mapped_column(primary_key=True)
    last_export: Mapped[str] = mapped_column(default="")


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


class RecipientSet(Base):
    """The recipients that forms were served with, by the short name in their tokens, and the day they last were."""

    __tablename__ = "recipient_set"
    name: Mapped[str] = mapped_column(primary_key=True)
    fingerprints: Mapped[str]
    last_day: Mapped[str]


class Mailbox(Base):
    """What a return code opens. The id is the SHA-256 of the access token; `consents` is sealed to `recipient`.

    Once its source has withdrawn, `withdrawn` holds the day and nothing else but the id is left.
    """

    __tablename__ = "mailbox"
    id: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    authority: Mapped[str]
    consents: Mapped[bytes] = mapped_column(LargeBinary)
    withdrawn: Mapped[str] = mapped_column(default="")


class Reply(Base):
    """A message of the desk, sealed to a mailbox. One that was deleted or has expired keeps its id, so that the same
    dispatch does not bring it back."""

    __tablename__ = "reply"
    id: Mapped[str] = mapped_column(primary_key=True)
    mailbox: Mapped[str] = mapped_column(ForeignKey("mailbox.id"), index=True)
    day: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class DeskKey(Base):
    """One row: the desk's signing key (Ed25519, base64), installed with `intake trust`."""

    __tablename__ = "desk_key"
    key: Mapped[str] = mapped_column(primary_key=True)


class Record(Base):
    """A sealed record. `form` and `content` tell a repeated sending from a new one without knowing what it says.

    Only what is `kept` is read or exported. The bytes of a file are `receiving` while they arrive: `lease` counts the
    sweeps since the process that takes them in last said so. `erasing` goes away altogether, `purging` leaves a row
    that is `purged`. `opened` is the day of the desk's word that it has opened this very record.
    """

    __tablename__ = "record"
    id: Mapped[str] = mapped_column(primary_key=True)
    mailbox: Mapped[str] = mapped_column(ForeignKey("mailbox.id"), index=True)
    kind: Mapped[str]
    call: Mapped[str]
    day: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(_LARGE)
    recipients: Mapped[str]
    form: Mapped[str] = mapped_column(unique=True)
    content: Mapped[str]
    state: Mapped[str] = mapped_column(default="kept", index=True)
    lease: Mapped[int] = mapped_column(default=0)
    opened: Mapped[str] = mapped_column(default="")
    __table_args__ = (Index("ix_record_sizes", "kind", "state", "size"),)


class Segment(Base):
    """A part of a record's ciphertext, numbered from 0."""

    __tablename__ = "segment"
    record: Mapped[str] = mapped_column(ForeignKey("record.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class LogEntry(Base):
    """An event of the log, in order of arrival. `intake export` gives it a sequence number and links it."""

    __tablename__ = "log_entry"
    id: Mapped[int] = mapped_column(_LARGE, primary_key=True)
    event: Mapped[str]
    record: Mapped[str]
    sha256: Mapped[str]
    day: Mapped[str]
    sequence: Mapped[int | None] = mapped_column(_LARGE, unique=True)
    previous: Mapped[str | None]
    digest: Mapped[str | None]
    __table_args__ = (Index("log_entry_unlinked", "sequence", "id"),)

"""What waits in a mailbox: the desk's sealed messages and the sealed copy of the consents. None can be read here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select, update

from intake.store.engine import insert_missing, once_more, reading, writing
from intake.store.models import Base, DeskKey, Instance, Mailbox, Record, Reply
from intake.store.records import KEPT, today

_BATCH = 200


@dataclass(frozen=True)
class Sealed:
    """A message as it was delivered."""

    id: str
    day: str
    sealed: bytes


@dataclass(frozen=True)
class Opened:
    """What a mailbox holds. `withdrawn` is the day on which its source took everything back, or nothing."""

    id: str
    recipient: str
    consents: bytes
    withdrawn: str
    messages: tuple[Sealed, ...]
    deleted: int
    """How many messages were there and were deleted, or have expired."""


@dataclass(frozen=True)
class Delivered:
    """What a delivery did: new messages, those that were there already, and those without a mailbox here."""

    new: int
    known: int
    unknown: int


@once_more
def look(engine: Engine, mailbox: str) -> Opened | None:
    """Return a mailbox by its id, with what waits in it, in the order of delivery."""
    with reading(engine) as connection:
        row = connection.execute(select(Mailbox).where(Mailbox.id == mailbox)).first()
        if row is None:
            return None
        columns = (Reply.id, Reply.day, Reply.sealed)
        delivered = select(*columns).where(Reply.mailbox == mailbox).order_by(Reply.day, Reply.id)
        messages = [Sealed(*message) for message in connection.execute(delivered)]
    waiting = tuple(message for message in messages if message.sealed)
    return Opened(row.id, row.recipient, row.consents, row.withdrawn, waiting, len(messages) - len(waiting))


@once_more
def delete_message(engine: Engine, mailbox: str, message: str) -> bool:
    """Delete a message from a mailbox, and return whether it was there. The same dispatch does not bring it back."""
    if "\0" in message:  # PostgreSQL knows no such text
        return False
    with writing(engine) as connection:
        found = update(Reply).where(Reply.mailbox == mailbox, Reply.id == message, Reply.sealed != b"")
        return connection.execute(found.values(sealed=b"")).rowcount == 1


@once_more
def trusted_key(engine: Engine) -> str:
    """Return the desk's signing key (base64), or nothing before `intake trust`."""
    with reading(engine) as connection:
        return str(connection.scalar(select(DeskKey.key)) or "")


@once_more
def trust(engine: Engine, key: str) -> str:
    """Install the desk's signing key (base64) unless there is one, and return the one that is installed then."""
    with writing(engine) as connection:
        connection.execute(select(Instance.id).with_for_update(key_share=True))
        held = connection.scalar(select(DeskKey.key))
        if held is None:
            connection.execute(insert(DeskKey).values(key=key))
        return str(held or key)


def deliver(engine: Engine, messages: Sequence[tuple[str, str, bytes]], opened: Mapping[str, str]) -> Delivered:
    """File messages (id, testimony, ciphertext) and what the desk says it has opened (record -> digest).

    It may be repeated, and is done in batches: nobody who writes meanwhile waits long.
    """
    done = Counter[str]()
    for start in range(0, len(messages), _BATCH):
        done.update(_deliver(engine, messages[start : start + _BATCH]))
    digests = sorted(opened.items())
    for start in range(0, len(digests), _BATCH):
        _mark_opened(engine, digests[start : start + _BATCH])
    return Delivered(done["new"], done["known"], done["unknown"])


@once_more
def _deliver(engine: Engine, messages: Sequence[tuple[str, str, bytes]]) -> list[str]:
    with writing(engine) as connection:
        testimonies = (Record.id.in_({message[1] for message in messages}), Record.kind == "testimony")
        open_mailboxes = (
            select(Record.id, Record.mailbox)
            .join(Mailbox, Record.mailbox == Mailbox.id)
            .where(*testimonies, Mailbox.withdrawn == "")
            .order_by(Mailbox.id)
            .with_for_update(of=Mailbox)
        )
        mailbox_of = {row.id: row.mailbox for row in connection.execute(open_mailboxes)}
        return [
            _deliver_one(connection, identifier, mailbox_of.get(testimony), sealed)
            for identifier, testimony, sealed in messages
        ]


def _deliver_one(connection: Connection, identifier: str, mailbox: str | None, sealed: bytes) -> str:
    if mailbox is None:
        return "unknown"
    row = {"id": identifier, "mailbox": mailbox, "day": today(), "sealed": sealed}
    return "new" if insert_missing(connection, _REPLIES, row) else "known"


@once_more
def _mark_opened(engine: Engine, digests: Sequence[tuple[str, str]]) -> None:
    with writing(engine) as connection:
        for record, sha256 in digests:
            seen = (Record.id == record, Record.sha256 == sha256, Record.state == KEPT, Record.opened == "")
            connection.execute(update(Record).where(*seen).values(opened=today()))


_REPLIES = Base.metadata.tables["reply"]

"""What waits in a mailbox: the desk's sealed messages and the sealed copy of the consents. None can be read here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select, update

from intake.store.engine import reading, writing
from intake.store.models import DeskKey, Mailbox, Record, Reply
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


def delete_message(engine: Engine, mailbox: str, message: str) -> bool:
    """Delete a message from a mailbox, and return whether it was there. The same dispatch does not bring it back."""
    with writing(engine) as connection:
        found = update(Reply).where(Reply.mailbox == mailbox, Reply.id == message, Reply.sealed != b"")
        return connection.execute(found.values(sealed=b"")).rowcount == 1


def trusted_key(engine: Engine) -> str:
    """Return the desk's signing key (base64), or nothing before `intake trust`."""
    with reading(engine) as connection:
        return str(connection.scalar(select(DeskKey.key)) or "")


def trust(engine: Engine, key: str) -> str:
    """Install the desk's signing key (base64) unless there is one, and return the one that is installed then."""
    with writing(engine) as connection:
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
        with writing(engine) as connection:
            for message in messages[start : start + _BATCH]:
                done[_deliver_one(connection, *message)] += 1
    digests = list(opened.items())
    for start in range(0, len(digests), _BATCH):
        with writing(engine) as connection:
            for record, sha256 in digests[start : start + _BATCH]:
                seen = (Record.id == record, Record.sha256 == sha256, Record.state == KEPT, Record.opened == "")
                connection.execute(update(Record).where(*seen).values(opened=today()))
    return Delivered(done["new"], done["known"], done["unknown"])


def _deliver_one(connection: Connection, identifier: str, testimony: str, sealed: bytes) -> str:
    mailbox = connection.scalar(
        select(Mailbox.id)
        .join(Record, Record.mailbox == Mailbox.id)
        .where(Record.id == testimony, Record.kind == "testimony", Mailbox.withdrawn == "")
    )
    if mailbox is None:
        return "unknown"
    if connection.scalar(select(Reply.id).where(Reply.id == identifier)) is not None:
        return "known"
    row = {"id": identifier, "mailbox": mailbox, "day": today(), "sealed": sealed}
    connection.execute(insert(Reply).values(row))
    return "new"

"""What reviewers write to sources: sealed to the mailbox that the testimony names, signed by the desk, and kept.

The sealed bytes are made once and never again, so that the same dispatch may be written and delivered any number of
times. The words are kept beside them, since nobody here could open the sealed ones.
"""

import contextlib
import datetime
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from intake.age.encrypt import encrypt
from intake.age.errors import AgeError
from intake.age.recipients import HybridRecipient
from intake.desk import deciding, trail
from intake.desk.deciding import SPAM
from intake.desk.errors import DeskError
from intake.desk.workspace import QUARANTINED, WITHDRAWN, Record, Workspace
from intake.desk.written import checked
from intake.dispatch import SealedMessage, is_dispatch, write_dispatch
from intake.encoding import EnvelopeError
from intake.envelope import Acknowledgement, FromDesk, Reply, Testimony, build_message, parse, parse_message

RECEIVED = "received"
DECISIONS = (deciding.ACCEPTED, deciding.SET_ASIDE)
"""The acknowledged states that are also the state of the testimony here."""
_REPLIED, _ACKNOWLEDGED = "reply written", "acknowledged"
_DAYS_SENT = 183
"""A message goes into every dispatch for this many days: each may be lost on its way."""


@dataclass(frozen=True)
class Sent:
    """A message as reviewers see it. Only an acknowledgement has a `state`."""

    id: str
    kind: str
    day: str
    state: str
    text: str


def reply(workspace: Workspace, identifier: str, text: str, day: str) -> bool:
    """Write to the source of a testimony. Return False if the last reply said the same: there is no second one then.

    Raises DeskError when the text is empty or too long, or there is no testimony here to reply to.
    """
    with workspace.transaction():
        return add_reply(workspace, identifier, text, day)


def add_reply(workspace: Workspace, identifier: str, text: str, day: str) -> bool:
    """Do what `reply` does in the caller's transaction, and raise what it raises."""
    text = checked(text)
    if not text:
        raise DeskError("The text is empty: nothing was written to the source.")
    record, testimony = _testimony(workspace, identifier)
    message = Reply(id=_new_id(workspace), parent=record.id, day=day, text=text)
    return _write(workspace, testimony, message, _REPLIED)


def acknowledge(workspace: Workspace, identifier: str, state: str, text: str, day: str) -> bool:
    """Tell the source of a testimony what became of it, in an empty text or more; first of all that it was received.

    Returns False if the last acknowledgement said the same: there is no second one then. Raises DeskError as `reply`.
    """
    text = checked(text)
    with workspace.transaction():
        record, testimony = _testimony(workspace, identifier)
        if state in DECISIONS:
            deciding.decide(workspace, record.id, state)
        told = any(message.kind == Acknowledgement.kind for message in sent(workspace, record.id))
        if state != RECEIVED and not told:
            _add(workspace, testimony, _acknowledgement(workspace, record, RECEIVED, "", day))
        message = _acknowledgement(workspace, record, state, text, day)
        return _write(workspace, testimony, message, _ACKNOWLEDGED)


def sent(workspace: Workspace, testimony: str) -> Iterator[Sent]:
    """Yield what was written to the source of a testimony, in order."""
    query = "SELECT id, kind, day, state, text FROM messages WHERE record = ? ORDER BY number"
    return (Sent(*row) for row in workspace.execute(query, (testimony,)).fetchall())


def take_over(workspace: Workspace, identifier: str, message: Sent) -> None:
    """Keep what another desk wrote to the source of a testimony, in the caller's transaction.

    It is sealed and signed anew: the server trusts one desk, and that may be this one. What is here already, is said to
    the same source in the same words, or belongs to no testimony that is filed here, is left out. Raises EnvelopeError
    when it is malformed: the server would refuse every dispatch that it is in.
    """
    if not all(isinstance(text, str) for text in (identifier, *asdict(message).values())):
        raise EnvelopeError("a message is malformed")
    same = "id = ? OR (record = ? AND kind = ? AND state = ? AND text = ?)"
    parameters = (message.id, identifier, message.kind, message.state, message.text)
    if workspace.execute(f"SELECT 1 FROM messages WHERE {same}", parameters).fetchone():  # noqa: S608
        return
    with contextlib.suppress(DeskError):
        record, testimony = _testimony(workspace, identifier)
        common = {"id": message.id, "parent": record.id, "day": message.day, "text": message.text}
        taken: FromDesk = Reply(**common)
        if message.kind != Reply.kind:
            taken = Acknowledgement(**common, state=message.state, sha256=record.sha256)
        parse_message(build_message(taken.signed(workspace.signing_key())))
        _add(workspace, testimony, taken)


def dispatch(workspace: Workspace, path: Path, day: str) -> int:
    """Write the file that the operator delivers, and return how many messages are in it.

    Every testimony that nothing was acknowledged of is acknowledged as received first, but for spam. An
    earlier dispatch is replaced, no other file is. Raises DeskError, and OSError.
    """
    if os.path.lexists(path) and not (path.is_file() and is_dispatch(path)):
        raise DeskError(f"{path} is there already, and no dispatch: choose another name.")
    with workspace.in_order():
        _acknowledge_received(workspace, day)
    first = (datetime.date.fromisoformat(day) - datetime.timedelta(days=_DAYS_SENT)).isoformat()
    query = "SELECT id, record, sealed FROM messages WHERE day >= ? ORDER BY number"
    messages = [SealedMessage(*row) for row in workspace.execute(query, (first,))]
    # What was withdrawn, too: after a restore, the server may have it again.
    opened = workspace.execute("SELECT id, sha256 FROM records WHERE state != ?", (QUARANTINED,))
    write_dispatch(path, workspace.signing_key(), day, messages, dict(opened.fetchall()))
    return len(messages)


def _acknowledge_received(workspace: Workspace, day: str) -> None:
    query = "kind = ? AND state NOT IN (?, ?, ?) AND id NOT IN (SELECT record FROM messages WHERE kind = ?)"
    parameters = (Testimony.kind, QUARANTINED, WITHDRAWN, SPAM, Acknowledgement.kind)
    for found in workspace.records(query, parameters):
        # One that nothing can be sealed to, or that was withdrawn meanwhile, does not keep the others from theirs.
        with contextlib.suppress(DeskError), workspace.transaction():
            record, testimony = _testimony(workspace, found.id)
            _add(workspace, testimony, _acknowledgement(workspace, record, RECEIVED, "", day))


def _testimony(workspace: Workspace, identifier: str) -> tuple[Record, Testimony]:
    """Return the testimony that a message can be written to. Raises DeskError."""
    record = workspace.found(identifier)
    if record.state == SPAM:
        raise DeskError(f"Record {record.id} is marked as spam: `intake-desk spam {record.id} --undo` takes that back.")
    testimony = parse(record.content) if record.kind == Testimony.kind else None
    if not isinstance(testimony, Testimony):
        raise DeskError(f"Record {record.id} is no testimony: write to its testimony {record.parent}.")
    return record, testimony


def _acknowledgement(workspace: Workspace, record: Record, state: str, text: str, day: str) -> Acknowledgement:
    identifier = _new_id(workspace)
    return Acknowledgement(id=identifier, parent=record.id, day=day, text=text, state=state, sha256=record.sha256)


def _new_id(workspace: Workspace) -> str:
    """Return an id for the next message: those of one day sort in the order in which they were written.

    The signature covers day and id, so nobody on the way can turn the order around.
    """
    (last,) = workspace.execute("SELECT coalesce(max(number), 0) FROM messages").fetchone()
    return f"{last + 1:08x}{secrets.token_hex(12)}"


def _write(workspace: Workspace, testimony: Testimony, message: FromDesk, event: str) -> bool:
    """Keep what a reviewer wrote, and in the trail that it was they."""
    new = _add(workspace, testimony, message)
    if new:
        trail.write(workspace, event, message.parent, {"id": message.id})
    return new


def _add(workspace: Workspace, testimony: Testimony, message: FromDesk) -> bool:
    """Seal a message and keep it, unless the last of its kind to this source said the same."""
    state = message.state if isinstance(message, Acknowledgement) else ""
    query = "SELECT state, text FROM messages WHERE record = ? AND kind = ? ORDER BY number DESC LIMIT 1"
    if workspace.execute(query, (message.parent, message.kind)).fetchone() == (state, message.text):
        return False
    plaintext = build_message(message.signed(workspace.signing_key()))
    try:
        sealed = encrypt(plaintext, [HybridRecipient.parse(testimony.mailbox)])
    except AgeError:
        raise DeskError(f"Nothing can be sealed to the mailbox of testimony {message.parent}.") from None
    row = (message.id, message.parent, message.kind, message.day, state, message.text, sealed)
    workspace.execute(
        "INSERT INTO messages (id, record, kind, day, state, text, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)", row
    )
    return True
